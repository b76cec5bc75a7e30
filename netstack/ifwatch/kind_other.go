//go:build !linux

package ifwatch

import (
	"net"

	"candid/netstack"
)

// kindOf tells only what the portable flags tell.
func kindOf(i net.Interface) netstack.NetworkKind { return kindByFlags(i) }
