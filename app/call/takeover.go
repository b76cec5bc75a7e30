package call

import (
	"context"
	"encoding/json"
	"time"

	"candid/netstack"
	"candid/netstack/invite"
	"candid/netstack/signal"
)

// Hosting are the invites to a room that this program hosts: for the others,
// and for its own client.
type Hosting struct{ Guests, Own invite.Invite }

// onTakeOver hosts the room from now on, because its host goes. It takes a
// moment and so is not done on the loop.
func (r *room) onTakeOver(e netstack.Envelope) {
	var t signal.TakeOver
	if err := json.Unmarshal(e.Body, &t); err != nil || t.Room != r.s.cfg.Invite.Room || r.s.cfg.TakeOver == nil {
		r.s.log.Warn("cannot host the room", "err", err)
		return
	}
	r.s.loop.Go(func(ctx context.Context) {
		var answer signal.TakenOver
		h, err := r.s.cfg.TakeOver(ctx, t)
		if err != nil {
			r.s.log.Warn("the room cannot be hosted here", "err", err)
			answer.Error = "the room cannot be hosted here"
		} else {
			r.s.client.MoveTo(h.Own)
			answer.Invite = h.Guests.String()
			r.s.post(func() { r.house.hosting = h.Guests.String() })
		}
		body, err := json.Marshal(answer)
		if err == nil {
			err = r.s.client.Send(ctx, netstack.Envelope{Type: signal.TypeTakenOver, To: netstack.HostID, Body: body})
		}
		if err != nil {
			r.s.log.Warn("hosting the room not told", "err", err)
		}
	})
}

// handOverTime is how long leaving may take for the room to be handed over.
const handOverTime = 10 * time.Second

// leave ends the call; when this program hosts it and another can, the room is
// handed over first.
func (r *room) leave() {
	heir := r.heir()
	if heir == nil || r.house.leaving {
		r.end(leave, nil)
		return
	}
	r.house.leaving = true
	r.tell(Noticed{Text: "Handing the room over to " + heir.member.Name + "…"})
	r.moderate(Order{Do: HandOver, Peer: heir.member.ID})
	r.s.loop.Go(func(ctx context.Context) {
		t := time.NewTimer(handOverTime)
		defer t.Stop()
		select {
		case <-ctx.Done():
		case <-t.C:
			r.s.post(func() { r.end(leave, nil) })
		}
	})
}

// heir is who can host the room when this program does not any more; nil:
// nobody, or it does not.
func (r *room) heir() *other {
	if !r.house.hosted || r.state == Ended {
		return nil
	}
	for _, o := range r.others {
		if o.member.CanHost && o.connected {
			return o
		}
	}
	return nil
}

// notTakenOver is the host's word that handing over came to nothing.
func (r *room) notTakenOver() {
	if r.house.leaving {
		r.end(leave, nil)
		return
	}
	r.tell(Noticed{Text: "The room could not be handed over.", Bad: true})
}

// moved notes that the room is at another host.
func (r *room) moved(to invite.Invite) {
	r.house.link = to.String()
	r.house.hosted = r.house.hosting == r.house.link
	text := "The room moved to another computer."
	if r.house.hosted {
		text = "This computer hosts the room now."
	}
	r.tell(RoomChanged{})
	r.tell(Noticed{Text: text})
}
