package host

import (
	"context"
	"slices"

	"candid/netstack"
	"candid/netstack/loop"
	"candid/netstack/relay"
	"candid/netstack/sfu"
	"candid/netstack/signal"
)

// room is a room beside its signaling: its media server. Signaling calls it and must not wait, so all is done on the
// room's loop, in the order it was said.
type room struct {
	name string
	keys keys
	host *Host
	loop *loop.Loop
	sfu  *sfu.Room
}

func newRoom(h *Host, name string, k keys) *room {
	return &room{name: name, keys: k, host: h, loop: loop.New(context.Background()), sfu: h.media.NewRoom()}
}

// close ends the room's media and waits for it.
func (r *room) close() {
	r.loop.Close()
	_ = r.sfu.Close()
}

// post runs fn on the room's loop; after the end of the room it does not.
func (r *room) post(fn func()) { _ = r.loop.Post(fn) }

// room returns an open room, or nil.
func (h *Host) room(name string) *room {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rooms[name]
}

// joined is signal's hook.
func (h *Host) joined(v signal.Visitor) {
	r := h.room(v.Room)
	if r == nil || !slices.Contains(v.Paths, netstack.SFU) {
		return
	}
	r.post(func() {
		if err := r.sfu.Join(v.ID, h.signal.Signaler(v.Room)); err != nil {
			h.log.Warn("no media server for a member", "err", err)
		}
	})
}

// left is signal's hook.
func (h *Host) left(v signal.Visitor, _ signal.Reason) {
	h.relay.Revoke(relay.Member{Room: v.Room, ID: string(v.ID)})
	if r := h.room(v.Room); r != nil {
		r.post(func() { r.sfu.Leave(v.ID) })
	}
}

// received is signal's hook for what members send to the host.
func (h *Host) received(name string, e netstack.Envelope) {
	r := h.room(name)
	if r == nil {
		return
	}
	if e.Path == netstack.SFU {
		r.post(func() { r.sfu.Handle(e) })
	}
}
