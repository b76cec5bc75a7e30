package call

import (
	"context"
	"encoding/json"

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
