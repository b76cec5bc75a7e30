package playout_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

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
				long := 30 * time.Second
				if loss > 0.2 {
					long = 5 * time.Minute // a whole key frame is rare
				}
				o := film(t, long, lossy(loss), cam, nil, nil)
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

// pushes gives v packets, and waits until it has done with them.
func pushes(v *playout.Video) func([]*rtp.Packet) {
	return func(ps []*rtp.Packet) {
		for _, p := range ps {
			v.Push(p, time.Now())
		}
		synctest.Wait()
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
		push := pushes(v)
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

// A repair that comes after a key frame was asked for, and before it is here, is
// still good: nothing is left out.
func TestVideoLateRepair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cam, sink, asked := &camera{size: 2500}, &screen{}, 0
		v, err := playout.NewVideo(playout.VideoConfig{Sink: sink, Decoder: &checker{}, RequestKeyFrame: func() { asked++ }})
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		push := pushes(v)
		push(cam.frame())
		lost := cam.frame()
		push(lost[1:])
		for range 20 { // 670 ms
			push(cam.frame())
			time.Sleep(frameTime)
		}
		if len(sink.frames) != 1 || asked < 1 || asked > 2 {
			t.Fatalf("%d frames shown, %d key frames asked for", len(sink.frames), asked)
		}
		push(lost[:1])
		if len(sink.frames) != 22 || v.Stats().FramesDropped != 0 {
			t.Errorf("%d of 22 frames shown, %d dropped", len(sink.frames), v.Stats().FramesDropped)
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
