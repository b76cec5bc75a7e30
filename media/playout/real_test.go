package playout_test

import (
	"image"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"candid/media"
	"candid/media/codec"
	"candid/media/playout"
	"candid/media/scene"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
)

// watcher reads the stamps of the pictures shown.
type watcher struct {
	marks   []scene.Mark
	at      []time.Time
	unclear int
}

func (w *watcher) WriteVideo(f media.VideoFrame) {
	m, ok := scene.ReadStamp(f.Image)
	if !ok {
		w.unclear++
		return
	}
	w.marks = append(w.marks, m)
	w.at = append(w.at, time.Now())
}

// reelOf encodes n pictures of the scene as RTP, once for every test.
func reelOf(t testing.TB, n int, keys map[int]bool) [][]*rtp.Packet {
	t.Helper()
	enc, err := codec.NewVP8Encoder(320, 180, 300_000)
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	var (
		img = codec.NewI420(320, 180)
		s   = scene.New(320, 180, scene.PersonaOf(0))
		pay = codecs.VP8Payloader{EnablePictureID: true}
		seq uint16
		out [][]*rtp.Packet
	)
	for i := range n {
		at := epoch.Add(time.Duration(i) * 100 * time.Millisecond / 3)
		s.Draw(img, at, 0.5)
		scene.Stamp(img, scene.Mark{Frame: uint32(i), Captured: at})
		data, _, err := enc.Encode(media.VideoFrame{Image: img, Captured: at}, keys[i])
		if err != nil {
			t.Fatal(err)
		}
		var frame []*rtp.Packet
		parts := pay.Payload(600, data)
		for k, part := range parts {
			frame = append(frame, &rtp.Packet{Header: rtp.Header{SequenceNumber: seq, Timestamp: uint32(i * 3000), Marker: k == len(parts)-1}, Payload: part})
			seq++
		}
		out = append(out, frame)
	}
	return out
}

// VP8 as it is: every picture of an unbroken stream is shown with its stamp,
// and after losses none is shown that is damaged.
func TestVideoVP8(t *testing.T) {
	const n = 120
	keys := map[int]bool{}
	for i := 0; i < n; i += 20 {
		keys[i] = true
	}
	frames := reelOf(t, n, keys)
	clean := watch(t, frames, 0)
	if len(clean.marks) != n || clean.unclear != 0 {
		t.Fatalf("%d of %d stamps read, %d unclear", len(clean.marks), n, clean.unclear)
	}
	for _, loss := range []float64{0.02, 0.1} {
		lossy := watch(t, frames, loss)
		if lossy.unclear != 0 {
			t.Errorf("%.0f %% loss: %d pictures with a damaged stamp", 100*loss, lossy.unclear)
		}
		if len(lossy.marks) < 10 || len(lossy.marks) >= n {
			t.Errorf("%.0f %% loss: %d pictures shown", 100*loss, len(lossy.marks))
		}
	}
}

func watch(t *testing.T, frames [][]*rtp.Packet, loss float64) *watcher {
	t.Helper()
	w := &watcher{}
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(1, 2))
		dec, err := codec.NewVP8Decoder()
		if err != nil {
			t.Fatal(err)
		}
		v, err := playout.NewVideo(playout.VideoConfig{Sink: w, Decoder: dec})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range frames {
			for _, p := range f {
				if rng.Float64() >= loss {
					v.Push(p.Clone(), time.Now())
				}
			}
			time.Sleep(frameTime)
		}
		time.Sleep(time.Second)
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// none is a sink.
type none struct{}

func (none) WriteVideo(media.VideoFrame) {}

var _ playout.VideoDecoder = still{}

// still is a decoder that costs nothing.
type still struct{ img *image.YCbCr }

func (s still) Decode([]byte) (*image.YCbCr, error) { return s.img, nil }
func (still) Close() error                          { return nil }

// BenchmarkVideoPacket is everything but decoding, per packet.
func BenchmarkVideoPacket(b *testing.B) {
	v, err := playout.NewVideo(playout.VideoConfig{Sink: none{}, Decoder: still{codec.NewI420(16, 16)}})
	if err != nil {
		b.Fatal(err)
	}
	defer v.Close()
	var pay codecs.VP8Payloader
	parts := pay.Payload(1000, make([]byte, 10000))
	seq := uint16(0)
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		p := &rtp.Packet{Header: rtp.Header{SequenceNumber: seq, Timestamp: uint32(seq) / 11, Marker: seq%11 == 10}, Payload: parts[int(seq)%11%len(parts)]}
		v.Push(p, now)
		seq++
	}
}

// BenchmarkReadBlock is one block of a voice, decoding included.
func BenchmarkReadBlock(b *testing.B) {
	packets := talk(b, sine(440), 10*time.Second, codec.OpusOptions{LossPercent: 10})
	dec, err := codec.NewOpusDecoder()
	if err != nil {
		b.Fatal(err)
	}
	now := epoch
	a, err := playout.NewAudio(playout.AudioConfig{Decoder: dec, Now: func() time.Time { return now }})
	if err != nil {
		b.Fatal(err)
	}
	var pcm [media.BlockSamples]int16
	ring := make([]rtp.Packet, 512) // the test's own allocations are none either
	k := 0
	b.ReportAllocs()
	for b.Loop() {
		if k%2 == 0 {
			p := &ring[k/2%len(ring)]
			p.SequenceNumber, p.Timestamp = uint16(k/2), uint32(k/2*960)
			p.Payload = packets[k/2%len(packets)].p.Payload
			a.Push(p, now)
		}
		a.ReadBlock(pcm[:])
		now = now.Add(media.BlockDuration)
		k++
	}
	if s := a.Stats(); s.ConcealedSamples > 0 {
		b.Fatalf("%d samples concealed", s.ConcealedSamples)
	}
}
