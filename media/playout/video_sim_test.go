package playout_test

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"candid/media"
	"candid/media/codec"
	"candid/media/playout"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
)

// The frames of these simulations carry their own number, the number of the
// frame they build on, and a checksum; the decoder notices everything that a
// real one would show as a damaged picture.
const (
	frameHeader = 13
	frameTime   = time.Second / 30
	firstStamp  = 1<<32 - 10000 // it wraps soon
)

func makeFrame(n, ref uint32, key bool, size int) []byte {
	b := make([]byte, max(size, frameHeader))
	if !key {
		b[0] = 1 // as in VP8
	}
	binary.BigEndian.PutUint32(b[1:], n)
	binary.BigEndian.PutUint32(b[5:], ref)
	for i := frameHeader; i < len(b); i++ {
		b[i] = byte(uint32(i) * (n + 1))
	}
	binary.BigEndian.PutUint32(b[9:], sum(b))
	return b
}

func sum(b []byte) uint32 {
	return crc32.Update(crc32.ChecksumIEEE(b[:9]), crc32.IEEETable, b[13:])
}

// checker is the decoder of such frames.
type checker struct {
	last    uint32
	running bool
	corrupt int
	closed  bool
}

var errCorrupt = errors.New("corrupt")

func (d *checker) Decode(b []byte) (*image.YCbCr, error) {
	if len(b) < frameHeader || binary.BigEndian.Uint32(b[9:]) != sum(b) {
		d.corrupt++
		return nil, errCorrupt
	}
	n := binary.BigEndian.Uint32(b[1:])
	if b[0]&1 == 1 && (!d.running || d.last != binary.BigEndian.Uint32(b[5:])) {
		d.corrupt++
		return nil, errCorrupt
	}
	d.last, d.running = n, true
	img := codec.NewI420(4, 2)
	binary.BigEndian.PutUint32(img.Y, n)
	return img, nil
}

func (d *checker) Close() error { d.closed = true; return nil }

// shown is a frame that reached the sink.
type shown struct {
	n        uint32
	at       time.Time
	captured time.Time
}

// screen keeps what it was shown.
type screen struct {
	mu     sync.Mutex
	frames []shown
}

func (s *screen) WriteVideo(f media.VideoFrame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frames = append(s.frames, shown{binary.BigEndian.Uint32(f.Image.Y), time.Now(), f.Captured})
}

// camera sends frames as a sender would: 30 a second, a key frame at the start
// and when asked, which takes effect after half a round trip.
type camera struct {
	start   time.Time
	payload codecs.VP8Payloader
	seq     uint16
	rtt     time.Duration
	size    int
	mu      sync.Mutex
	key     time.Time // when a request for a key frame arrives; zero for none
	asked   []time.Time
	sentAt  []time.Time
}

func (c *camera) requestKeyFrame() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, time.Now())
	if c.key.IsZero() {
		c.key = time.Now().Add(c.rtt / 2)
	}
}

// frame returns the packets of the next frame.
func (c *camera) frame() []*rtp.Packet {
	c.mu.Lock()
	key := len(c.sentAt) == 0
	if !c.key.IsZero() && !time.Now().Before(c.key) {
		key, c.key = true, time.Time{}
	}
	n := uint32(len(c.sentAt))
	c.sentAt = append(c.sentAt, time.Now())
	c.mu.Unlock()
	size := c.size
	if key {
		size *= 5
	}
	parts := c.payload.Payload(1000, makeFrame(n, n-1, key, size))
	out := make([]*rtp.Packet, len(parts))
	for i, part := range parts {
		out[i] = &rtp.Packet{
			Header: rtp.Header{
				SequenceNumber: c.seq,
				Timestamp:      n*3000 + firstStamp,
				Marker:         i == len(parts)-1,
			},
			Payload: part,
		}
		c.seq++
	}
	return out
}

// repaired is a network that loses a share of packets and has them sent again
// on request: every 20 ms, after a round trip, each as likely to be lost.
func repaired(share float64, rtt time.Duration) network {
	return func(rng *rand.Rand, sent time.Duration) []time.Duration {
		at := sent
		if rng.Float64() < share {
			at += rtt + time.Duration(5+rng.IntN(20))*time.Millisecond
			for rng.Float64() < share {
				at += 20 * time.Millisecond
			}
		}
		return []time.Duration{at + rtt/2}
	}
}

