package peer

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"candid/netstack"
	"candid/netstack/ifwatch"
	"candid/netstack/loop"

	"github.com/pion/webrtc/v4"
)

// ErrSuperseded says that the other side began anew.
var ErrSuperseded = errors.New("the other side began a new connection")

// closeGrace is what Close gives the network to say good-bye in.
const closeGrace = 300 * time.Millisecond

// Options make one Peer.
type Options struct {
	Self, Remote netstack.PeerID
	Topology     netstack.Topology // Path of our envelopes
	// Signaler takes our envelopes.
	Signaler netstack.Signaler
	// Emit takes what happens, in order. It is called on the peer's own
	// goroutine and must neither block nor call the peer.
	Emit func(netstack.Event)
	// Lost is called at most once, when this Peer cannot go on and has to be
	// replaced: ErrSuperseded with the envelope that said so, which is for the
	// next Peer; or what failed, with a zero Envelope. It must not block and
	// must not call Close directly.
	Lost func(err error, first netstack.Envelope)
	// Expected says that the other side's offer is here and will be handed to
	// Handle, so that there is no need to say hello.
	Expected bool
}

// Peer is one connection to one other participant. Its methods may be called
// from any goroutine and do not wait for the network, except Close.
type Peer struct {
	o       Options
	f       *Factory
	log     *slog.Logger
	net     *network
	pc      *webrtc.PeerConnection
	ice     *webrtc.ICETransport
	dtls    *webrtc.DTLSTransport
	meters  *measured
	wishes  *wishes
	policy  Policy
	loop    *loop.Loop
	polite  bool
	session string
	closing atomic.Bool
	link    atomic.Pointer[netstack.Link]

	// What follows belongs to the loop.
	neg      negotiation
	trickle  trickle
	hold     hold
	tracks   []*remoteTrack
	servers  []webrtc.ICEServer // in use
	sent     []*sent            // published tracks, in order
	untaken  map[string]bool    // by track ID
	unasked  bool               // the other side has no reason to send
	state    webrtc.PeerConnectionState
	iceState webrtc.ICEConnectionState
	steps    map[netstack.Milestone]time.Time
	view     view
	moves    moves
	noDTLS   bool // encryption failed
	lost     bool
}

// sent is a published track.
type sent struct {
	track   webrtc.TrackLocal
	gate    *gate
	sender  *webrtc.RTPSender // nil until attached
	offered int               // number of the offer it was attached for; 0: an answer
}

// New begins a connection. Close must be called.
func (f *Factory) New(o Options) (*Peer, error) {
	if o.Self == o.Remote || o.Remote == "" {
		return nil, fmt.Errorf("connecting %q to %q: not two participants", o.Self, o.Remote)
	}
	n := newNetwork(f)
	w := new(wishes)
	api, meters, err := f.api(n, w)
	if err != nil {
		n.shut()
		return nil, err
	}
	servers, policy := f.iceServers(), f.currentPolicy()
	pc, err := api.NewPeerConnection(webrtc.Configuration{
		ICEServers: servers, ICETransportPolicy: policy.ice(),
		Certificates: []webrtc.Certificate{f.certificate}, BundlePolicy: webrtc.BundlePolicyMaxBundle,
		ICECandidatePoolSize: 1, // gather now, not when the first offer is here
	})
	if err != nil {
		n.shut()
		return nil, fmt.Errorf("making a connection: %w", err)
	}
	p := &Peer{
		o: o, f: f, net: n, pc: pc, meters: meters, servers: servers, wishes: w, policy: policy,
		dtls: pc.SCTP().Transport(), ice: pc.SCTP().Transport().ICETransport(),
		log:    f.config.Logger.With("peer", o.Remote),
		polite: o.Self < o.Remote, session: rand.Text(),
		steps: map[netstack.Milestone]time.Time{}, untaken: map[string]bool{},
		state: webrtc.PeerConnectionStateNew, iceState: webrtc.ICEConnectionStateNew,
		loop: loop.New(context.Background()),
	}
	p.hold.init(time.Now())
	p.hold.have = f.addressSet()
	p.trickle.reset()
	p.listen()
	p.loop.Go(p.tick)
	p.post(p.begin)
	return p, nil
}

