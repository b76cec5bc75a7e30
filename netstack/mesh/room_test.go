package mesh_test

import (
	"context"
	"encoding/binary"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"candid/netstack"
	"candid/netstack/mesh"
	"candid/netstack/peer"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// room is a signaling server in memory: messages of one sender arrive once and
// in order, each receiver has a goroutine of its own.
type room struct {
	t  testing.TB
	mu sync.Mutex
	// hold, if not nil, is waited for before a message is delivered: signaling
	// is down until it is closed.
	hold    chan struct{}
	delay   func() time.Duration // of each message, if not nil
	sent    int
	members map[netstack.PeerID]*member
	wg      sync.WaitGroup
	ctx     context.Context
	cancel  context.CancelFunc
	log     *slog.Logger
}

func newRoom(t testing.TB) *room {
	r := &room{t: t, members: map[netstack.PeerID]*member{}, log: slog.New(slog.DiscardHandler)}
	if os.Getenv("CANDID_TEST_LOG") != "" {
		r.log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	t.Cleanup(r.close)
	return r
}

func (r *room) close() {
	r.mu.Lock()
	members := r.members
	r.members = map[netstack.PeerID]*member{}
	r.mu.Unlock()
	for _, m := range members {
		m.close()
	}
	r.cancel()
	r.wg.Wait()
}

// pause takes signaling down; the function returned brings it back.
func (r *room) pause() (resume func()) {
	c := make(chan struct{})
	r.mu.Lock()
	r.hold = c
	r.mu.Unlock()
	return func() {
		r.mu.Lock()
		r.hold = nil
		r.mu.Unlock()
		close(c)
	}
}

// everyone tells all members who is there.
func (r *room) everyone() {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []netstack.PeerID
	for id := range r.members {
		ids = append(ids, id)
	}
	for _, m := range r.members {
		m.mesh.SetPeers(ids...)
	}
}

// member is a participant with its transport and what it has seen.
type member struct {
	id   netstack.PeerID
	r    *room
	mesh *mesh.Transport
	in   chan underway
	done chan struct{}
	stop chan struct{}

	mu      sync.Mutex
	changed chan struct{} // closed and made anew on every change
	events  []netstack.Event
	tracks  map[string]*received // by peer/track
	readers sync.WaitGroup
}

// underway is a message that is delivered in order, when it is due.
type underway struct {
	e   netstack.Envelope
	due time.Time
}

// received is what arrived on one track.
type received struct {
	track   netstack.RemoteTrack
	packets int
	seen    map[uint32]int // by the number in the payload
	first   time.Time
	ended   bool
}

// join adds a member; the others are not told yet.
func (r *room) join(id netstack.PeerID, c peer.Config) *member {
	r.t.Helper()
	if c.Logger == nil {
		c.Logger = r.log.With("self", id)
	}
	m := &member{
		id: id, r: r, in: make(chan underway, 4096), done: make(chan struct{}), stop: make(chan struct{}),
		changed: make(chan struct{}), tracks: map[string]*received{},
	}
	var err error
	if m.mesh, err = mesh.New(mesh.Config{Self: id, Signaler: m, Peer: c}); err != nil {
		r.t.Fatal(err)
	}
	go m.watch()
	r.wg.Go(m.deliver)
	r.mu.Lock()
	r.members[id] = m
	r.mu.Unlock()
	return m
}

// leave takes m out of the room and tells the others.
func (m *member) leave() {
	m.r.mu.Lock()
	delete(m.r.members, m.id)
	m.r.mu.Unlock()
	m.close()
	m.r.everyone()
}

func (m *member) close() {
	if err := m.mesh.Close(); err != nil {
		m.r.t.Errorf("closing %s: %v", m.id, err)
	}
	<-m.done
	m.readers.Wait()
	select {
	case <-m.stop:
	default:
		close(m.stop)
	}
}

// Send is the member's signaler.
func (m *member) Send(_ context.Context, e netstack.Envelope) error {
	e.From = m.id
	m.r.mu.Lock()
	defer m.r.mu.Unlock()
	m.r.sent++
	if to := m.r.members[e.To]; to != nil {
		u := underway{e: e}
		if m.r.delay != nil {
			u.due = time.Now().Add(m.r.delay())
		}
		to.in <- u
	}
	return nil
}

func (m *member) deliver() {
	for {
		select {
		case <-m.stop:
			return
		case <-m.r.ctx.Done():
			return
		case u := <-m.in:
			m.r.mu.Lock()
			hold := m.r.hold
			m.r.mu.Unlock()
			if hold != nil {
				select {
				case <-hold:
				case <-m.stop:
					return
				}
			}
			time.Sleep(time.Until(u.due))
			m.mesh.Handle(u.e)
		}
	}
}

func (m *member) watch() {
	defer close(m.done)
	for e := range m.mesh.Events() {
		m.mu.Lock()
		m.events = append(m.events, e)
		if added, ok := e.(netstack.TrackAdded); ok {
			rec := &received{track: added.Track, seen: map[uint32]int{}}
			m.tracks[string(added.Peer)+"/"+added.Track.ID()] = rec
			m.readers.Go(func() { m.read(rec) })
		}
		m.noteLocked()
		m.mu.Unlock()
	}
}

func (m *member) noteLocked() {
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *member) read(rec *received) {
	for {
		p, _, err := rec.track.ReadRTP()
		m.mu.Lock()
		if err != nil {
			rec.ended = true
			m.noteLocked()
			m.mu.Unlock()
			return
		}
		if rec.packets == 0 {
			rec.first = time.Now()
		}
		rec.packets++
		if len(p.Payload) >= 4 {
			rec.seen[binary.BigEndian.Uint32(p.Payload)]++
		}
		m.noteLocked()
		m.mu.Unlock()
	}
}

// await waits until ok holds; it is called with the member locked.
func (m *member) await(what string, ok func() bool) {
	m.r.t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	for {
		m.mu.Lock()
		if ok() {
			m.mu.Unlock()
			return
		}
		changed := m.changed
		m.mu.Unlock()
		select {
		case <-changed:
		case <-deadline.C:
			m.mu.Lock()
			for _, e := range m.events {
				m.r.t.Logf("%s saw %T %+v", m.id, e, e)
			}
			m.mu.Unlock()
			m.r.t.Fatalf("%s waits in vain for %s", m.id, what)
		}
	}
}

// awaitPackets waits for n packets more on a track.
func (m *member) awaitPackets(from netstack.PeerID, track string, n int) {
	m.r.t.Helper()
	key := string(from) + "/" + track
	start := 0
	m.mu.Lock()
	if rec := m.tracks[key]; rec != nil {
		start = rec.packets
	}
	m.mu.Unlock()
	m.await("packets of "+key, func() bool { rec := m.tracks[key]; return rec != nil && rec.packets >= start+n })
}

func (m *member) awaitState(of netstack.PeerID, s webrtc.PeerConnectionState) {
	m.r.t.Helper()
	m.await(s.String()+" of "+string(of), func() bool { return m.stateLocked(of) == s })
}

func (m *member) stateLocked(of netstack.PeerID) webrtc.PeerConnectionState {
	state := webrtc.PeerConnectionStateNew
	for _, e := range m.events {
		if l, ok := e.(netstack.LinkChanged); ok && l.Peer == of {
			state = l.State
		}
	}
	return state
}

// seen counts the events that count says yes to.
func (m *member) seen(count func(netstack.Event) bool) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seenLocked(count)
}

func (m *member) seenLocked(count func(netstack.Event) bool) int {
	n := 0
	for _, e := range m.events {
		if count(e) {
			n++
		}
	}
	return n
}

func restarts(e netstack.Event) bool { _, ok := e.(netstack.Restarted); return ok }

// source is a track that sends numbered packets until the test ends.
type source struct {
	*webrtc.TrackLocalStaticRTP
	stop chan struct{}
	done chan struct{}
	mu   sync.Mutex
	sent uint32
}

func audio(t testing.TB, id string) *source {
	return newSource(t, id, webrtc.MimeTypeOpus, 80, 20*time.Millisecond)
}

func video(t testing.TB, id string) *source {
	return newSource(t, id, webrtc.MimeTypeVP8, 1000, 10*time.Millisecond)
}

func newSource(t testing.TB, id, mime string, size int, every time.Duration) *source {
	capability := webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 90000}
	if mime == webrtc.MimeTypeOpus {
		capability.ClockRate, capability.Channels = 48000, 2
	}
	track, err := webrtc.NewTrackLocalStaticRTP(capability, id, "self")
	if err != nil {
		t.Fatal(err)
	}
	s := &source{TrackLocalStaticRTP: track, stop: make(chan struct{}), done: make(chan struct{})}
	go s.run(size, every)
	t.Cleanup(s.end)
	return s
}

func (s *source) end() {
	select {
	case <-s.stop:
	default:
		close(s.stop)
	}
	<-s.done
}

func (s *source) run(size int, every time.Duration) {
	defer close(s.done)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := uint32(0); ; n++ {
		select {
		case <-s.stop:
			return
		case <-tick.C:
		}
		payload := make([]byte, size)
		binary.BigEndian.PutUint32(payload, n)
		_ = s.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(n), Timestamp: n * 900, Marker: true}, Payload: payload})
		s.mu.Lock()
		s.sent = n + 1
		s.mu.Unlock()
	}
}

func (m *member) publish(tracks ...*source) {
	m.r.t.Helper()
	for _, t := range tracks {
		if err := m.mesh.Publish(t); err != nil {
			m.r.t.Fatal(err)
		}
	}
}

// loopback is without ICE-TCP: on one machine it makes a hundred pairs more.
func loopback() peer.Config { return peer.Config{Loopback: true, NoTCP: true} }
