package call_test

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"candid/app/call"
	"candid/netstack"
	"candid/netstack/identity"
	"candid/netstack/invite"
	"candid/netstack/mcu"
	"candid/netstack/sfu"
	"candid/netstack/signal"
)

// hall is a host with one room and a media server. Its plan is what the test
// says.
type hall struct {
	t      *testing.T
	invite invite.Invite
	signal *signal.Server
	room   *sfu.Room
	mixer  *mcu.Room

	mu    sync.Mutex
	paths func(netstack.PeerID, []netstack.PeerID) netstack.Topology // by who is there
}

type udpSocket struct{ *net.UDPConn }

func (u udpSocket) WriteTo(p []byte, to netip.AddrPort) (int, error) {
	return u.WriteToUDPAddrPort(p, to)
}

func newHall(t *testing.T) *hall { return newHallOf(t, signal.RoomOptions{}) }

func newHallOf(t *testing.T, o signal.RoomOptions) *hall {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	at := c.LocalAddr().(*net.UDPAddr).AddrPort()
	media, err := sfu.NewServer(sfu.Config{Candidates: func() []netip.AddrPort { return []netip.AddrPort{at} }, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	h := &hall{t: t, room: media.NewRoom()}
	h.mixer = mcu.NewRoom(h.room, mcu.Config{Logger: quiet})
	h.planAll(netstack.P2P)
	var wg sync.WaitGroup
	sink := media.Sink(udpSocket{c})
	wg.Go(func() {
		buf := make([]byte, 2048)
		for {
			n, from, err := c.ReadFromUDPAddrPort(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				sink.Packet(buf[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
			}
		}
	})
	h.signal = signal.NewServer(signal.ServerConfig{
		Logger: quiet, Planner: h.plan, MaxSocketsPerIP: 1000, MaxStrangers: 1000, MaxSockets: 1000,
		OnJoin: func(v signal.Visitor) {
			if err := h.room.Join(v.ID, h.signal.Signaler("tea")); err != nil {
				t.Error(err)
			}
			if err := errors.Join(h.mixer.Join(v.ID, v.Name), h.mixer.SetMixed(v.ID, true)); err != nil {
				t.Error(err)
			}
		},
		OnLeave: func(v signal.Visitor, _ signal.Reason) {
			h.mixer.Leave(v.ID)
			h.room.Leave(v.ID)
		},
		OnMessage: func(_ string, e netstack.Envelope) { h.room.Handle(e) },
	})
	id, err := identity.New()
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", id.ServerConfig())
	if err != nil {
		t.Fatal(err)
	}
	web := &http.Server{Handler: h.signal, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)}
	wg.Go(func() { _ = web.Serve(l) })
	t.Cleanup(func() {
		_ = h.signal.Close()
		_ = web.Close()
		_ = h.mixer.Close()
		_ = h.room.Close()
		_ = c.Close()
		wg.Wait()
	})
	secret := invite.NewSecret()
	o.Secret = secret
	if err := h.signal.AddRoom("tea", o); err != nil {
		t.Fatal(err)
	}
	h.invite = invite.Invite{Addresses: []string{l.Addr().String()}, Room: "tea", Secret: secret, Pin: id.Pin}
	return h
}

func (h *hall) plan(in signal.PlanInput) signal.Plan {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := signal.Plan{Why: "The test says so.", Paths: map[netstack.PeerID]signal.Hop{}}
	ids := make([]netstack.PeerID, len(in.Members))
	for i, m := range in.Members {
		ids[i] = m.ID
	}
	for _, m := range in.Members {
		p.Paths[m.ID] = signal.Hop{Topology: h.paths(m.ID, ids)}
	}
	return p
}

// planAll puts everyone on a path.
func (h *hall) planAll(to netstack.Topology) {
	h.planEach(func(netstack.PeerID, []netstack.PeerID) netstack.Topology { return to })
}

func (h *hall) planEach(paths func(netstack.PeerID, []netstack.PeerID) netstack.Topology) {
	h.mu.Lock()
	h.paths = paths
	h.mu.Unlock()
	if h.signal != nil {
		if err := h.signal.Replan("tea"); err != nil {
			h.t.Error(err)
		}
	}
}

// on waits until everyone is on a path, by a change that worked if changes are
// made.
func on(t *testing.T, to netstack.Topology, people ...*person) {
	t.Helper()
	defer explain(t, people)
	for _, p := range people {
		until(t, p.Snapshot().Self.Name+" on "+to.String(), func() bool {
			l := p.Lines()
			if len(l) == 0 {
				return false
			}
			for _, line := range l {
				if line.Link.Topology != to || line.Member.Problem != "" {
					return false
				}
			}
			c := p.Snapshot().Change
			return !c.OK || c.Value.Done && c.Value.To == to
		})
	}
}

// explain says how things are, if the test failed.
func explain(t *testing.T, people []*person) {
	if !t.Failed() || os.Getenv("CANDID_TEST_LOG") == "" {
		return
	}
	for _, p := range people {
		t.Logf("%s: %d pictures, hears %+v, change %+v, sends %+v", p.Snapshot().Self.Name, p.meter.seen.Seen().Frames, p.studio.listener.Heard(), p.Snapshot().Change, p.Outgoing())
		for _, l := range p.Lines() {
			t.Logf("  %s: %v %v, picture %+v, sound %+v, in %+v, out %+v", l.Member.Name, l.Link.Topology, l.Link.State, l.Picture, l.Sound, l.Link.In, l.Link.Out)
		}
		p.mu.Lock()
		for _, e := range p.events {
			if c, ok := e.(call.PathChanged); ok {
				t.Logf("  %+v", c)
			}
		}
		p.mu.Unlock()
	}
}

// seesAndHears waits for pictures and the tone of the one it listens for.
func seesAndHears(t *testing.T, people ...*person) {
	t.Helper()
	defer explain(t, people)
	for _, p := range people {
		p.studio.listener.Reset()
		before := p.meter.seen.Seen().Frames
		until(t, p.Snapshot().Self.Name+" sees and hears", func() bool {
			return p.meter.seen.Seen().Frames > before+10 && p.studio.listener.Heard()[0].Present
		})
	}
}

// The room goes from direct paths to the host's and back, and nobody misses a
// picture.
func TestChangeOfPath(t *testing.T) {
	h := newHall(t)
	ada, noor := joinAs(t, h.invite, "Ada", 0, 1), joinAs(t, h.invite, "Noor", 1, 0)
	on(t, netstack.P2P, ada, noor)
	seesAndHears(t, ada, noor)
	for _, to := range []netstack.Topology{netstack.SFU, netstack.P2P} {
		h.planAll(to)
		on(t, to, ada, noor)
		seesAndHears(t, ada, noor)
	}
	for _, p := range []*person{ada, noor} {
		changes := p.PathChanges()
		if len(changes) != 2 {
			t.Errorf("%d changes", len(changes))
		}
		for _, c := range changes {
			t.Logf("%v → %v: %d missing, %d repeated, %v concealed, first after %v, done after %v %s", c.From, c.To, c.Missing, c.Repeated, c.Concealed, c.ToFirst, c.ToDone, c.Failed)
			// On a machine with nothing else to do all are 0.
			if c.Missing > 3 || c.Repeated > 0 || c.Concealed > 500*time.Millisecond || c.Why != "The test says so." {
				t.Errorf("the seam shows: %+v", c)
			}
		}
	}
}

// A third comes, and the room goes to the host; with two left it is direct
// again. Of what nobody takes, nothing is sent.
func TestThreeOnTheHost(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	h.planEach(func(_ netstack.PeerID, all []netstack.PeerID) netstack.Topology {
		if len(all) > 2 {
			return netstack.SFU
		}
		return netstack.P2P
	})
	ada, noor := joinAs(t, h.invite, "Ada", 0, 1), joinAs(t, h.invite, "Noor", 1, 2)
	on(t, netstack.P2P, ada, noor)
	kim := joinAs(t, h.invite, "Kim", 2, 0)
	on(t, netstack.SFU, ada, noor, kim)
	seesAndHears(t, ada, noor, kim)
	until(t, "no direct connections any more", func() bool {
		for _, o := range ada.Outgoing() {
			if o.TrackID == "camera~h" && o.Active {
				return false // 320×180 has two layers
			}
		}
		return len(ada.Outgoing()) == 3
	})
	kim.leave()
	on(t, netstack.P2P, ada, noor)
	before := ada.meter.seen.Seen().Frames
	until(t, "Ada sees on", func() bool { return ada.meter.seen.Seen().Frames > before+10 })
	for _, c := range append(ada.PathChanges(), noor.PathChanges()...) {
		t.Logf("%+v", c)
	}
}

// A camera of 720 lines is offered in three sizes, of which a receiver takes the
// one its tile needs.
func TestSizeOfTile(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	h.planAll(netstack.SFU)
	ada := joinWith(t, h.invite, "Ada", newStudioOf(t, 0, 1, 1280, 720))
	noor := joinAs(t, h.invite, "Noor", 1, 0)
	on(t, netstack.SFU, ada, noor)
	defer explain(t, []*person{ada, noor})
	for _, tile := range []struct {
		height int
		track  string
	}{{360, "camera~h"}, {180, "camera~q"}, {720, "camera"}} {
		noor.SetTile(ada.Snapshot().Self.ID, tile.height, false)
		until(t, tile.track+" alone", func() bool {
			for _, o := range ada.Outgoing() {
				if o.Active != (o.TrackID == tile.track) {
					return false
				}
			}
			// The whole picture is made smaller when its bitrate says so.
			return tile.track == "camera" || noor.meter.height.Load() == int64(tile.height)
		})
	}
}

// Ada gets the host's mix and gives it back, while Noor stays on the SFU.
func TestChangeToTheMix(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	h.planAll(netstack.SFU)
	ada, noor := joinAs(t, h.invite, "Ada", 0, 1), joinAs(t, h.invite, "Noor", 1, 0)
	on(t, netstack.SFU, ada, noor)
	seesAndHears(t, ada, noor)
	id := ada.Snapshot().Self.ID
	mixed := func(who netstack.PeerID, _ []netstack.PeerID) netstack.Topology {
		if who == id {
			return netstack.MCU
		}
		return netstack.SFU
	}
	direct := func(netstack.PeerID, []netstack.PeerID) netstack.Topology { return netstack.P2P }
	forwarded := func(netstack.PeerID, []netstack.PeerID) netstack.Topology { return netstack.SFU }
	for _, plan := range []func(netstack.PeerID, []netstack.PeerID) netstack.Topology{mixed, forwarded, mixed, direct, mixed} {
		h.planEach(plan)
		on(t, plan(id, nil), ada)
		if ada.Snapshot().Mixed != (plan(id, nil) == netstack.MCU) {
			t.Error("the snapshot says otherwise")
		}
		ada.studio.listener.Reset()
		until(t, "Noor's tone", func() bool { return ada.studio.listener.Heard()[0].Present })
	}
	seesAndHears(t, noor)
	for _, c := range ada.PathChanges() {
		t.Logf("%v → %v: %d missing, %d repeated, %v concealed, first after %v, done after %v %s", c.From, c.To, c.Missing, c.Repeated, c.Concealed, c.ToFirst, c.ToDone, c.Failed)
	}
}
