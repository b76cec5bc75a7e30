package mcu

import (
	"slices"
	"sync/atomic"
	"time"

	"candid/media"
	"candid/media/codec"
	"candid/media/mix"
	"candid/netstack"
)

const (
	blocksPerPacket = codec.OpusSamples / media.BlockSamples
	// maxBehind is how many blocks are made up for when the goroutine was not
	// woken; more are left out, as if everyone had been silent.
	maxBehind = 10
	fadeIn    = 1.0 // of full gain per block
	fadeOut   = 0.2
	// ownTail is how long who spoke is still given a mix of their own: until the
	// encoder of the shared one, fed with the same meanwhile, says the same.
	ownTail = 20 // blocks
	// hearRoom is how many packets wait for a slow listener: half a second.
	hearRoom = 25
)

// sound mixes. All but wake and the counters belongs to its goroutine, which
// runs while anyone listens or watches.
type sound struct {
	e       *Engine
	wake    chan struct{}
	made    int64 // blocks since the epoch
	sum     []int32
	minus   []int32
	shared  stream
	stage   stage
	last    *roster
	encodes atomic.Uint64 // packets encoded
	lost    atomic.Uint64 // blocks left out
}

// stream is one mix on its way into packets.
type stream struct {
	enc     *codec.OpusEncoder
	limiter mix.Limiter
	pcm     []int16 // of one packet
}

func newStream() (stream, error) {
	enc, err := codec.NewOpusEncoder(codec.OpusOptions{LossPercent: 5})
	return stream{enc: enc, pcm: make([]int16, codec.OpusSamples)}, err
}

func newSound(e *Engine) (*sound, error) {
	shared, err := newStream()
	return &sound{
		e: e, wake: make(chan struct{}, 1), shared: shared, last: &roster{},
		sum: make([]int32, media.BlockSamples), minus: make([]int32, media.BlockSamples),
	}, err
}

// poke tells the goroutine that the roster has changed.
func (s *sound) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// audible reports whether anyone's sound is of use.
func (e *Engine) audible() bool {
	r := e.roster.Load()
	return len(r.hears) > 0 || r.views > 0
}

func (s *sound) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	idle := true
	for {
		var next <-chan time.Time
		if was := idle; !s.e.audible() {
			idle = true
		} else {
			if idle = false; was {
				s.made = s.blocksAt(time.Now())
			}
			timer.Reset(time.Until(s.due(s.made + 1)))
			next = timer.C
		}
		select {
		case <-s.e.quit:
			return
		case <-s.wake:
		case <-next:
			s.catchUp(time.Now())
		}
	}
}

// due is when block n, counted from 1, is over and can be made.
func (s *sound) due(n int64) time.Time {
	return s.e.epoch.Add(time.Duration(n) * media.BlockDuration)
}

// blocksAt is how many blocks are over at t, rounded down to whole packets.
func (s *sound) blocksAt(t time.Time) int64 {
	n := int64(t.Sub(s.e.epoch) / media.BlockDuration)
	return n - n%blocksPerPacket
}

// catchUp makes what is due.
func (s *sound) catchUp(now time.Time) {
	s.e.load.note(now.Sub(s.due(s.made + 1)))
	if all := s.blocksAt(now); all-s.made > maxBehind {
		s.lost.Add(uint64(all - s.made))
		s.made = all
	}
	for !now.Before(s.due(s.made + 1)) {
		s.block(s.e.roster.Load(), int(s.made%blocksPerPacket))
		s.made++
		if s.made%blocksPerPacket == 0 {
			s.encode(s.e.roster.Load())
		}
	}
}

// block mixes 10 ms: part of a packet. Who is in the mix changes between
// packets only.
func (s *sound) block(r *roster, part int) {
	for _, m := range r.members {
		s.read(m)
	}
	if part == 0 {
		elect(r.members, s.e.cfg.Speakers, s.made)
		s.announce(s.stage.follow(r.members, s.made))
		for _, h := range r.hears {
			s.choose(h)
		}
	}
	clear(s.sum)
	for _, m := range r.members {
		if s.fade(m) {
			mix.Add(s.sum, m.voice.out, 1)
		}
	}
	s.farewell(r)
	at := part * media.BlockSamples
	s.shared.limiter.Limit(s.shared.pcm[at:at+media.BlockSamples], s.sum)
	for _, h := range r.hears {
		if !h.apart {
			continue
		}
		copy(s.minus, s.sum)
		if h.member != nil && h.member.voice.sounding() {
			mix.Subtract(s.minus, h.member.voice.out, 1)
		}
		h.own.limiter.Limit(h.own.pcm[at:at+media.BlockSamples], s.minus)
	}
}

