// Package machine looks at the computer this runs on: how busy it is, and what
// feeds it.
package machine

import "candid/netstack"

// State is what is known of this computer. What is not is unknown.
type State struct {
	Load      netstack.Opt[float64] // share of the processors in use, 0..1, since the look before
	OnBattery netstack.Opt[bool]
}
