package uitest

import (
	"context"

	"candid/app/ui"
)

// CheckNetwork implements ui.Engine.
func (e *Engine) CheckNetwork(context.Context, string) ui.NetworkCheck {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.Network
}

// Rehearse implements ui.Engine.
func (e *Engine) Rehearse(context.Context, string) (ui.Rehearsal, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.rehearsals++
	return e.Rehearsal, e.RehearsalErr
}

// Rehearsals is how often Rehearse was called.
func (e *Engine) Rehearsals() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.rehearsals
}

// Reach implements ui.Engine.
func (e *Engine) Reach() ui.Reach {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.Outside
}

// OpenPort implements ui.Engine.
func (e *Engine) OpenPort() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.Outside = ui.Reach{Sentence: "People outside your network can reach you at 203.0.113.5:7788 (port opened by UPnP).", Open: true}
}

// LookAround implements ui.Engine.
func (e *Engine) LookAround(ctx context.Context, found func([]ui.Nearby)) {
	e.look(1)
	defer e.look(-1)
	for {
		e.mu.Lock()
		list := e.around
		e.mu.Unlock()
		found(list)
		select {
		case <-e.arrived:
		case <-ctx.Done():
			return
		}
	}
}

func (e *Engine) look(n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.looking += n
}

// Looking reports whether somebody waits for rooms nearby.
func (e *Engine) Looking() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.looking > 0
}

// SetAround are the rooms on the local network from now on.
func (e *Engine) SetAround(rooms ...ui.Nearby) {
	e.mu.Lock()
	e.around = rooms
	e.mu.Unlock()
	select {
	case e.arrived <- struct{}{}:
	default:
	}
}

// GoodNetwork is what a check at home finds.
func GoodNetwork() ui.NetworkCheck {
	return ui.NetworkCheck{
		Level: "good", Sentence: "Calls can go directly (12 ms to the host): your router keeps one port for all.",
		Facts: []ui.NetworkFact{
			{Name: "Calls", Value: "good"}, {Name: "UDP", Value: "yes"}, {Name: "IPv4", Value: "yes"}, {Name: "IPv6", Value: "no"},
			{Name: "NAT", Value: "port-restricted cone"}, {Name: "  mapping", Value: "endpoint-independent"}, {Name: "  filtering", Value: "address and port dependent"},
			{Name: "Port mapping", Value: "UPnP"}, {Name: "Captive portal", Value: "no"}, {Name: "VPN", Value: "no"}, {Name: "Metered", Value: "unknown"},
			{Name: "Public address", Value: "91.64.12.8"}, {Name: "Host", Value: "203.0.113.5:7788 ok 12.1ms"},
			{Name: "Servers", Value: "stun:203.0.113.5:7788 ok 11.8ms"}, {Name: "", Value: "turn:203.0.113.5:7788 ok 24ms"},
		},
	}
}
