package call

import "candid/netstack"

// machineState is what is known of this computer. What is not is unknown.
type machineState struct {
	load      netstack.Opt[float64] // share of the processor in use, 0..1, since the look before
	onBattery netstack.Opt[bool]
}
