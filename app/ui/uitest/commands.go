package uitest

import (
	"context"
	"fmt"

	"candid/app/call"
	"candid/netstack"
)

// This file is what a window asks a scripted call for: it is noted in Asked,
// and nothing else happens.

// Asked is what was asked for, in words, oldest first.
func (c *Call) Asked() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.asked...)
}

func (c *Call) ask(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, fmt.Sprintf(format, args...))
}

// SetTile implements ui.Call.
func (c *Call) SetTile(id netstack.PeerID, height int, pinned bool) {
	c.ask("tile %s %d %v", id, height, pinned)
}

// Chat implements ui.Call: what is said comes back.
func (c *Call) Chat(text string) {
	c.ask("chat %s", text)
	self := c.Snapshot().Self
	l := call.ChatLine{From: self.ID, Name: self.Name, Text: text, At: Start, Mine: true}
	c.Tell(func(s *call.Snapshot) { s.Chat = append(s.Chat[:len(s.Chat):len(s.Chat)], l) }, call.ChatReceived{Line: l})
}

// RaiseHand implements ui.Call.
func (c *Call) RaiseHand(up bool) {
	c.ask("hand %v", up)
	c.change(func(s *call.Snapshot) { s.Self.HandRaised = up })
}

// Screens implements ui.Call.
func (c *Call) Screens(context.Context) ([]call.Screen, error) {
	if c.ScreensErr != nil {
		return nil, c.ScreensErr
	}
	return []call.Screen{{ID: "0", Name: "Whole screen"}, {ID: "1", Name: "Second screen"}}, nil
}

// Share implements ui.Call.
func (c *Call) Share(id string) {
	c.ask("share %s", id)
	c.change(func(s *call.Snapshot) { s.Self.Sharing = true })
}

// StopShare implements ui.Call.
func (c *Call) StopShare() {
	c.ask("stop share")
	c.change(func(s *call.Snapshot) { s.Self.Sharing = false })
}

func (c *Call) change(f func(*call.Snapshot)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.snap)
}

// Moderate implements ui.Call.
func (c *Call) Moderate(o call.Order) { c.ask("moderate %s %s", o.Do, o.Peer) }

// Graph implements ui.Call.
func (c *Call) Graph() []call.Edge {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.graph
}

// SetGraph sets what Graph returns.
func (c *Call) SetGraph(edges ...call.Edge) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.graph = edges
}

// Outgoing implements ui.Call.
func (c *Call) Outgoing() []call.Outgoing {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.outgoing
}

// SetOutgoing sets what Outgoing returns.
func (c *Call) SetOutgoing(o ...call.Outgoing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.outgoing = o
}

// PathChanges implements ui.Call.
func (c *Call) PathChanges() []call.PathChange {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changes
}

// SetPathChanges sets what PathChanges returns.
func (c *Call) SetPathChanges(p ...call.PathChange) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes = p
}

// Force implements ui.Call.
func (c *Call) Force(t netstack.Topology) { c.ask("force %v", t) }

// ForceRoom implements ui.Call.
func (c *Call) ForceRoom(t netstack.Topology) { c.ask("force room %v", t) }

// SelectPair implements ui.Call.
func (c *Call) SelectPair(id netstack.PeerID, pair string) { c.ask("pair %s %s", id, pair) }

// SetPrivacy implements ui.Call.
func (c *Call) SetPrivacy(p call.Privacy) { c.ask("privacy %d", p) }

// SafetyWords implements ui.Call.
func (c *Call) SafetyWords(netstack.PeerID) []string {
	return []string{"otter", "lamp", "seven", "north"}
}

// SetVerified implements ui.Call.
func (c *Call) SetVerified(id netstack.PeerID, same bool) { c.ask("verified %s %v", id, same) }
