package playout

import (
	"time"

	"candid/media"
	"candid/media/codec"
)

const (
	audioSlots  = 256 // packets held: 5 s of 20 ms
	audioJump   = 500 // sequence numbers: 10 s
	audioSkew   = int64(2 * time.Second)
	blockNanos  = int64(media.BlockDuration)
	beatWindow  = 64                            // pulls, 640 ms
	beatReset   = int64(100 * time.Millisecond) // a pull so late was not made up for
	fadeBlocks  = 10                            // concealment without any packet lasts 100 ms
	fullBlocks  = 2                             // of which these are at full level
	maxGap      = media.SampleRate              // a longer hole begins anew
	joinSamples = 240                           // 5 ms: fade over a cut
)

// audioPacket is one slot of the jitter buffer. seq stays after the packet was
// played, so that another copy of it is known.
type audioPacket struct {
	arrival
	seq     int64
	ts      int64
	waiting bool
	from    uint8 // the path of the first copy
}

// playhead is where in a stream we are: the jitter buffer, the decoder and what
// is decoded. Time is in ns since the Audio's epoch, positions in samples of
// the stream. It belongs to the puller and allocates nothing after init.
type playhead struct {
	dec     AudioDecoder
	scratch [codec.MaxOpusSamples]int16
	q       *pcmQueue
	join    [joinSamples]int16 // what was to be played before a cut
	joining bool

	begun   bool
	slots   [audioSlots]audioPacket
	highSeq int64
	highTS  int64
	origin  int64 // the packet the stream began with
	lastX   int64 // newest packet's arrival minus its RTP time
	stray   int   // where an implausible packet would be confirmed, -1 for nowhere
	delays  delays

	fecAt   int64 // when a packet with a copy of the one before came
	fecSpan int16 // and how long it was

	nextSeq int64 // next packet to decode
	span    int64 // samples of the last packet decoded
	nextTS  int64 // position after the last decoded sample
	quiet   bool  // nothing is played; the next packet decides when it goes on
	running bool  // something was played since begin

	// While packets are missing and nothing says why:
	expanded int64 // samples played instead
	pending  concealed
	inEvent  bool // the last samples were concealed

	pulls      int64
	beats      [beatWindow]int64 // now minus what the pulls so far have played
	beat       int64             // the earliest of those: when a pull comes at its earliest
	syncTarget int64             // delay asked for by lip sync, 0 for none
	lastAdjust int64             // pull at which the length was last changed
	tries      int

	stats AudioStats
}

// concealed counts samples that were made up.
type concealed struct{ all, silent int64 }

func (p *playhead) init(dec AudioDecoder) {
	p.dec, p.q, p.stray, p.quiet = dec, newPCMQueue(), -1, true
	for i := range p.slots {
		p.slots[i].seq = -1
	}
}

// pulled notes a pull and keeps the beat: pulls come late, or in bursts, as the
// machine allows; what counts is how early they may come.
func (p *playhead) pulled(now int64) {
	b := now - p.pulls*blockNanos
	if p.pulls == 0 || b-p.beat > beatReset {
		for i := range p.beats {
			p.beats[i] = b
		}
	}
	p.beats[p.pulls%beatWindow] = b
	p.beat = b
	for _, v := range p.beats {
		p.beat = min(p.beat, v)
	}
	p.pulls++
}

// early is the earliest time at which this pull might have come.
func (p *playhead) early() int64 { return p.beat + (p.pulls-1)*blockNanos }

// position is the next sample to be played.
func (p *playhead) position() int64 { return p.nextTS - int64(p.q.len()) }

// delay is how long sound is held now, on the scale of delays.
func (p *playhead) delay() int64 { return p.early() - nanos(p.position()) }

// target is how long it should be held.
func (p *playhead) target() int64 {
	wait := int64(0)
	if now := p.early(); p.delays.lossy(now) {
		if p.fecAt != 0 && now-p.fecAt < lossMemory {
			wait = nanos(int64(p.fecSpan))
		}
	}
	t := p.delays.target(wait)
	if p.syncTarget != 0 {
		t = max(t, min(p.syncTarget, t+int64(maxSyncDelay)))
	}
	return t
}

