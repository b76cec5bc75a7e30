package host

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"candid/netstack"
	"candid/netstack/invite"
	"candid/netstack/signal"
)

// Handing a room over: its owner names a member; the host asks that member's
// program to host the room, with the same secret; when it does, everyone is sent
// there and comes by itself. Media between members goes on meanwhile.

// heirTime is how long the member asked may take to open a host.
const heirTime = 30 * time.Second

// handOver is signal's hook.
func (h *Host) handOver(name string, to netstack.PeerID) {
	r := h.room(name)
	if r == nil {
		return
	}
	r.post(func() {
		kept, _ := h.kept.of(name)
		body, err := json.Marshal(signal.TakeOver{Room: name, Secret: kept.Secret, EndToEnd: r.keys.endToEnd, Settings: kept.Settings})
		if err == nil {
			err = h.signal.Send(name, netstack.Envelope{Type: signal.TypeTakeOver, To: to, Body: body})
		}
		if err != nil {
			h.log.Warn("hand the room over", "err", err)
			return
		}
		r.heir, r.heirAsked = to, time.Now()
	})
}

// takenOver takes the answer of the member asked.
func (r *room) takenOver(e netstack.Envelope) {
	r.post(func() {
		if e.From != r.heir || time.Since(r.heirAsked) > heirTime {
			return
		}
		r.heir = ""
		to, err := readTakenOver(e.Body)
		if err == nil && to.Room != r.name {
			err = errors.New("another room")
		}
		if err != nil {
			r.host.log.Warn("room not handed over", "err", err)
			r.tellOwner()
			return
		}
		r.host.move(r, to)
	})
}

func readTakenOver(body []byte) (invite.Invite, error) {
	var t signal.TakenOver
	if err := json.Unmarshal(body, &t); err != nil {
		return invite.Invite{}, err
	}
	if t.Invite == "" {
		return invite.Invite{}, errors.New("the member asked does not host it")
	}
	return invite.Parse(t.Invite)
}

// tellOwner says that it came to nothing.
func (r *room) tellOwner() {
	for _, m := range r.host.signal.Members(r.name) {
		if m.Role == signal.Owner {
			no := netstack.Envelope{Type: signal.TypeTakenOver, To: m.ID, Body: json.RawMessage("{}")}
			if err := r.host.signal.Send(r.name, no); err != nil {
				r.host.log.Debug("owner not told", "err", err)
			}
		}
	}
}

// move sends everyone to the room's new host. What is kept of the room stays.
func (h *Host) move(r *room, to invite.Invite) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rooms[r.name] != r {
		return // closed meanwhile
	}
	delete(h.rooms, r.name)
	h.wg.Go(func() {
		if err := h.signal.Move(r.name, to); err != nil {
			h.log.Warn("move the room", "err", err)
		}
		r.close()
	})
}

// emptyFor is how long a room must have been empty for what moderators set in
// it to be over: none of them will come back.
const emptyFor = 70 * time.Second

// tidy opens a room again that was left locked.
func (r *room) tidy(ctx context.Context) {
	t := time.NewTicker(emptyFor / 4)
	defer t.Stop()
	empty := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			if len(r.host.signal.Members(r.name)) > 0 {
				empty = now
			} else if now.Sub(empty) >= emptyFor {
				_ = r.host.signal.Reset(r.name) // an error means closed
			}
		}
	}
}
