package sfu

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"candid/netstack"
	"candid/netstack/bandwidth"
	"candid/netstack/fault"
	"candid/netstack/peer"
	"candid/netstack/sfu/batch"
	"candid/netstack/sfu/forward"
	"candid/netstack/sfu/srtp"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

const (
	inboxAtFirst          = 16 << 10
	resendShare           = 0.2 // of the line's estimate, for NACKs
	resendBurst           = 64 << 10
	tickEvery             = 20 * time.Millisecond
	flowTime              = int64(time.Second)
	startTime             = int64(1500 * time.Millisecond)
	keyFrameEvery         = int64(500 * time.Millisecond)
	silentAfter           = int64(15 * time.Second) // nothing is sent to a client that says nothing
	maxReplay             = 200                     // packets that bring a newcomer up to date
	defaultTile           = 360
	forgottenKeyFrame     = int64(60 * time.Second)
	maxWorkBeforeSending  = 256 // packets
	chooseEvery           = int64(100 * time.Millisecond)
	feedbackEvery         = int64(60 * time.Millisecond)
	reportEvery           = int64(time.Second)
	speakersEvery         = int64(200 * time.Millisecond)
	demandAfter           = int64(2 * time.Second)
	maxSendersPerReceiver = 64
)

// engine moves the media of one room: one goroutine owns all of it. Readers of
// sockets hand it packets, the room's control hands it functions.
type engine struct {
	lastN   int
	changed func(change) // facts for the room's control; must not block
	panics  *fault.Counter
	log     *slog.Logger

	mu       sync.Mutex
	in       inbox
	commands []func()
	round    uint64 // of draining
	wake     chan struct{}

	// What follows belongs to the goroutine.
	work         inbox
	now          int64
	lines        []*line
	tracks       []*track // by slot; nil: free
	audio, video []item
	out          batch.Sender
	inside       delays
	wishes       []forward.Wish
	chosen       []int
	speakers     []*forward.Speaker
	pictures     []*track
	silence      forward.Speaker // stands where there is no sound
	newWishes    bool
	active       int // slot of the active speaker, -1: nobody
	spokeAt      int64
	whom         *line // what is done is for it; nil: for nobody in particular

	forwarded, dropped, resent, policed atomic.Uint64
}

// change is what control wants to know.
type change struct {
	line     *line
	demand   []demand          // layers whose demand changed
	height   int               // the same of a track of this process
	speakers []netstack.PeerID // the newest first
	gone     *line             // a guest that says nothing any more
	broken   *line             // a client for which something panicked
	silent   *line             // a client of which nothing arrives any more
}

// inbox is packets that wait, in one piece of memory.
type inbox struct {
	bytes   []byte
	packets []waiting
}

type waiting struct {
	line     *line
	from, to int
	at       int64
}

// item is a packet to forward.
type item struct {
	layer   *layer
	kept    forward.Kept
	payload []byte
}

// line is the media half of one client's connection.
type line struct {
	id     netstack.PeerID
	engine *engine
	agent  *agent
	dtls   *handshaker
	guest  bool  // nobody else says when it is gone; of the engine
	near   *near // not nil: of this process, without agent and keys

	door door // under engine.mu

	// What follows belongs to the engine.
	in, out     srtp.Context
	ext         forward.Extensions
	rid         uint8 // extension ids of what it sends
	transport   uint8
	level       uint8
	estimate    bandwidth.Estimate
	resend      forward.Bucket
	ups         []*layer
	downs       []*down // by slot
	list        []*down
	bitsNow     atomic.Int64 // the estimate, once known
	fullAt      atomic.Int64 // when the line was last seen to be full
	newWishes   bool
	takes       bool // anything at all, since it was chosen for last
	recorder    *twcc.Recorder
	choseAt     int64
	fedAt       int64
	reportedAt  int64
	askedNumber []uint16
	spoke       int64  // when it was the active speaker last
	bytes       uint64 // of media and reports that arrived
	silence     peer.Silence
	watchedAt   int64
	silent      bool // which was told
	garbage     atomic.Uint64
}

func newEngine(s *Server, changed func(change)) *engine {
	return &engine{lastN: s.cfg.LastN, panics: &s.panics, log: s.log, changed: changed, wake: make(chan struct{}, 1), active: -1}
}

// put hands over a packet of a client; it copies p, and drops what is too much.
func (e *engine) put(l *line, p []byte) {
	now := time.Now().UnixNano()
	e.mu.Lock()
	ok := len(e.in.bytes)+len(p) <= maxInbox && l.door.lets(len(p), e.round, now)
	if ok {
		from := len(e.in.bytes)
		e.in.bytes = append(e.in.bytes, p...)
		e.in.packets = append(e.in.packets, waiting{l, from, len(e.in.bytes), now})
	}
	first := len(e.in.packets) == 1
	e.mu.Unlock()
	if !ok {
		e.policed.Add(1)
		return
	}
	if first {
		e.poke()
	}
}

// putOwn hands over a packet of this process.
func (e *engine) putOwn(l *line, h *rtp.Header, payload []byte) {
	now := time.Now().UnixNano()
	e.mu.Lock()
	if size := h.MarshalSize(); len(e.in.bytes)+size+len(payload) <= maxInbox {
		from := len(e.in.bytes)
		e.in.bytes = slices.Grow(e.in.bytes, size+len(payload))[:from+size]
		if _, err := h.MarshalTo(e.in.bytes[from:]); err == nil {
			e.in.bytes = append(e.in.bytes, payload...)
			e.in.packets = append(e.in.packets, waiting{l, from, len(e.in.bytes), now})
		}
	}
	e.mu.Unlock()
	e.poke()
}

