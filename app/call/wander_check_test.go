package call_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"candid/app/call"
	"candid/netstack"
	"candid/netstack/topology"
)

// patient is how long a room may take for what must come: a path that failed is
// tried again after ten seconds, and this machine may be busy.
const patient = 90 * time.Second

// steady is how long all must agree: what was asked for may still be on its way.
const steady = 200 * time.Millisecond

// agree waits until everyone has the same room, which is as it should be, and
// returns how long that took.
func (w *walkers) agree(what string) time.Duration {
	w.t.Helper()
	began, since, last := time.Now(), time.Now(), ""
	for time.Since(since) < steady {
		why := w.disagreement()
		if why != "" {
			since = time.Now()
		}
		switch took := time.Since(began); {
		case took > patient:
			for _, p := range w.here() {
				w.t.Logf("%s: %+v", p.name, p.told)
			}
			w.t.Fatalf("after %q: %s", what, why)
		case took > patient/10 && why != "" && why != last:
			w.t.Logf("after %v: %s", took.Round(time.Millisecond), why)
			last = why
		}
		time.Sleep(20 * time.Millisecond)
	}
	took := since.Sub(began)
	w.tally.agreed = max(w.tally.agreed, took)
	return took
}

// disagreement asks everyone, and says what is not as it should be.
func (w *walkers) disagreement() string {
	here := w.here()
	for _, p := range here {
		p.told = ask[told](p.process, order{Do: "tell"})
	}
	if why := w.whoIsHere(here); why != "" {
		return why
	}
	for _, p := range here {
		s, all := p.told.Self, p.told
		if s.Name != p.name || s.Muted != p.muted || s.CameraOff != p.dark || s.HandRaised != p.hand || s.Moderator != (p.slot == 0) {
			return fmt.Sprintf("%s is %+v", p.name, s)
		}
		if all.Forced != p.forced || all.RoomForced != w.forced {
			return fmt.Sprintf("%s has chosen %v, and the room %v for all", p.name, all.Forced, all.RoomForced)
		}
		for _, q := range here {
			if why := q.knows(p); why != "" {
				return why
			}
		}
		if why := w.onPath(p, here); why != "" {
			return why
		}
	}
	return ""
}

// whoIsHere compares the lists of members. Those who crashed may be on them,
// with a word that they do not answer, until the room gives them up.
func (w *walkers) whoIsHere(here []*walker) string {
	var want []netstack.PeerID
	for _, p := range here {
		want = append(want, p.told.Self.ID)
	}
	members := ask[hosts](w.host, order{Do: "tell"}).Members
	expected := map[netstack.PeerID]int{}
	for _, p := range here {
		if !members[p.told.Self.ID] {
			return fmt.Sprintf("%s is not with the host", p.name)
		}
		got := []netstack.PeerID{p.told.Self.ID}
		for _, o := range p.told.Others {
			if !w.ghosts[o.ID] {
				got = append(got, o.ID)
				continue
			}
			expected[o.ID]++
			if o.Problem == "" {
				return fmt.Sprintf("%s does not see that %s is gone", p.name, o.Name)
			}
		}
		if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			return fmt.Sprintf("%s knows %v, and not %v", p.name, got, want)
		}
	}
	for id, n := range expected {
		if _, listed := members[id]; listed && n != len(here) { // after a restart only who was there before waits for them
			return fmt.Sprintf("%d of %d still expect %s", n, len(here), id)
		}
	}
	maps.DeleteFunc(w.ghosts, func(id netstack.PeerID, _ bool) bool { return expected[id] == 0 })
	return ""
}

// knows says what q has wrong about p.
func (q *walker) knows(p *walker) string {
	if p == q {
		return ""
	}
	if q.told.Plan.Revision != p.told.Plan.Revision {
		return fmt.Sprintf("%s has plan %d, and %s %d", q.name, q.told.Plan.Revision, p.name, p.told.Plan.Revision)
	}
	for _, o := range q.told.Others {
		s := p.told.Self
		if o.ID != s.ID {
			continue
		}
		if o.Name != s.Name || o.Muted != s.Muted || o.CameraOff != s.CameraOff || o.HandRaised != s.HandRaised ||
			o.Hand != s.Hand || o.Moderator != s.Moderator || o.Host != s.Host || o.Path != p.told.Plan.Topology || o.Problem != "" {
			return fmt.Sprintf("%s believes %+v of %+v on %v", q.name, o, s, p.told.Plan.Topology)
		}
	}
	return ""
}