// delayed is a network that takes d.
func delayed(d time.Duration) network {
	return func(_ *rand.Rand, sent time.Duration) []time.Duration { return []time.Duration{sent + d} }
}

// outcome is what came of a simulation.
type outcome struct {
	cam     *camera
	dec     *checker
	screen  *screen
	stats   playout.VideoStats
	started time.Time
}

// film runs a Video in virtual time: length of pictures over net. change may
// alter the configuration, each packet goes through alter if that is set.
func film(t *testing.T, length time.Duration, net network, cam *camera, change func(*playout.VideoConfig), alter func(*playout.Video, *rtp.Packet)) outcome {
	t.Helper()
	var o outcome
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(11, 12))
		o = outcome{cam: cam, dec: &checker{}, screen: &screen{}, started: time.Now()}
		if cam.size == 0 {
			cam.size = 2500
		}
		cam.start = time.Now()
		cfg := playout.VideoConfig{Sink: o.screen, Decoder: o.dec, RequestKeyFrame: cam.requestKeyFrame}
		if change != nil {
			change(&cfg)
		}
		v, err := playout.NewVideo(cfg)
		if err != nil {
			t.Fatal(err)
		}
		v.SetRTT(cam.rtt)
		for time.Since(cam.start) < length {
			for i, p := range cam.frame() {
				if alter != nil {
					alter(v, p)
				}
				sent := time.Duration(i) * 100 * time.Microsecond // paced
				for _, at := range net(rng, sent) {
					q := *p
					time.AfterFunc(at, func() { v.Push(&q, time.Now()) })
				}
			}
			time.Sleep(frameTime)
		}
		time.Sleep(2 * time.Second)
		o.stats = v.Stats()
		if err := v.Close(); err != nil {
			t.Error(err)
		}
		if !o.dec.closed {
			t.Error("the decoder was not closed")
		}
	})
	return o
}

// check verifies what must hold whatever the network does.
func (o outcome) check(t *testing.T) {
	t.Helper()
	if o.dec.corrupt > 0 {
		t.Errorf("%d damaged frames reached the decoder", o.dec.corrupt)
	}
	for i := 1; i < len(o.screen.frames); i++ {
		if o.screen.frames[i].n <= o.screen.frames[i-1].n {
			t.Fatalf("frame %d shown after %d", o.screen.frames[i].n, o.screen.frames[i-1].n)
		}
	}
	for i := 1; i < len(o.cam.asked); i++ {
		if d := o.cam.asked[i].Sub(o.cam.asked[i-1]); d < 300*time.Millisecond {
			t.Errorf("asked for a key frame %v after the last time", d)
		}
	}
	if int(o.stats.PLICount) != len(o.cam.asked) || int(o.stats.FramesDecoded) != len(o.screen.frames) {
		t.Errorf("statistics say %d requests and %d frames, it was %d and %d", o.stats.PLICount, o.stats.FramesDecoded, len(o.cam.asked), len(o.screen.frames))
	}
}

// decoded is the share of frames sent that were shown.
func (o outcome) decoded() float64 { return float64(len(o.screen.frames)) / float64(len(o.cam.sentAt)) }

// longest is the longest time a picture stood.
func (o outcome) longest() (d time.Duration) {
	for i := 1; i < len(o.screen.frames); i++ {
		d = max(d, o.screen.frames[i].at.Sub(o.screen.frames[i-1].at))
	}
	return d
}

// reel is a track that yields packets and ends.
type reel struct {
	packets []*rtp.Packet
	err     error
}

func (r *reel) ReadRTP() (*rtp.Packet, interceptor.Attributes, error) {
	if len(r.packets) == 0 {
		if r.err != nil {
			return nil, nil, r.err
		}
		return nil, nil, io.EOF
	}
	p := r.packets[0]
	r.packets = r.packets[1:]
	return p, nil, nil
}