// ready reports whether there is a receiver who can take anything.
func (l *line) ready() bool { return l.out != nil || l.near != nil && l.near.sink != nil }

// do runs fn on the engine's goroutine, later.
func (e *engine) do(fn func()) {
	e.mu.Lock()
	e.commands = append(e.commands, fn)
	e.mu.Unlock()
	e.poke()
}

func (e *engine) poke() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// run works until ctx ends. Nothing ticks while nobody is connected.
func (e *engine) run(ctx context.Context) {
	tick := time.NewTicker(tickEvery)
	tick.Stop()
	defer tick.Stop()
	ticking := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.wake:
			e.drain()
		case <-tick.C:
			e.drain()
			e.guard(e.tick)
		}
		if busy := len(e.lines) > 0; busy != ticking {
			if ticking = busy; busy {
				tick.Reset(tickEvery)
			} else {
				tick.Stop()
			}
		}
	}
}

// drain does what waits.
func (e *engine) drain() {
	e.mu.Lock()
	commands := e.commands
	e.commands = nil
	e.round++
	e.work, e.in = e.in, e.work
	e.in.bytes, e.in.packets = e.in.bytes[:0], e.in.packets[:0]
	e.mu.Unlock()
	e.now = time.Now().UnixNano()
	for _, fn := range commands {
		e.guard(fn)
	}
	e.guard(e.pass)
}

// guard runs fn; a panic in it costs the client it was for, if that is known,
// and the packets at hand.
func (e *engine) guard(fn func()) {
	e.whom = nil
	e.panics.Guard(e.log, fn, func() {
		clear(e.audio)
		clear(e.video)
		e.audio, e.video = e.audio[:0], e.video[:0]
		if e.whom != nil {
			e.changed(change{broken: e.whom})
		}
	})
}

// pass takes the packets that wait, and passes them on.
func (e *engine) pass() {
	if e.newWishes {
		e.grant()
	}
	for i := range e.work.packets {
		w := &e.work.packets[i]
		e.whom = w.line
		e.take(w.line, e.work.bytes[w.from:w.to:w.to], w.at)
		if len(e.audio)+len(e.video) >= maxWorkBeforeSending {
			e.fanOut()
		}
	}
	e.fanOut()
	e.out.Flush()
	if len(e.work.packets) > 0 {
		done := time.Now().UnixNano()
		for i := range e.work.packets {
			e.inside.add(done - e.work.packets[i].at)
		}
		clear(e.work.packets)
	}
}

// fanOut gives what came to everyone who takes it, sound first: all packets for
// one receiver in a row, so that they leave as trains.
func (e *engine) fanOut() {
	for _, batch := range [2][]item{e.audio, e.video} {
		if len(batch) == 0 {
			continue
		}
		for _, l := range e.lines {
			if !l.takes || !l.ready() {
				continue
			}
			e.whom = l
			for i := range batch {
				it := &batch[i]
				slot := it.layer.track.slot
				if slot >= len(l.downs) || l.downs[slot] == nil {
					continue
				}
				d := l.downs[slot]
				if o, ok := d.Map(it.layer.index, d.want, &it.kept); ok {
					e.send(l, d, &o, &it.kept, it.payload)
				}
			}
		}
	}
	clear(e.audio)
	clear(e.video)
	e.audio, e.video = e.audio[:0], e.video[:0]
}

// send seals one packet for one receiver and queues it.
func (e *engine) send(l *line, d *down, o *forward.Out, k *forward.Kept, payload []byte) {
	if l.near != nil {
		l.near.give(d, o, k, payload)
		return
	}
	at := l.agent.selected.Load()
	if at == nil {
		return
	}
	b := e.out.Next(forward.MaxOverhead + len(payload) + srtp.Overhead)
	if l.ext.Transport != 0 {
		o.Transport = l.estimate.Send(len(payload)+forward.MaxOverhead, e.now)
		if d.Aligned || d.track.kind == webrtc.RTPCodecTypeAudio {
			d.Sent(o.Seq, o.Transport)
		}
	}
	b = o.AppendHeader(b, l.ext)
	header := len(b)
	b = append(b, payload...)
	d.Patch(k, o.Seq, b[header:])
	b, err := l.out.SealRTP(b, header, o.Seq)
	if err != nil {
		return
	}
	e.out.Queue(at.socket, at.remote, b)
	d.packets++
	d.octets += uint32(len(payload))
	e.forwarded.Add(1)
}

// watch tells when nothing arrives any more of a client that sent: its checks may
// come by another way, so that it cannot know.
func (e *engine) watch(l *line) {
	if e.now-l.watchedAt < int64(peer.WatchEvery) {
		return
	}
	l.watchedAt = e.now
	now := time.Unix(0, e.now)
	if l.silence.Heard(l.bytes, now) {
		l.silent = false
		return
	}
	if !l.silent && l.bytes > 0 && len(l.ups) > 0 && l.silence.Lasts(now) {
		l.silent = true // said once
		e.changed(change{silent: l})
	}
}

// tick does what is due by the clock.
func (e *engine) tick() {
	now := e.now
	e.rank()
	for _, l := range e.lines {
		e.whom = l
		if l.guest && now-l.agent.heard.Load() > guestSilent {
			l.guest = false // said once
			e.changed(change{gone: l})
		}
		if l.out == nil && l.near == nil {
			continue
		}
		if now-l.choseAt >= chooseEvery {
			l.choseAt = now
			e.choose(l)
		}
		if l.near != nil {
			l.askNear(now)
			continue
		}
		e.feedback(l)
		e.watch(l)
	}
	e.whom = nil
	e.demands()
	if now-e.spokeAt >= speakersEvery {
		e.spokeAt = now
		e.speak()
	}
	e.out.Flush()
}
