package playout_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"candid/media/codec"
	"candid/media/playout"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
)

// Random packets among the real ones.
func TestVideoGarbage(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	o := film(t, 20*time.Second, perfect, &camera{rtt: 20 * time.Millisecond}, nil, func(v *playout.Video, p *rtp.Packet) {
		if rng.IntN(4) > 0 {
			return
		}
		junk := make([]byte, rng.IntN(3000))
		for i := range junk {
			junk[i] = byte(rng.Uint32())
		}
		v.Push(&rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(rng.Uint32()), Timestamp: rng.Uint32(), Marker: rng.IntN(2) == 0}, Payload: junk}, time.Now())
		v.Push(nil, time.Now())
	})
	if len(o.screen.frames) < 50 {
		t.Errorf("%d frames shown", len(o.screen.frames))
	}
	for i := 1; i < len(o.cam.asked); i++ {
		if d := o.cam.asked[i].Sub(o.cam.asked[i-1]); d < 300*time.Millisecond {
			t.Errorf("asked for a key frame %v after the last time", d)
		}
	}
	if o.stats.RefusedPackets == 0 {
		t.Error("nothing was refused")
	}
}

func TestVideoOpens(t *testing.T) {
	n := 0
	o := film(t, 10*time.Second, perfect, &camera{rtt: 20 * time.Millisecond}, func(cfg *playout.VideoConfig) {
		cfg.Open = func(_ uint32, frame []byte) ([]byte, error) {
			if n++; n == 100 {
				return nil, errors.New("wrong key")
			}
			return frame, nil
		}
	}, nil)
	o.check(t)
	if len(o.cam.asked) != 1 || o.stats.FramesDropped == 0 || o.decoded() < 0.9 {
		t.Errorf("%d key frames asked for, %d frames dropped", len(o.cam.asked), o.stats.FramesDropped)
	}
}

// The same packets over two paths, each of which loses a tenth.
func TestVideoTwoPaths(t *testing.T) {
	net := func(rng *rand.Rand, at time.Duration) (out []time.Duration) {
		for _, d := range []time.Duration{5, 30} {
			if rng.Float64() > 0.1 {
				out = append(out, at+d*time.Millisecond)
			}
		}
		return out
	}
	o := film(t, 20*time.Second, net, &camera{rtt: 20 * time.Millisecond}, nil, nil)
	o.check(t)
	if copies := o.stats.RepeatedPackets + o.stats.LatePackets; o.decoded() < 0.8 || copies < 1000 {
		t.Errorf("%.0f %% decoded, %d packets known as copies", 100*o.decoded(), copies)
	}
}

// When the sender's clock is known, so is when a picture was taken, though the
// sender's clock is hours away.
func TestVideoCaptureTime(t *testing.T) {
	const away = 3 * time.Hour
	cam := &camera{rtt: 40 * time.Millisecond}
	o := film(t, 5*time.Second, delayed(20*time.Millisecond), cam, func(cfg *playout.VideoConfig) {
		cfg.Report = func() (playout.SenderReport, bool) {
			now := time.Now()
			if now.Sub(cam.start) < time.Second {
				return playout.SenderReport{}, false
			}
			sent := now.Add(-20 * time.Millisecond)
			return playout.SenderReport{
				NTP:     sent.Add(away),
				RTPTime: uint32(sent.Sub(cam.start).Milliseconds()*90 + firstStamp),
				At:      now,
			}, true
		}
	}, nil)
	o.check(t)
	known := 0
	for _, f := range o.screen.frames {
		if f.captured.IsZero() {
			continue
		}
		known++
		if d := f.captured.Sub(o.cam.sentAt[f.n]).Abs(); d > 2*time.Millisecond {
			t.Fatalf("frame %d: capture time is off by %v", f.n, d)
		}
	}
	if known < 100 || known > 125 {
		t.Errorf("%d of %d capture times known", known, len(o.screen.frames))
	}
}

func TestVideoPlay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink, cam := &screen{}, &camera{size: 3000}
		v, err := playout.NewVideo(playout.VideoConfig{Sink: sink, Decoder: &checker{}})
		if err != nil {
			t.Fatal(err)
		}
		var packets []*rtp.Packet
		for range 10 {
			packets = append(packets, cam.frame()...)
		}
		if err := v.Play(&reel{packets: packets}); err != nil {
			t.Errorf("at the end of the track: %v", err)
		}
		synctest.Wait()
		if len(sink.frames) != 10 {
			t.Errorf("%d frames shown", len(sink.frames))
		}
		broken := errors.New("broken")
		if err := v.Play(&reel{err: broken}); !errors.Is(err, broken) {
			t.Errorf("a broken track gives %v", err)
		}
		for range 2 {
			if err := v.Close(); err != nil {
				t.Error(err)
			}
		}
		v.Push(cam.frame()[0], time.Now()) // no harm
	})
}

func TestVideoConfig(t *testing.T) {
	if _, err := playout.NewVideo(playout.VideoConfig{}); err == nil {
		t.Error("a Video needs a sink and a decoder")
	}
	if _, err := playout.FormatFor("video/VP8"); err != nil {
		t.Error(err)
	}
	if _, err := playout.FormatFor("video/theora"); err == nil {
		t.Error("there is a format for theora")
	}
}

// The real decoder: what claims to be larger than any screen is not decoded.
func TestVideoSizeBomb(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dec, err := codec.NewVP8Decoder()
		if err != nil {
			t.Fatal(err)
		}
		asked := 0
		v, err := playout.NewVideo(playout.VideoConfig{Sink: &screen{}, Decoder: dec, RequestKeyFrame: func() { asked++ }})
		if err != nil {
			t.Fatal(err)
		}
		frame := append([]byte{0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0xff, 0x3f, 0xff, 0x3f}, make([]byte, 40)...)
		var p codecs.VP8Payloader
		v.Push(&rtp.Packet{Header: rtp.Header{Marker: true}, Payload: p.Payload(1000, frame)[0]}, time.Now())
		synctest.Wait()
		if s := v.Stats(); s.FramesDecoded != 0 || s.FramesDropped != 1 || asked != 1 {
			t.Errorf("decoded %d, dropped %d, asked for %d key frames", s.FramesDecoded, s.FramesDropped, asked)
		}
		v.Close()
	})
}
