//go:build !headless

package app

import (
	"context"
	"time"

	"candid/app/call"
	"candid/app/host"
	"candid/app/ui"
	"candid/netstack/invite"
	"candid/netstack/portmap"
	"candid/netstack/probe"
)

// CheckNetwork probes what candid check does: the host of link, or else of the
// room joined last, and the router. Nobody else is asked.
func (e *engine) CheckNetwork(ctx context.Context, link string) ui.NetworkCheck {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	cfg := probe.Config{PortMapping: true, Logger: e.log}
	if link == "" {
		link = e.lastLink()
	}
	var refused error
	if inv, err := invite.Parse(link); err == nil {
		refused = aimAt(ctx, inv, &cfg)
	}
	cfg.Timeout = probeLimit
	c := checked{Report: probe.Run(ctx, cfg)}
	c.Level, c.Sentence = c.Report.Sentence()
	if refused != nil {
		c.Level = probe.Bad
		c.Sentence, _ = explain(refused)
	}
	out := ui.NetworkCheck{Level: string(c.Level), Sentence: c.Sentence}
	for _, f := range c.facts() {
		out.Facts = append(out.Facts, ui.NetworkFact{Name: f.name, Value: f.value})
	}
	return out
}

// Rehearse tries the lines to those who are in the room of an invite.
func (e *engine) Rehearse(ctx context.Context, link string) (ui.Rehearsal, error) {
	inv, err := invite.Parse(link)
	if err != nil {
		return ui.Rehearsal{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, rehearsalTime)
	defer cancel()
	r, err := rehearse(ctx, inv, privacyOf(e.Config()).Policy(), e.log)
	if err != nil {
		return ui.Rehearsal{}, err
	}
	out := ui.Rehearsal{Sentence: r.Sentence()}
	for _, l := range r.Lines {
		out.Lines = append(out.Lines, call.Line{Member: call.Member{ID: l.Link.Peer, Name: l.Name}, Link: l.Link, Verdict: l.Verdict})
	}
	return out, nil
}

// rehearsalTime is how long the window waits for a rehearsal: who is behind a
// relay over TCP needs some seconds.
const rehearsalTime = 8 * time.Second

// lastLink is the invite of the room joined last, or "".
func (e *engine) lastLink() string {
	for _, r := range e.Config().Recent {
		if r.Link != "" {
			return r.Link
		}
	}
	return ""
}

// mappingWait is how long hosting waits for the router: with its answer, the
// invite holds the address outside.
const mappingWait = 1500 * time.Millisecond

// outside keeps the port of a host open in the router; without a mapper nobody
// asked for it.
type outside struct{ mapper *portmap.Mapper }

// goOutside asks the router, if the person agreed to that, and tells the host
// the address it gave.
func (e *engine) goOutside(h *host.Host) {
	o := &outside{}
	e.mu.Lock()
	e.hosting, e.outside = h, o
	e.mu.Unlock()
	if !e.Config().OpenPort {
		return
	}
	e.OpenPort()
	ctx, cancel := context.WithTimeout(context.Background(), mappingWait)
	defer cancel()
	e.mu.Lock()
	m := o.mapper
	e.mu.Unlock()
	if m != nil {
		e.mapped(h, m.Wait(ctx))
	}
}

// OpenPort has the router open the port of the room hosted here.
func (e *engine) OpenPort() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.hosting == nil || e.outside == nil || e.outside.mapper != nil {
		return
	}
	h := e.hosting
	e.outside.mapper = portmap.Open(portmap.Config{Port: uint16(h.Port()), Changed: func(s portmap.State) { e.mapped(h, s) }, Logger: e.log})
}

// mapped takes the word of the router: from then on the invite leads to the
// address outside, too, also that of a call under way.
func (e *engine) mapped(h *host.Host, s portmap.State) {
	if s.Outcome != portmap.Mapped || !s.External.Addr().IsValid() {
		return
	}
	h.Advertise(s.External)
	c := e.current()
	if c == nil || !c.Snapshot().Hosted {
		return // the invite is still to be made
	}
	if i, err := h.Invite(c.Snapshot().Room); err == nil { // or it is another host's room
		c.SetInvite(i.String())
	}
}

// comeIn closes the port in the router; it waits for that, 2 s at most.
func (e *engine) comeIn() {
	e.mu.Lock()
	o := e.outside
	e.hosting, e.outside = nil, nil
	e.mu.Unlock()
	if o == nil || o.mapper == nil {
		return
	}
	if err := o.mapper.Close(); err != nil {
		e.log.Warn("port not closed in the router", "err", err)
	}
}

// Reach says how people outside reach the room that is hosted here.
func (e *engine) Reach() ui.Reach {
	e.mu.Lock()
	o := e.outside
	e.mu.Unlock()
	if o == nil || o.mapper == nil {
		return ui.Reach{}
	}
	s := o.mapper.State()
	return ui.Reach{Sentence: s.Sentence(), Open: s.Outcome == portmap.Mapped}
}
