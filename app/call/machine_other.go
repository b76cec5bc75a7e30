//go:build !linux

package call

// machine would look at this computer; on this system nothing is known yet.
type machine struct{}

func (m *machine) look() machineState { return machineState{} }
