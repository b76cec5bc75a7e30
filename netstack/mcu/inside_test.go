package mcu

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"candid/media/codec"
	"candid/media/playout"
	"candid/netstack/fault"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
)

// decoder is one that takes as long as it is told to.
type decoder struct {
	took   time.Duration
	calls  int
	closed bool
}

func (d *decoder) Decode([]byte) (*image.YCbCr, error) {
	d.calls++
	return codec.NewI420(2, 2), nil
}
func (d *decoder) Close() error { d.closed = true; return nil }

// guarded is a guard whose decoder takes d.took of the processor.
func guarded(d *decoder) (g *guard, resting *bool, bad *int) {
	resting, bad = new(bool), new(int)
	clock := time.Duration(0)
	g = &guard{
		dec: d, size: sizeBurst, safe: func(fn func()) bool { fn(); return true },
		cost: func() time.Duration { clock += d.took; return clock },
		rest: func(on bool) { *resting = on },
		bad: func(b bool) {
			if b {
				*bad++
			}
		},
	}
	return g, resting, bad
}

func TestThreeOverrunsRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &decoder{}
		g, resting, _ := guarded(d)
		decode := func(took time.Duration) error {
			time.Sleep(time.Second / 30)
			d.took = took
			_, err := g.Decode(nil)
			return err
		}
		for range 2 {
			if err := decode(60 * time.Millisecond); err != nil || *resting {
				t.Fatalf("%v, resting %v, after two overruns", err, *resting)
			}
		}
		if err := decode(60 * time.Millisecond); err != nil || !*resting {
			t.Fatalf("%v, resting %v, after three", err, *resting)
		}
		if err := decode(0); !errors.Is(err, errResting) || d.calls != 3 {
			t.Errorf("%v after %d calls, want rest", err, d.calls)
		}
		time.Sleep(restTime)
		for range 20 { // seldom is often enough to be forgiven
			if err := decode(60 * time.Millisecond); err != nil {
				t.Fatal(err)
			}
			for range overrunFrames {
				if err := decode(time.Millisecond); err != nil || *resting {
					t.Fatalf("%v, resting %v, after the rest", err, *resting)
				}
			}
		}
	})
}

// A flood of frames, each of them small, is too much all the same.
func TestFloodRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &decoder{took: 8 * time.Millisecond} // the largest pictures there may be
		g, resting, _ := guarded(d)
		for range 300 {
			if _, err := g.Decode(nil); err != nil || *resting {
				t.Fatal("thirty frames a second are too many")
			}
			time.Sleep(time.Second / 30)
		}
		for range 200 {
			g.Decode(nil)
			time.Sleep(2 * time.Millisecond)
		}
		if !*resting {
			t.Error("five hundred frames a second are welcome")
		}
	})
}

func TestSizesAreRationed(t *testing.T) {
	g, _, _ := guarded(&decoder{})
	now := time.Unix(1000, 0)
	taken := 0
	for n := range 300 { // 10 s of a new size in each frame
		if g.resize(100+n, 100, now) {
			taken++
		}
		now = now.Add(time.Second / 30)
	}
	if want := sizeBurst + 20; taken < want-2 || taken > want+1 {
		t.Errorf("%d sizes in 10 s, want %d", taken, want)
	}
	if w, h := g.w, g.h; !g.resize(w, h, now) {
		t.Error("the same size again is refused")
	}
}

func TestFragments(t *testing.T) {
	for _, n := range []int{1, 2, maxFragment, maxFragment + 1, 5000, 100_000} {
		frame := make([]byte, n)
		for i := range frame {
			frame[i] = byte(i * 7)
		}
		var got []byte
		parts := fragments(frame)
		for i, p := range parts {
			var v codecs.VP8Packet
			data, err := v.Unmarshal(p)
			if err != nil {
				t.Fatal(err)
			}
			if (v.S == 1) != (i == 0) || v.PID != 0 || len(p) > maxFragment+1 {
				t.Errorf("%d bytes: fragment %d of %d bytes, S %d", n, i, len(p), v.S)
			}
			if i > 0 && i < len(parts)-1 && len(p) != len(parts[0]) {
				t.Errorf("%d bytes: fragment %d has %d bytes, the first %d", n, i, len(p), len(parts[0]))
			}
			got = append(got, data...)
		}
		if !bytes.Equal(got, frame) {
			t.Errorf("%d bytes came back as %d", n, len(got))
		}
	}
	if fragments(nil) != nil {
		t.Error("nothing gave something")
	}
}