// onPath says whether a member receives as the room has decided, and whether the
// room has decided as was asked for.
func (w *walkers) onPath(p *walker, here []*walker) string {
	now := p.told.Plan.Topology
	if len(here) < 2 {
		return ""
	}
	if p.told.Changing || p.told.Mixed != (now == netstack.MCU) || p.told.Plan.Why == "" {
		return fmt.Sprintf("%s is not on %v yet: %+v", p.name, now, p.told.Changes)
	}
	for _, q := range here {
		if q != p && p.told.Lines[q.told.Self.ID] != now {
			return fmt.Sprintf("%s has %s on %v, not %v", p.name, q.name, p.told.Lines[q.told.Self.ID], now)
		}
	}
	want := w.decided(p, here)
	forced := w.forced
	if forced == netstack.Auto {
		forced = p.forced
	}
	// What is measured may make the host choose otherwise, but not against
	// what was asked for. With whom the room expects back it cannot be direct.
	if forced != netstack.Auto && len(w.ghosts) == 0 && now != want {
		return fmt.Sprintf("%s is on %v, not %v: %s", p.name, now, want, p.told.Plan.Why)
	}
	return ""
}

// decided is what Decide says if nothing is measured.
func (w *walkers) decided(p *walker, here []*walker) netstack.Topology {
	in := topology.Inputs{Host: topology.Host{SFU: true, MCU: true}, Forced: w.forced}
	for _, q := range here {
		in.Members = append(in.Members, topology.Member{
			ID: q.told.Self.ID, Forced: q.forced, Paths: []netstack.Topology{netstack.P2P, netstack.SFU, netstack.MCU},
		})
	}
	return topology.Decide(in).Paths[p.told.Self.ID].Topology
}

// prove waits until everyone hears the tones of all others that are not muted,
// and no other, and sees new pictures of all whose cameras are on, and of no
// other.
func (w *walkers) prove(what string) {
	w.t.Helper()
	here := w.here()
	for _, p := range here {
		ask[told](p.process, order{Do: "listen"})
	}
	began := time.Now()
	for _, p := range here {
		for again := time.Now(); ; time.Sleep(50 * time.Millisecond) {
			p.told = ask[told](p.process, order{Do: "tell"})
			why := w.senses(p, here)
			if why == "" {
				break
			}
			if time.Since(began) > patient {
				w.t.Fatalf("after %q: %s (on %v)", what, why, p.told.Plan.Topology)
			}
			if time.Since(again) > 3*time.Second { // what should not be there may have been on its way
				again = time.Now()
				ask[told](p.process, order{Do: "listen"})
			}
		}
	}
}

// senses says what of the others a member does not see or hear, or should not.
func (w *walkers) senses(p *walker, here []*walker) string {
	mixed := p.told.Plan.Topology == netstack.MCU
	for slot, h := range p.told.Tones {
		q := w.people[slot]
		heard := q != nil && q != p && !q.muted
		if heard && (h.Windows < 5 || !h.Present) || !heard && (h.Windows > 0 || h.Silent < 5 || h.Present) {
			return fmt.Sprintf("%s hears %d: %+v, should be %v", p.name, slot, h, heard)
		}
	}
	wanted := map[netstack.PeerID]map[int]bool{call.MixID: {}}
	for _, q := range here {
		from := q.told.Self.ID
		if mixed {
			from = call.MixID
		}
		if !q.dark && (q != p || mixed) {
			if wanted[from] == nil {
				wanted[from] = map[int]bool{}
			}
			wanted[from][q.slot] = true
			if p.told.Pictures[from][q.slot] < 5 {
				return fmt.Sprintf("%s sees %v: no pictures of %s", p.name, p.told.Pictures, q.name)
			}
		}
	}
	for from, all := range p.told.Pictures {
		for slot := range all {
			if !wanted[from][slot] {
				return fmt.Sprintf("%s sees %v: %d as %s", p.name, p.told.Pictures, slot, from)
			}
		}
	}
	return ""
}