// accept puts a packet in its place.
func (p *playhead) accept(ar arrival) {
	if ar.copied {
		p.acceptCopy(ar)
		return
	}
	if !p.begun {
		p.begin(ar)
	}
	seq, ts := unwrap16(p.highSeq, ar.seq), unwrap32(p.highTS, ar.ts)
	x := ar.at - nanos(ts)
	if d := seq - p.highSeq; d > audioJump || d < -audioJump || x-p.lastX > audioSkew || p.lastX-x > audioSkew {
		// The sender's clock or count jumped. A packet that follows the last
		// one, or the one that said so first, is believed.
		if d != 1 && p.stray != int(ar.seq) {
			p.stray = int(ar.seq + 1)
			p.stats.PacketsRefused++
			return
		}
		p.begin(ar)
		seq, ts = p.highSeq, p.highTS
		x = ar.at - nanos(ts)
	}
	p.stray = -1
	s := &p.slots[seq&(audioSlots-1)]
	if s.seq == seq {
		p.stats.PacketsRepeated++
		if s.from != ar.source && ar.samples > 0 {
			p.delays.add(x, ar.at) // a path that may soon be the only one
		}
		return
	}
	p.lastX = x
	if ar.samples > 0 {
		p.delays.add(x, ar.at)
	}
	if ar.fec {
		p.fecAt, p.fecSpan = ar.at, ar.samples
	}
	if seq < p.nextSeq {
		if p.nextSeq-seq < audioSlots { // remembered, to know further copies
			*s = audioPacket{seq: seq, from: ar.source}
		}
		p.stats.PacketsDiscarded++
		return
	}
	if seq-p.nextSeq >= audioSlots { // nobody pulled for seconds
		p.discardTo(seq - audioSlots + 1)
		p.quiet = true
	}
	*s = audioPacket{arrival: ar, seq: seq, ts: ts, waiting: true, from: ar.source}
	p.highSeq = max(p.highSeq, seq)
	p.highTS = max(p.highTS, ts)
}

// begin starts a stream, or starts it anew, at packet ar.
func (p *playhead) begin(ar arrival) {
	for i := range p.slots {
		p.slots[i] = audioPacket{seq: -1}
	}
	// Far from 0, so that packets from before have a place; the size of an RTP
	// clock keeps position and wire equal in the lower bits.
	p.highSeq = 1<<20 + int64(ar.seq)
	p.highTS = 1<<32 + int64(ar.ts)
	p.origin = p.highSeq
	p.nextSeq, p.nextTS = p.highSeq, p.highTS+int64(p.q.len())
	p.lastX = ar.at - nanos(p.highTS)
	p.delays.reset()
	p.begun, p.quiet, p.running = true, true, false
	p.expanded, p.pending = 0, concealed{}
	p.syncTarget = 0
}

// discardTo gives up the packets before seq.
func (p *playhead) discardTo(seq int64) {
	for ; p.nextSeq < seq; p.nextSeq++ {
		if s := p.next(); s != nil {
			s.arrival, s.waiting = arrival{}, false
			p.stats.PacketsDiscarded++
		}
	}
}

// next returns the packet to be decoded next, or nil if it is not here.
func (p *playhead) next() *audioPacket { return p.slot(p.nextSeq) }

func (p *playhead) slot(seq int64) *audioPacket {
	if s := &p.slots[seq&(audioSlots-1)]; s.seq == seq && s.waiting {
		return s
	}
	return nil
}

// first returns the earliest packet from seq on that is here, or nil.
func (p *playhead) first(seq int64) *audioPacket {
	for ; seq <= p.highSeq; seq++ {
		if s := p.slot(seq); s != nil && s.samples > 0 {
			return s
		}
	}
	return nil
}

// block makes the next 10 ms; it reports whether they are sound.
func (p *playhead) block(pcm []int16, now int64) bool {
	if !p.quiet {
		p.pace()
	}
	if p.quiet && !p.resume() {
		p.rest(pcm)
		return false
	}
	p.fill(media.BlockSamples, now)
	p.q.read(pcm)
	if p.joining {
		p.joining = false
		n := min(len(pcm), joinSamples)
		fade(pcm[:n], p.join[:n], pcm[:n])
	}
	return true
}

// rest plays silence while there is nothing to play.
func (p *playhead) rest(pcm []int16) {
	if p.q.len() > 0 {
		p.cut()
	}
	clear(pcm)
	if p.joining {
		p.joining = false
		n := min(len(pcm), joinSamples)
		fade(pcm[:n], p.join[:n], pcm[:n])
	}
	if p.running {
		p.expanded += int64(len(pcm))
		p.pending.all += int64(len(pcm))
		p.pending.silent += int64(len(pcm))
	}
}

// cut drops what is decoded, and keeps its start to fade out what comes next.
func (p *playhead) cut() {
	if !p.joining {
		clear(p.join[:])
		copy(p.join[:], p.q.buf[p.q.start:p.q.end])
		p.joining = true
	}
	p.q.drop()
}

// resume decides whether a quiet stream goes on with this block: when its first
// packet, or the newest that is due, has been held as long as it should.
func (p *playhead) resume() bool {
	f := p.first(p.nextSeq)
	if f == nil {
		return false
	}
	early, want := p.early(), p.target()
	due := f
	for s := f; s != nil && early-nanos(s.ts) >= want; s = p.first(s.seq + 1) {
		due = s
	}
	seq, ts := due.seq, due.ts
	if due == f && f.fec && p.running && f.seq > p.nextSeq {
		seq, ts = seq-1, ts-int64(f.samples) // it also brings the one before
	}
	if early-nanos(ts) < want {
		return false
	}
	if p.q.len() > 0 {
		p.cut()
	}
	p.settle(f)
	p.discardTo(seq)
	p.nextTS = ts
	p.quiet, p.running, p.inEvent = false, true, false
	return true
}
