package call

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"candid/netstack"
	"candid/netstack/e2ee"
	"candid/netstack/signal"

	"github.com/pion/webrtc/v4"
)

// This file is who is in the room, as the host tells it.

func (r *room) onSignal(e signal.Event) {
	switch e := e.(type) {
	case signal.Welcomed:
		r.onWelcomedAgain(e)
	case signal.MemberJoined:
		r.onJoined(e.Member)
	case signal.MemberLeft:
		r.onLeft(e)
	case signal.MemberChanged:
		r.onChanged(e.Member)
	case signal.PlanChanged:
		r.takePlan(e.Plan)
		r.tell(PlanChanged{r.plan})
		r.paths.planned()
	case signal.ServersChanged:
		r.setServers(e.Servers)
	case signal.MessageReceived:
		if signal.Rehearses(e.Envelope.From) {
			r.s.trials.Handle(e.Envelope, r.s.reached(r.s.client.Servers()))
			return
		}
		if e.Envelope.Type == typeEvidence {
			r.onEvidence(e.Envelope)
			return
		}
		if r.fromHost(e.Envelope) {
			return
		}
		if e.Envelope.Type == e2ee.Type {
			r.crypt.handle(e.Envelope)
			return
		}
		r.paths.handle(e.Envelope)
	case signal.ConnectionLost:
		r.problem = "The host cannot be reached; trying again."
		r.move(lost)
	case signal.ConnectionRestored:
		r.problem = ""
		r.move(regained)
		if e.After >= worthTelling {
			r.tell(Noticed{Text: fmt.Sprintf("The host is back after %v.", e.After.Round(time.Second))})
		}
	case signal.RoomClosed:
		if errors.Is(e.Err, signal.ErrClosed) {
			return // by ourselves
		}
		r.end(fail, e.Err)
	default:
		r.onHouse(e)
	}
}

// onWelcomedAgain takes over the room as the host now knows it: it had
// forgotten us, most often because it was restarted.
func (r *room) onWelcomedAgain(w signal.Welcomed) {
	r.takePlan(w.Plan)
	r.setServers(w.Servers)
	here := make(map[netstack.PeerID]bool)
	for _, m := range w.Members {
		here[m.ID] = true
		if r.find(m.ID) != nil || m.ID == r.self.ID {
			r.onChanged(m)
			continue
		}
		r.onJoined(m)
	}
	for _, o := range slices.Clone(r.others) {
		if !here[o.member.ID] {
			r.remove(o, "did not come back")
		}
	}
	r.welcomed(w)
	r.problem = ""
	r.move(regained)
	r.paths.planned()
	if r.house.leaving { // the room is at its new host, and the others know us there
		r.end(leave, nil)
	}
}

func (r *room) setServers(servers []webrtc.ICEServer) {
	for _, t := range []interface {
		SetICEServers([]webrtc.ICEServer) error
	}{r.s.mesh, r.s.host} {
		if err := t.SetICEServers(servers); err != nil {
			r.s.log.Warn("relay servers not taken", "err", err)
		}
	}
}

func (r *room) takePlan(p signal.Plan) {
	hop := p.Paths[r.self.ID]
	why := hop.Why
	if why == "" {
		why = p.Why
	}
	r.plan = Plan{Revision: int(p.Revision), Topology: hop.Topology, Why: why}
	r.takePaths(p)
}

func (r *room) onJoined(m signal.Member) {
	if r.find(m.ID) != nil {
		return
	}
	o := r.admit(m)
	if o == nil {
		return
	}
	r.peopleChanged()
	r.tellNetwork(m.ID)
	r.tell(MemberJoined{o.member})
	r.move(othersCame)
}

func (r *room) onLeft(e signal.MemberLeft) {
	if o := r.find(e.Member.ID); o != nil {
		r.remove(o, reason(e))
	}
}

func reason(e signal.MemberLeft) string {
	if e.Said != "" {
		return e.Said
	}
	switch e.Why {
	case signal.LeftItself:
		return "left"
	case signal.LeftRemoved:
		return "was removed by the host"
	case signal.LeftReplaced:
		return "joined again from elsewhere"
	}
	return "lost the connection"
}

func (r *room) remove(o *other, why string) {
	r.others = slices.DeleteFunc(r.others, func(p *other) bool { return p == o })
	r.paths.forget(o.member.ID)
	r.peopleChanged() // closes the connection, which ends its tracks
	r.s.forgetViewer(o.member.ID)
	r.s.forgetViewer(ShareOf(o.member.ID))
	r.networks.forget(o.member.ID)
	r.s.pumps.Go(o.stop) // waits for the tracks, so not here
	r.tell(MemberLeft{o.member, why})
	if len(r.others) == 0 {
		r.move(othersLeft)
	}
}

func (r *room) onChanged(m signal.Member) {
	if m.ID == r.self.ID {
		r.self = memberOf(m)
		r.self.Path = r.house.plan.For(m.ID)
		r.tell(MemberChanged{r.self})
		return
	}
	if o := r.find(m.ID); o != nil {
		o.update(m)
		o.member.Path = r.house.plan.For(m.ID)
		o.member.Problem = o.problem(r.paths.stateOf(o))
		r.tell(MemberChanged{o.member})
		r.crypt.judge(o) // who is known is known by a name
	}
}
