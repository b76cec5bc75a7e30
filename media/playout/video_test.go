package playout_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"candid/media/codec"
	"candid/media/playout"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
)

func TestVideoUntouchedNetwork(t *testing.T) {
	o := film(t, 20*time.Second, delayed(25*time.Millisecond), &camera{}, nil, nil)
	o.check(t)
	if o.decoded() != 1 || len(o.cam.asked) != 0 {
		t.Errorf("%.2f %% decoded, %d key frames asked for", 100*o.decoded(), len(o.cam.asked))
	}
	for _, f := range o.screen.frames {
		// Its packets are sent 0.1 ms apart; nothing is to be added.
		if d := f.at.Sub(o.cam.sentAt[f.n]); d > 27*time.Millisecond {
			t.Fatalf("frame %d shown %v after it was sent", f.n, d)
		}
	}
	s := o.stats
	if s.FreezeCount != 0 || s.FramesDropped != 0 || s.KeyFramesDecoded != 1 || s.FrameWidth != 4 || s.FrameHeight != 2 {
		t.Errorf("statistics: %+v", s)
	}
	if mean := s.JitterBufferDelay / time.Duration(s.JitterBufferEmittedCount); mean > time.Millisecond {
		t.Errorf("held for %v", mean)
	}
}

// Packets overtake each other and come twice: nothing is lost by that.
func TestVideoReordered(t *testing.T) {
	net := func(rng *rand.Rand, sent time.Duration) (out []time.Duration) {
		for range 1 + rng.IntN(2) {
			out = append(out, sent+time.Duration(rng.IntN(60))*time.Millisecond)
		}
		return out
	}
	// The first packets are not shuffled: before the first one nobody knows
	// that something is missing.
	o := film(t, 20*time.Second, net, &camera{rtt: 50 * time.Millisecond}, nil, nil)
	o.check(t)
	if o.decoded() < 0.98 {
		t.Errorf("%.2f %% decoded", 100*o.decoded())
	}
	if o.stats.RepeatedPackets+o.stats.LatePackets < 500 {
		t.Errorf("%d repeated and %d late packets counted", o.stats.RepeatedPackets, o.stats.LatePackets)
	}
}

// Loss that is repaired by NACK: almost every frame is decoded.
func TestVideoRepairedLoss(t *testing.T) {
	for _, c := range []struct {
		loss float64
		rtt  time.Duration
		want float64
	}{{0.01, 20, 0.99}, {0.05, 2, 0.97}, {0.05, 50, 0.97}, {0.05, 100, 0.97}, {0.2, 50, 0.9}} {
		t.Run(fmt.Sprintf("%.0f%% over %d ms", 100*c.loss, c.rtt), func(t *testing.T) {
			rtt := c.rtt * time.Millisecond
			o := film(t, 30*time.Second, repaired(c.loss, rtt), &camera{rtt: rtt}, nil, nil)
			o.check(t)
			if o.decoded() < c.want {
				t.Errorf("%.2f %% decoded", 100*o.decoded())
			}
			if d := o.longest(); d > 500*time.Millisecond {
				t.Errorf("the picture stood for %v", d)
			}
		})
	}
}

// Loss that nothing repairs: no damaged frame is shown, key frames are asked
// for and not too often, and it goes on after each.
func TestVideoLoss(t *testing.T) {
	for _, loss := range []float64{0.01, 0.05, 0.1, 0.3} {
		for _, ids := range []bool{false, true} {
			t.Run(fmt.Sprintf("%.0f%% %v", 100*loss, ids), func(t *testing.T) {
				cam := &camera{rtt: 40 * time.Millisecond, payload: codecs.VP8Payloader{EnablePictureID: ids}}
				o := film(t, 30*time.Second, lossy(loss), cam, nil, nil)
				o.check(t)
				if len(o.screen.frames) < 5 || len(o.cam.asked) == 0 {
					t.Errorf("%d frames shown, %d key frames asked for", len(o.screen.frames), len(o.cam.asked))
				}
				if loss <= 0.01 && o.decoded() < 0.6 {
					t.Errorf("%.0f %% decoded", 100*o.decoded())
				}
			})
		}
	}
}

