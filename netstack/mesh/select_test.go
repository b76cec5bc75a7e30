package mesh_test

import (
	"net"
	"testing"
	"time"

	"candid/netstack"
	"candid/netstack/peer"

	"github.com/pion/transport/v4/vnet"
	"github.com/pion/webrtc/v4"
)

// both returns the configuration of a member with two addresses.
func (w *world) both(ips ...string) peer.Config {
	w.t.Helper()
	n, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: ips})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.wan.AddNet(n); err != nil {
		w.t.Fatal(err)
	}
	return peer.Config{Net: n}
}

// line is m's link to another.
func (m *member) line(to netstack.PeerID) netstack.Link {
	for _, l := range m.mesh.Links() {
		if l.Peer == to {
			return l
		}
	}
	return netstack.Link{}
}

// ends are the addresses of the pair in use.
func ends(l netstack.Link) (local, remote string) {
	_, a, b, _ := l.SelectedPair()
	return a.Address, b.Address
}

// TestMoveToAnotherPair moves a call from pair to pair, asked for by either
// side, and counts what is lost by it.
func TestMoveToAnotherPair(t *testing.T) {
	inWorld(t, 20*time.Millisecond, func(t *testing.T, w *world) {
		r := newRoom(t)
		a, b := r.join("anna", w.both("198.51.100.1", "198.51.100.11")), r.join("bert", w.both("198.51.100.2", "198.51.100.12"))
		w.start()
		a.publish(video(t, "camera"), audio(t, "mic"))
		b.publish(video(t, "camera"), audio(t, "mic"))
		r.everyone()
		a.awaitPackets("bert", "camera", 5)
		b.awaitPackets("anna", "camera", 5)
		time.Sleep(5 * time.Second) // all pairs are checked
		for move := range 6 {
			who, other := a, b
			if move%2 == 1 {
				who, other = b, a
			}
			var to netstack.Pair
			l := who.line(other.id)
			for i, p := range l.Pairs {
				if p.State == netstack.PairSucceeded && !p.Selected && (to.ID == "" || i%3 == move%3) {
					to = p
				}
			}
			if to.ID == "" {
				t.Fatalf("%s has nothing to move to: %+v", who.id, l.Pairs)
			}
			local, remote := l.Candidates(to)
			began := time.Now()
			who.mesh.Select(other.id, to.ID)
			for {
				here, there := ends(who.line(other.id))
				theirs, ours := ends(other.line(who.id))
				if here == local.Address && there == remote.Address && theirs == remote.Address && ours == local.Address {
					break
				}
				if time.Since(began) > 10*time.Second {
					t.Fatalf("move %d by %s to %s: it uses %s–%s, the other side %s–%s", move, who.id, to.ID, here, there, ours, theirs)
				}
				time.Sleep(50 * time.Millisecond)
			}
			t.Logf("%s moved both sides within %v", who.id, time.Since(began))
			time.Sleep(2 * time.Second)
		}
		for _, m := range []*member{a, b} {
			from := map[*member]netstack.PeerID{a: "bert", b: "anna"}[m]
			for _, track := range []string{"camera", "mic"} {
				missing, all := m.missing(from, track)
				t.Logf("%s: %d of %d packets of %s missing over six moves", m.id, missing, all, track)
				if missing != 0 {
					t.Errorf("%s: %d packets of %s are missing", m.id, missing, track)
				}
			}
			if n := m.seen(restarts); n != 0 {
				t.Errorf("%s: %d restarts", m.id, n)
			}
		}
	})
}

// A relay that was taken because the direct way was found late is left for it,
// once, and nothing is lost by that.
func TestShorterWayIsTaken(t *testing.T) {
	inWorld(t, 25*time.Millisecond, func(t *testing.T, w *world) {
		servers := w.serve()
		ca, cb := w.behind(natKinds[2].nat, "198.51.100.1", "192.168.1"), w.behind(natKinds[2].nat, "198.51.100.2", "192.168.1")
		ca.ICEServers, cb.ICEServers = servers, servers
		open := time.Now().Add(1500 * time.Millisecond)
		w.wan.AddChunkFilter(func(c vnet.Chunk) bool {
			from, to := c.SourceAddr().(*net.UDPAddr).IP, c.DestinationAddr().(*net.UDPAddr).IP
			return time.Now().After(open) || from.String() == serverIP || to.String() == serverIP
		})
		r := newRoom(t)
		a, b := r.join("anna", ca), r.join("bert", cb)
		w.start()
		a.publish(audio(t, "mic"))
		b.publish(audio(t, "mic"))
		r.everyone()
		relayed := func(m *member, other netstack.PeerID) bool {
			_, local, remote, ok := m.line(other).SelectedPair()
			return ok && (local.Type == webrtc.ICECandidateTypeRelay || remote.Type == webrtc.ICECandidateTypeRelay)
		}
		a.awaitPackets("bert", "mic", 5)
		b.awaitPackets("anna", "mic", 5)
		if !relayed(a, "bert") || !relayed(b, "anna") {
			t.Fatal("the relay was not taken at first: the test is no test")
		}
		time.Sleep(10 * time.Second)
		if relayed(a, "bert") || relayed(b, "anna") {
			t.Errorf("still relayed; pairs: %+v", b.line("anna").Pairs)
		}
		for m, from := range map[*member]netstack.PeerID{a: "bert", b: "anna"} {
			if missing, all := m.missing(from, "mic"); missing != 0 {
				t.Errorf("%s: %d of %d packets are missing", m.id, missing, all)
			}
			if n := m.seen(restarts); n != 0 {
				t.Errorf("%s: %d restarts", m.id, n)
			}
		}
	})
}

// TestPolicyChanges: with relayed paths alone and no relay there is no line, and
// with direct ones again there is.
func TestPolicyChanges(t *testing.T) {
	inWorld(t, 20*time.Millisecond, func(t *testing.T, w *world) {
		_, a, b := w.pair()
		a.mesh.SetPolicy(peer.RelayOnly)
		time.Sleep(5 * time.Second)
		l := a.line("bert")
		if len(l.Local) != 0 {
			t.Errorf("hides, and has %+v", l.Local)
		}
		for _, c := range b.line("anna").Remote {
			t.Errorf("hides, and the other side knows %s", c.Address)
		}
		a.mesh.SetPolicy(peer.DirectOnly)
		time.Sleep(15 * time.Second)
		if _, _, _, ok := a.line("bert").SelectedPair(); !ok {
			t.Errorf("no direct line: %+v", a.line("bert"))
		}
	})
}
