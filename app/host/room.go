package host

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"candid/netstack"
	"candid/netstack/loop"
	"candid/netstack/relay"
	"candid/netstack/sfu"
	"candid/netstack/signal"
	"candid/netstack/topology"
)

// room is a room beside its signaling: its media server, its planner and, where
// there is one, its mixer. Signaling calls it and must not wait, so all is done on the
// room's loop, in the order it was said.
type room struct {
	name string
	keys keys
	host *Host
	loop *loop.Loop
	sfu  *sfu.Room
	mix  Mixer // nil: none

	heir      netstack.PeerID // asked to host the room; of the loop
	heirAsked time.Time

	planner planner
	stale   atomic.Bool // the mixer does not know the newest state yet
}

// Mixer is a room's mix: it takes what members send from the room's media
// server and puts the mix back there.
type Mixer interface {
	// SetMembers says who is in the room, in order of joining. It is called by
	// one goroutine at a time and must not block for long.
	SetMembers([]MixMember)
	// Close ends it and waits.
	Close() error
}

// MixMember is a member as the mixer sees it.
type MixMember struct {
	ID               netstack.PeerID
	Name             string
	Muted, CameraOff bool
	Mixed            bool // receives the mix
}

func newRoom(h *Host, name string, k keys) (*room, error) {
	r := &room{name: name, keys: k, host: h, sfu: h.media.NewRoom()}
	if h.cfg.Mix != nil {
		var err error
		if r.mix, err = h.cfg.Mix(r.sfu); err != nil {
			_ = r.sfu.Close()
			return nil, fmt.Errorf("open the mixer of room %q: %w", name, err)
		}
	}
	r.planner.mixes = r.mix != nil
	r.loop = loop.New(context.Background())
	r.loop.Go(r.watch)
	r.loop.Go(r.tidy)
	return r, nil
}

// close ends the room's media and waits for it.
func (r *room) close() {
	r.loop.Close()
	r.host.tools.CloseRoom(r.sfu)
	if r.mix != nil {
		_ = r.mix.Close()
	}
	done := r.sfu.Stats()
	_ = r.sfu.Close()
	r.host.note(done)
}

// note counts what a room has done that is closed.
func (h *Host) note(s sfu.Stats) {
	s.InsideP50, s.InsideP99 = 0, 0
	h.endedMu.Lock()
	defer h.endedMu.Unlock()
	h.ended = added(h.ended, s)
}

// refresh tells the mixer who is here and who takes the mix.
func (r *room) refresh() {
	if r.mix == nil || r.stale.Swap(true) {
		return // none, or told soon
	}
	r.post(func() {
		r.stale.Store(false)
		members, plan := r.host.signal.Members(r.name), r.host.signal.Plan(r.name)
		out := make([]MixMember, len(members))
		for i, m := range members {
			out[i] = MixMember{ID: m.ID, Name: m.Name, Muted: m.State.Muted, CameraOff: m.State.CameraOff, Mixed: plan.For(m.ID) == netstack.MCU}
		}
		r.mix.SetMembers(out)
	})
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
	if r == nil {
		return
	}
	r.post(func() { r.tellTools(v.ID) })
	if !slices.Contains(v.Paths, netstack.SFU) {
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
		r.planner.forget(v.ID)
		r.post(func() { r.sfu.Leave(v.ID) })
	}
}

// plan is signal's hook.
func (h *Host) plan(in signal.PlanInput) signal.Plan {
	if r := h.room(in.Room); r != nil {
		return r.planner.plan(in)
	}
	return in.Previous // the room is ending
}

// changed is signal's hook.
func (h *Host) changed(name string) {
	if r := h.room(name); r != nil {
		r.refresh()
		h.tools.Changed(name)
	}
}

// settings is signal's hook. Writing them takes a moment.
func (h *Host) settings(name string, s signal.Settings) {
	if r := h.room(name); r != nil {
		r.post(func() {
			if err := h.kept.change(name, func(k *keptRoom) { k.Settings = s }); err != nil {
				h.log.Warn("keep the room's settings", "err", err)
			}
		})
	}
}

// used is signal's hook.
func (h *Host) used(name, secret string, id netstack.PeerID) {
	r := h.room(name)
	if r == nil {
		return
	}
	r.post(func() {
		err := h.kept.change(name, func(k *keptRoom) {
			k.Invites = slices.Clone(k.Invites) // what was handed out of the list stays as it was
			for i := range k.Invites {
				if v := &k.Invites[i]; v.Secret == secret && len(v.Used) < v.Uses {
					v.Used = append(slices.Clone(v.Used), id)
				}
			}
		})
		if err != nil {
			h.log.Warn("keep who came by an invite", "err", err)
		}
	})
}

// received is signal's hook for what members send to the host.
func (h *Host) received(name string, e netstack.Envelope) {
	r := h.room(name)
	switch {
	case r == nil:
	case e.Type == topology.TypeReport:
		r.planner.take(e)
	case e.Type == signal.TypeTakenOver:
		r.takenOver(e)
	case e.Type == signal.TypeTools:
		r.post(func() { r.orderTools(e) })
	case e.Path == netstack.SFU:
		r.post(func() { r.sfu.Handle(e) })
	}
}
