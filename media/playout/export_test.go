package playout

// CarriesFEC is carriesFEC, for tests that must know that FEC was there to be used.
var CarriesFEC = carriesFEC

// HoldLocks takes every lock that others than the puller take, and returns what
// gives them back.
func (a *Audio) HoldLocks() func() {
	a.stat.mu.Lock()
	a.in.mu.Lock()
	return func() {
		a.in.mu.Unlock()
		a.stat.mu.Unlock()
	}
}