// listen posts what pion calls back with.
func (p *Peer) listen() {
	p.pc.OnICECandidate(func(c *webrtc.ICECandidate) { p.post(func() { p.localCandidate(c) }) })
	p.pc.OnICEConnectionStateChange(func(s webrtc.ICEConnectionState) { p.post(func() { p.iceChanged(s) }) })
	p.pc.OnConnectionStateChange(func(webrtc.PeerConnectionState) { p.post(p.stateChanged) })
	p.dtls.OnStateChange(func(s webrtc.DTLSTransportState) { p.post(func() { p.dtlsChanged(s) }) })
	p.ice.OnSelectedCandidatePairChange(func(*webrtc.ICECandidatePair) { p.meters.bandwidth.moved() })
	p.pc.OnTrack(func(t *webrtc.TrackRemote, r *webrtc.RTPReceiver) { p.post(func() { p.trackAdded(t, r) }) })
}

// begin makes the first move: the impolite side's offer, the polite side's hello.
func (p *Peer) begin() {
	p.reached(netstack.GatheringStarted)
	if p.polite {
		if !p.o.Expected {
			p.send(TypeHello, helloBody{p.header()})
		}
		return
	}
	p.needNegotiation()
}

// Remote is who is at the other end.
func (p *Peer) Remote() netstack.PeerID { return p.o.Remote }

// Handle takes an envelope of this package from the other side.
func (p *Peer) Handle(e netstack.Envelope) { p.post(func() { p.handle(e) }) }

// Publish sends a track to the other side from now on. Its ID must be new.
// The same track may be published on any number of peers.
func (p *Peer) Publish(t webrtc.TrackLocal) { p.post(func() { p.publish(t) }) }

// Unpublish takes a track back.
func (p *Peer) Unpublish(t webrtc.TrackLocal) { p.post(func() { p.unpublish(t) }) }

// SetTaken says whether the other side takes the published track with this ID:
// at first it does. What it does not take is not sent. A picture goes on with
// the next key frame, which is the caller's to make once this returns.
func (p *Peer) SetTaken(trackID string, taken bool) {
	_ = p.loop.Do(func() { // an error means closed
		before := p.pictures()
		p.untaken[trackID] = !taken
		switch after := p.pictures(); {
		case before && !after:
			p.meters.bandwidth.pause()
		case after && !before:
			p.meters.bandwidth.resume()
		}
		for _, s := range p.sent {
			if s.track.ID() == trackID {
				s.gate.set(taken)
			}
		}
	})
}

// pictures reports whether a picture of ours is taken.
func (p *Peer) pictures() bool {
	return slices.ContainsFunc(p.sent, func(s *sent) bool {
		return s.track.Kind() == webrtc.RTPCodecTypeVideo && !p.untaken[s.track.ID()]
	})
}

// Expect says whether the other side has reason to send: at first it has. If
// not, its silence means nothing.
func (p *Peer) Expect(media bool) {
	p.post(func() {
		if p.unasked != !media {
			p.unasked = !media
			p.hold.silence.Begin(time.Now())
		}
	})
}

// Restart restarts ICE: at once on the impolite side, with the other side's
// help on the polite one.
func (p *Peer) Restart(why string) { p.post(func() { p.restartWanted(why) }) }

// AddressesChanged tells what addresses this machine has now; if the one in
// use is gone, ICE is restarted.
func (p *Peer) AddressesChanged(all []ifwatch.Address) {
	p.post(func() { p.addressesChanged(usable(all)) })
}

// SendBudget is what congestion control allows to send to this peer, in bits
// per second.
func (p *Peer) SendBudget() netstack.Opt[int] { return p.meters.bandwidth.budget() }

// Close ends the connection and waits for all it started. The other side sees
// it by its own clock, or is told by whoever runs the room.
func (p *Peer) Close() error {
	p.closing.Store(true)
	_ = p.loop.Do(func() {}) // what is queued now is the last that touches pc
	// Nobody waits long for a server that does not answer: without sockets the
	// asking ends. Those that do answer are told that we leave.
	hurry := time.AfterFunc(closeGrace, p.net.shut)
	err := p.pc.GracefulClose()
	hurry.Stop()
	p.net.shut()
	p.loop.Close()
	if err != nil {
		return fmt.Errorf("closing the connection to %s: %w", p.o.Remote, err)
	}
	return nil
}

func (p *Peer) post(fn func()) {
	if !p.closing.Load() {
		_ = p.loop.Post(fn) // an error means closed: nothing is left to do
	}
}

func (p *Peer) emit(e netstack.Event) {
	if !p.closing.Load() {
		p.o.Emit(e)
	}
}

// reached reports a milestone the first time it is reached.
func (p *Peer) reached(m netstack.Milestone) {
	if _, ok := p.steps[m]; ok {
		return
	}
	now := time.Now()
	p.steps[m] = now
	p.emit(netstack.MilestoneReached{Peer: p.o.Remote, Step: m, At: now})
}

