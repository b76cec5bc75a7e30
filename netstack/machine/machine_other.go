//go:build !linux

package machine

// Machine would look at this computer; on this system nothing is known yet.
type Machine struct{}

// Look knows nothing.
func (m *Machine) Look() State { return State{} }