// Probing packets that are lost are no frames: with picture ids nothing needs
// a key frame for them.
func TestVideoLostPadding(t *testing.T) {
	for _, ids := range []bool{true, false} {
		t.Run(fmt.Sprint(ids), func(t *testing.T) {
			cam := &camera{payload: codecs.VP8Payloader{EnablePictureID: ids}}
			n := 0
			o := film(t, 10*time.Second, perfect, cam, nil, func(v *playout.Video, p *rtp.Packet) {
				if p.Marker {
					if n++; n%30 == 0 {
						cam.seq++ // one that never comes
					}
				}
			})
			o.check(t)
			if ids && (o.decoded() != 1 || len(cam.asked) != 0) {
				t.Errorf("%.2f %% decoded, %d key frames asked for", 100*o.decoded(), len(cam.asked))
			}
			if !ids && len(cam.asked) == 0 {
				t.Error("without picture ids it might have been a frame, and no key frame was asked for")
			}
		})
	}
}

// A key frame behind a hole is shown at once: what is before it is history.
func TestVideoKeyFrameEndsWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cam, sink := &camera{size: 2500}, &screen{}
		v, err := playout.NewVideo(playout.VideoConfig{Sink: sink, Decoder: &checker{}})
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		push := func(ps []*rtp.Packet) {
			for _, p := range ps {
				v.Push(p, time.Now())
			}
			synctest.Wait()
		}
		push(cam.frame())
		push(cam.frame()[1:]) // its first packet is lost
		push(cam.frame())
		if len(sink.frames) != 1 {
			t.Fatalf("%d frames shown behind a hole", len(sink.frames))
		}
		cam.requestKeyFrame()
		push(cam.frame())
		if len(sink.frames) != 2 || sink.frames[1].n != 3 {
			t.Fatalf("shown: %+v, want the key frame at once", sink.frames)
		}
	})
}

func TestVideoJoinsInTheMiddle(t *testing.T) {
	n := 0
	o := film(t, 5*time.Second, func(rng *rand.Rand, sent time.Duration) []time.Duration {
		if n++; n < 40 {
			return nil
		}
		return []time.Duration{sent}
	}, &camera{rtt: 20 * time.Millisecond}, nil, nil)
	o.check(t)
	if len(o.cam.asked) != 1 || o.decoded() < 0.8 {
		t.Errorf("%d key frames asked for, %.0f %% decoded", len(o.cam.asked), 100*o.decoded())
	}
}

// The camera is off for a minute, and goes on: a pause, no freeze.
func TestVideoPause(t *testing.T) {
	o := film(t, 70*time.Second, func(rng *rand.Rand, sent time.Duration) []time.Duration { return []time.Duration{sent} },
		&camera{}, nil, func(v *playout.Video, p *rtp.Packet) {
			if p.Timestamp == uint32((firstStamp+150*3000)&(1<<32-1)) {
				time.Sleep(60 * time.Second)
			}
		})
	o.check(t)
	if o.stats.PauseCount == 0 || o.stats.FreezeCount > o.stats.PauseCount {
		t.Errorf("%d pauses, %d freezes", o.stats.PauseCount, o.stats.FreezeCount)
	}
}

func TestVideoSenderRestarts(t *testing.T) {
	cam := &camera{rtt: 20 * time.Millisecond}
	n := 0
	o := film(t, 10*time.Second, perfect, cam, nil, func(v *playout.Video, p *rtp.Packet) {
		if n++; n == 300 {
			cam.seq += 20000
		}
		if n >= 300 {
			p.Timestamp += 1 << 30
		}
	})
	o.check(t)
	if o.decoded() < 0.9 {
		t.Errorf("%.0f %% decoded", 100*o.decoded())
	}
}

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
		cfg.Open = func(frame []byte) ([]byte, error) {
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
