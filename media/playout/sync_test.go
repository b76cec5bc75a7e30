package playout_test

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"candid/media"
	"candid/media/playout"

	"github.com/pion/rtp"
)

// numbered is a decoder of packets that carry their number: each of their
// samples has it as its value. So what is heard says when it was taken.
type numbered struct{ last int16 }

func (d *numbered) Decode(packet []byte, pcm []int16) (int, error) {
	d.last = int16(binary.BigEndian.Uint16(packet[1:]))
	return 960, d.DecodePLC(pcm[:960])
}

func (d *numbered) DecodeFEC(_ []byte, pcm []int16) error { return d.DecodePLC(pcm) }

func (d *numbered) DecodePLC(pcm []int16) error {
	for i := range pcm {
		pcm[i] = d.last
	}
	return nil
}

// hearing notes how long after it was taken each packet is first heard.
type hearing struct {
	mu     sync.Mutex
	start  time.Time
	last   int16
	delays []time.Duration
}

func (h *hearing) WriteAudio(b media.AudioBlock) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, v := range b.PCM {
		if v > h.last {
			h.last = v
			at := b.Captured.Add(time.Duration(i) * time.Second / media.SampleRate)
			h.delays = append(h.delays, at.Sub(h.start.Add(time.Duration(v-1)*20*time.Millisecond)))
		}
	}
}

// reports answers as a track would whose sender's clock is far away, and whose
// packet with the given timestamp left at start.
func reports(start time.Time, rate int64, stamp uint32) func() (playout.SenderReport, bool) {
	return func() (playout.SenderReport, bool) {
		at := time.Now().Truncate(time.Second) // one a second
		if at.Before(start) {
			return playout.SenderReport{}, false
		}
		return playout.SenderReport{
			NTP:     at.Add(-77 * time.Hour),
			RTPTime: stamp + uint32(int64(at.Sub(start))*rate/int64(time.Second)),
			At:      at.Add(10 * time.Millisecond),
		}, true
	}
}

// together is one member's sound and picture, seen and heard from outside.
type together struct {
	picture, sound time.Duration // median time from taken to shown and heard, in the end
	offset         time.Duration // what Sync says
	known          bool
	delays         []time.Duration // of all pictures shown
}

func median(d []time.Duration) time.Duration {
	d = slices.Clone(d)
	slices.Sort(d)
	return d[len(d)/2]
}

// callWith plays both for 20 s: the picture over one network, the sound over
// another and to a speaker of some latency.
func callWith(t *testing.T, picture, sound network, speaker time.Duration) (out together) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		const length = 20 * time.Second
		rng, rng2 := rand.New(rand.NewPCG(5, 6)), rand.New(rand.NewPCG(7, 8))
		time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
		start := time.Now()
		lips := playout.NewSync(nil)
		sink, cam := &screen{}, &camera{size: 2500}
		video, err := playout.NewVideo(playout.VideoConfig{Sink: sink, Decoder: &checker{}, Sync: lips,
			Report: reports(start, 90000, uint32(firstStamp&(1<<32-1)))})
		if err != nil {
			t.Fatal(err)
		}
		audio, err := playout.NewAudio(playout.AudioConfig{Decoder: &numbered{}, Sync: lips,
			Report: reports(start.Add(20*time.Millisecond), 48000, 1<<31), OutputLatency: func() time.Duration { return speaker }})
		if err != nil {
			t.Fatal(err)
		}
		ear := &hearing{start: start}
		out2, err := playout.NewNullSpeaker(playout.NullConfig{Voice: audio, Listen: ear, Delay: speaker})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			for k := range int(length / (20 * time.Millisecond)) {
				time.Sleep(time.Until(start.Add(time.Duration(k+1) * 20 * time.Millisecond)))
				p := &rtp.Packet{
					Header:  rtp.Header{SequenceNumber: uint16(k), Timestamp: 1<<31 + uint32(k*960)},
					Payload: binary.BigEndian.AppendUint16([]byte{0xf8}, uint16(k+1)),
				}
				for _, at := range sound(rng2, 0) {
					time.AfterFunc(at, func() { audio.Push(p, time.Now()) })
				}
			}
		})
		for k := range int(length / frameTime) {
			time.Sleep(time.Until(start.Add(time.Duration(k) * 100 * time.Millisecond / 3)))
			packets := cam.frame()
			for _, at := range picture(rng, 8*time.Millisecond) { // encoding
				time.AfterFunc(at, func() {
					for _, p := range packets {
						video.Push(p, time.Now())
					}
				})
			}
		}
		wg.Wait()
		out.offset, out.known = lips.Offset()
		time.Sleep(time.Second)
		out2.Close()
		video.Close()
		for _, f := range sink.frames {
			out.delays = append(out.delays, f.at.Sub(cam.sentAt[f.n]))
		}
		out.picture = median(out.delays[len(out.delays)/2:])
		out.sound = median(ear.delays[len(ear.delays)/2:])
	})
	return out
}

func TestSync(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name           string
		picture, sound network
		speaker        time.Duration
		most           time.Duration // that the picture may take
	}{
		{"on a LAN hardly anything waits", perfect, perfect, 0, 12 * ms},
		{"a common sound system", perfect, perfect, 40 * ms, 65 * ms},
		{"a wireless speaker", perfect, perfect, 180 * ms, 200 * ms},
		{"sound jitters", perfect, jittery(80 * ms), 20 * ms, 130 * ms},
		{"the picture is late", delayed(150 * ms), perfect, 20 * ms, 160 * ms},
		{"both jitter", jittery(60 * ms), jittery(60 * ms), 20 * ms, 130 * ms},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := callWith(t, c.picture, c.sound, c.speaker)
			t.Logf("picture takes %v, sound %v, Sync says %v apart", o.picture, o.sound, o.offset)
			if skew := o.sound - o.picture; skew.Abs() > 45*ms {
				t.Errorf("sound takes %v, picture %v: apart by %v", o.sound, o.picture, skew)
			}
			if o.picture > c.most {
				t.Errorf("the picture takes %v", o.picture)
			}
			if d := (o.sound - o.picture - o.offset).Abs(); !o.known || d > 15*ms {
				t.Errorf("apart by %v, Sync says %v (%v)", o.sound-o.picture, o.offset, o.known)
			}
		})
	}
}

// What is too far apart is brought nearer, but nothing waits for ever.
func TestSyncBounded(t *testing.T) {
	const ms = time.Millisecond
	o := callWith(t, perfect, perfect, 600*ms)
	for _, d := range o.delays {
		if d > 215*ms {
			t.Fatalf("a picture was held for %v", d)
		}
	}
	if o.picture < 190*ms {
		t.Errorf("the picture takes %v", o.picture)
	}
	o = callWith(t, delayed(700*ms), perfect, 0)
	if o.sound > 260*ms || o.sound < 200*ms {
		t.Errorf("sound takes %v", o.sound)
	}
	// Reports that make no sense are ignored.
	o = callWith(t, perfect, perfect, 10*time.Second)
	if o.picture > 10*ms {
		t.Errorf("the picture waits for the impossible: %v", o.picture)
	}
}

func TestSyncUnknown(t *testing.T) {
	if d, ok := playout.NewSync(nil).Offset(); ok {
		t.Errorf("an unused Sync knows an offset: %v", d)
	}
}