// Sound that is often late slows the pictures at once, and lets them go slowly.
func TestLoad(t *testing.T) {
	var l load
	for _, tt := range []struct {
		every, blocks int // of every so many blocks one is late
		want          int32
	}{
		{1000, 999, 0}, {40, 1000, 0}, {10, 40, 1}, {1000, 150, 1}, {1000, 100, 0},
		{2, 1000, maxLoad}, {1000, 400, 1}, {1000, 400, 0},
	} {
		for n := range tt.blocks {
			late := 19 * time.Millisecond
			if (n+1)%tt.every == 0 {
				late = 20 * time.Millisecond
			}
			l.note(late)
		}
		if got := l.level.Load(); got != tt.want {
			t.Errorf("one in %d late, %d times: level %d, want %d", tt.every, tt.blocks, got, tt.want)
		}
		if want := frameInterval << tt.want; l.interval() != want {
			t.Errorf("interval %v, want %v", l.interval(), want)
		}
	}
}

// sink takes everything.
type sink struct{}

func (sink) WriteRTP(*rtp.Packet) error { return nil }

// Where the load is high pictures get fewer, and sound does not.
func TestPicturesGiveWayToSound(t *testing.T) {
	for level, want := range []int{30, 15, 7, 3} {
		synctest.Test(t, func(t *testing.T) {
			e, err := New(Config{})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			if err := e.AddMember("a", ""); err != nil {
				t.Fatal(err)
			}
			if _, err = e.Watch("a", ViewOptions{}, sink{}); err != nil {
				t.Fatal(err)
			}
			if _, err := e.Listen("a", Stream{}, sink{}); err != nil {
				t.Fatal(err)
			}
			e.load.level.Store(int32(level))
			time.Sleep(500 * time.Millisecond)
			frames, packets := e.Stats().Outputs[0].Frames, e.Stats().PacketsEncoded
			for n := range 1000 { // something changes every ms
				e.SetState("a", false, true, fmt.Sprint(n))
				time.Sleep(time.Millisecond)
			}
			st := e.Stats()
			if n := int(st.Outputs[0].Frames - frames); n < want-1 || n > want+2 {
				t.Errorf("level %d: %d pictures in a second, want %d", level, n, want)
			}
			if n := st.PacketsEncoded - packets; n < 49 || n > 51 {
				t.Errorf("level %d: %d packets of sound in a second", level, n)
			}
		})
	}
}

// crowd is members with these levels, for ever.
func crowd(levels ...float64) []*member {
	var ms []*member
	for range levels {
		ms = append(ms, &member{voice: voice{env: silence, lastLoud: neverLoud}})
	}
	return ms
}

func run(ms []*member, n int, from, blocks int64, levels ...float64) (active []int) {
	for b := from; b < from+blocks; b++ {
		for i, l := range levels {
			ms[i].voice.heard(l, b)
		}
		elect(ms, n, b)
	}
	for i, m := range ms {
		if m.voice.active {
			active = append(active, i)
		}
	}
	return active
}