// giveUp tells the owner that this Peer has to be replaced.
func (p *Peer) giveUp(err error, first netstack.Envelope) {
	if p.lost || p.closing.Load() {
		return
	}
	p.lost = true
	p.log.Debug("connection cannot go on", "err", err)
	if p.o.Lost != nil {
		p.o.Lost(err, first)
	}
}

func (p *Peer) publish(t webrtc.TrackLocal) {
	if slices.ContainsFunc(p.sent, func(s *sent) bool { return s.track.ID() == t.ID() }) {
		return
	}
	id := t.ID()
	s := &sent{track: t, gate: newGate(t, func() {
		p.post(func() { p.emit(netstack.KeyFrameRequested{Peer: p.o.Remote, TrackID: id}) })
	})}
	s.gate.set(!p.untaken[t.ID()])
	p.sent = append(p.sent, s)
	p.needNegotiation()
}

func (p *Peer) unpublish(t webrtc.TrackLocal) {
	i := slices.IndexFunc(p.sent, func(s *sent) bool { return s.track == t })
	if i < 0 {
		return
	}
	p.detach(p.sent[i])
	p.sent = slices.Delete(p.sent, i, i+1)
	p.needNegotiation()
}

// attach gives each published track that has none a sender. It is called just
// before an offer of ours, or before the first answer: a sender that starts
// with a later answer sends before the other side knows its SSRC, and pion then
// never knows it. offer is the number of the offer, 0 for the answer.
func (p *Peer) attach(offer int) {
	for _, s := range slices.Clone(p.sent) {
		if s.sender != nil {
			continue
		}
		sender, err := p.pc.AddTrack(s.gate)
		if err != nil {
			p.log.Warn("track not published", "track", s.track.ID(), "err", err)
			p.sent = slices.DeleteFunc(p.sent, func(x *sent) bool { return x == s })
			continue
		}
		s.sender, s.offered = sender, offer
		id := s.track.ID()
		p.loop.Go(func(context.Context) {
			readFeedback(sender, func() {
				p.post(func() { p.emit(netstack.KeyFrameRequested{Peer: p.o.Remote, TrackID: id}) })
			})
		})
	}
}

// detach takes a track's sender away.
func (p *Peer) detach(s *sent) {
	if s.sender == nil {
		return
	}
	if err := p.pc.RemoveTrack(s.sender); err != nil {
		p.log.Warn("track not taken back", "track", s.track.ID(), "err", err)
	}
	s.sender = nil
}

func (p *Peer) trackAdded(track *webrtc.TrackRemote, r *webrtc.RTPReceiver) {
	t := &remoteTrack{track: track, receiver: r, pc: p.pc}
	p.tracks = append(p.tracks, t)
	p.loop.Go(t.readRTCP)
	p.reached(netstack.FirstPacket)
	p.emit(netstack.TrackAdded{Peer: p.o.Remote, Track: t})
}

func (p *Peer) iceChanged(s webrtc.ICEConnectionState) {
	p.iceState = s
	if s == webrtc.ICEConnectionStateConnected {
		p.reached(netstack.ICEConnected)
	}
	p.hold.iceChanged(s, time.Now())
	p.stateChanged()
}

func (p *Peer) dtlsChanged(s webrtc.DTLSTransportState) {
	switch s {
	case webrtc.DTLSTransportStateConnected:
		p.reached(netstack.DTLSConnected)
	case webrtc.DTLSTransportStateFailed:
		p.noDTLS = true
		p.stateChanged()
		p.giveUp(errors.New("encryption could not be set up"), netstack.Envelope{})
	}
}

// stateChanged reports the state of the connection in words. It reads the
// state instead of being told, because pion's callbacks overtake each other.
func (p *Peer) stateChanged() {
	s := p.pc.ConnectionState()
	if p.noDTLS {
		s = webrtc.PeerConnectionStateFailed // pion leaves it at connecting
	}
	if s == p.state || p.closing.Load() {
		return
	}
	p.state = s
	p.sample(time.Now()) // first: who is told may ask
	p.emit(netstack.LinkChanged{Peer: p.o.Remote, State: s, Why: p.why(s)})
}

func (p *Peer) why(s webrtc.PeerConnectionState) string {
	_, wasUp := p.steps[netstack.ICEConnected]
	switch s {
	case webrtc.PeerConnectionStateConnecting:
		if wasUp {
			return "looking for a path again: " + p.hold.why
		}
		return "looking for a path"
	case webrtc.PeerConnectionStateDisconnected:
		return "nothing has arrived from them for a few seconds"
	case webrtc.PeerConnectionStateFailed:
		switch {
		case p.noDTLS:
			return "a path was found, but encryption could not be set up with who is there"
		case wasUp:
			return "the path is lost"
		}
		return "no path to them was found"
	}
	return ""
}