// read takes the next 10 ms of a member.
func (s *sound) read(m *member) {
	v := &m.voice
	if v.pcm == nil {
		*v = voice{
			pcm: make([]int16, media.BlockSamples), out: make([]int16, media.BlockSamples),
			env: silence, lastLoud: neverLoud,
		}
	}
	level := silence
	if m.audio.play.ReadBlock(v.pcm) && !m.state.Load().muted {
		level = levelOf(v.pcm)
	}
	v.heard(level, s.made)
}

// sounding reports whether the voice is in the newest block of the mix.
func (v *voice) sounding() bool { return v.active || v.gain > 0 }

// fade writes a member's part of the mix, and reports whether there is any.
func (s *sound) fade(m *member) bool {
	v := &m.voice
	var want float32
	if v.active && !m.state.Load().muted {
		want = min(1, v.gain+fadeIn)
	} else {
		want = max(0, v.gain-fadeOut)
	}
	if want == 0 && v.gain == 0 {
		clear(v.out)
		return false
	}
	mix.Fade(v.out, v.pcm, v.gain, want)
	v.gain = want
	return true
}

// farewell adds a last block, fading, of those who have left since the one before.
func (s *sound) farewell(r *roster) {
	if r == s.last {
		return
	}
	for _, m := range s.last.members {
		if v := &m.voice; v.gain > 0 && !slices.Contains(r.members, m) {
			m.audio.play.ReadBlock(v.pcm)
			mix.Fade(v.out, v.pcm, v.gain, 0)
			mix.Add(s.sum, v.out, 1)
			v.gain = 0
		}
	}
	s.last = r
}

// choose gives a listener who speaks a mix of their own, and takes it back a
// while after they stopped.
func (s *sound) choose(h listener) {
	if h.member != nil && h.member.voice.sounding() {
		h.spoke = s.made
		if !h.apart {
			h.apart = s.part(h.Hearing)
		}
		return
	}
	h.apart = h.apart && s.made-h.spoke <= ownTail
}

// part brings a listener's own encoder to where the shared one is.
func (s *sound) part(h *Hearing) bool {
	if h.own.enc == nil {
		own, err := newStream()
		if err != nil {
			s.e.log.Warn("speaker hears themselves", "cause", err)
			return false
		}
		h.own = own
	}
	h.own.limiter = s.shared.limiter
	if _, err := h.own.enc.Encode(s.shared.pcm); err != nil { // what was sent last; thrown away
		s.e.log.Debug("encoder not warmed up", "cause", err)
	}
	return true
}

// announce publishes who has the word.
func (s *sound) announce(m *member) {
	var d dominant
	if m != nil {
		d = dominant{id: m.id, now: m.voice.active}
	}
	if *s.e.speaker.Load() != d {
		s.e.speaker.Store(&d)
	}
}

// encode sends a packet to everyone: the same to all who are not set apart.
func (s *sound) encode(r *roster) {
	at := s.e.audioTimeOf(s.made - blocksPerPacket)
	var shared *parcel
	for _, h := range r.hears {
		p := shared
		switch {
		case h.apart:
			p = s.pack(h.own, at)
		case p == nil:
			p = s.pack(s.shared, at)
			shared = p
		}
		if p != nil && !h.out.put(p) {
			h.dropped.Add(1)
		}
	}
}

// pack encodes one packet; nil if that fails.
func (s *sound) pack(st stream, at uint32) *parcel {
	data, err := st.enc.Encode(st.pcm)
	if err != nil {
		s.e.log.Warn("sound not encoded", "cause", err)
		return nil
	}
	s.encodes.Add(1)
	return &parcel{payloads: [][]byte{slices.Clone(data)}, timestamp: at}
}

// Hearing is one listener's sound: a stream of Opus with a clock of 48 kHz.
type Hearing struct {
	e       *Engine
	id      netstack.PeerID
	out     *outlet
	dropped atomic.Uint64 // packets the sink was too slow for

	// Of the sound goroutine.
	own   stream
	apart bool  // own is what they hear
	spoke int64 // block
}

// Stats returns the newest figures.
func (h *Hearing) Stats() StreamStats {
	return StreamStats{Packets: h.out.packets.Load(), Errors: h.out.failed.Load(), Missed: h.dropped.Load()}
}

// Close ends the hearing, and waits until the sink is not called any more. It
// must not be called by the sink.
func (h *Hearing) Close() {
	_ = h.e.change(func() error { // after the Engine's Close it has ended
		h.e.hears = slices.DeleteFunc(h.e.hears, func(o *Hearing) bool { return o == h })
		return nil
	})
	h.end()
}

func (h *Hearing) end() { h.out.close() }