func TestElect(t *testing.T) {
	same := func(a, b []int) bool {
		return len(a) == len(b) && (len(a) == 0 || a[0] == b[0] && a[len(a)-1] == b[len(b)-1])
	}
	ms := crowd(0, 0, 0, 0)
	for i, tt := range []struct {
		blocks int64
		levels []float64
		want   []int
	}{
		{10, []float64{silence, silence, silence, silence}, nil},
		{10, []float64{-60, -70, silence, -55}, nil},             // a quiet room
		{1, []float64{-30, silence, silence, silence}, []int{0}}, // at once
		{10, []float64{-30, -32, silence, silence}, []int{0, 1}},
		{50, []float64{-30, -32, -29, silence}, []int{0, 1}}, // not louder enough
		{1, []float64{-30, -32, -20, silence}, []int{0, 2}},
		{70, []float64{silence, -32, silence, silence}, []int{1, 2}},
		{100, []float64{silence, silence, silence, silence}, nil},
	} {
		start := int64(i) * 1000
		for _, m := range ms { // the gap between cases is not silence
			if m.voice.active {
				m.voice.lastLoud = start
			}
		}
		if got := run(ms, 2, start, tt.blocks, tt.levels...); !same(got, tt.want) {
			t.Errorf("case %d: %v are heard, want %v", i, got, tt.want)
		}
	}
}

func TestStage(t *testing.T) {
	ms := crowd(0, 0)
	var s stage
	at := int64(0)
	play := func(blocks int64, a, b float64) *member {
		var cur *member
		for range blocks {
			run(ms, 3, at, 1, a, b)
			cur = s.follow(ms, at)
			at++
		}
		return cur
	}
	if got := play(100, silence, silence); got != nil {
		t.Error("somebody has the word before anyone spoke")
	}
	if got := play(100, -30, silence); got != ms[0] {
		t.Error("who speaks does not have the word")
	}
	if got := play(30, -30, -30); got != ms[0] {
		t.Error("an interjection takes the word")
	}
	if got := play(100, -30, silence); got != ms[0] {
		t.Error("the word is lost")
	}
	if got := play(100, silence, -30); got != ms[1] {
		t.Error("the word is not handed over")
	}
	if got := play(1000, silence, silence); got != ms[1] {
		t.Error("silence takes the word")
	}
	if got := s.follow(ms[:1], at); got == ms[1] {
		t.Error("one who left has the word")
	}
}

// faulty is a format and two decoders that trip over what they are given.
type faulty struct{}

func (faulty) Starts(b []byte) (bool, bool) { return b[1] > 0, true }
func (faulty) Assemble(dst []byte, all [][]byte) ([]byte, playout.FrameInfo, error) {
	return append(dst, all[1]...), playout.FrameInfo{}, nil
}
func (faulty) Decode([]byte) (*image.YCbCr, error) { panic("by the test") }
func (faulty) Close() error                        { return nil }

type faultySound struct{ playout.AudioDecoder }

func (faultySound) Decode(b []byte, _ []int16) (int, error) { return int(b[1]), nil }
func (faultySound) DecodeFEC(b []byte, _ []int16) error     { _ = b[1]; return nil }

// A panic over what a member sends costs a frame, and is counted.
func TestPanicCostsOneFrame(t *testing.T) {
	e := &Engine{cfg: Config{Faults: new(fault.Counter)}, log: slog.New(slog.DiscardHandler)}
	f, s := safeFormat{faulty{}, e.safely}, safeSound{faultySound{}, e.safely}
	g, _, bad := guarded(&decoder{})
	g.dec, g.safe = faulty{}, e.safely
	if start, key := f.Starts(make([]byte, 1)); start || key {
		t.Error("a packet that nobody could read begins a frame")
	}
	_, _, err1 := f.Assemble(nil, make([][]byte, 1))
	_, err2 := g.Decode(nil)
	_, err3 := s.Decode(make([]byte, 1), nil)
	err4 := s.DecodeFEC(make([]byte, 1), nil)
	for i, err := range []error{err1, err2, err3, err4} {
		if !errors.Is(err, errPanicked) {
			t.Errorf("error %d: %v", i+1, err)
		}
	}
	if n := e.cfg.Faults.Count(); n != 5 || *bad != 1 {
		t.Errorf("%d panics and %d bad frames counted, want 5 and 1", n, *bad)
	}
	if start, key := f.Starts([]byte{0, 1}); !start || !key {
		t.Error("what is right is not passed on")
	}
}
