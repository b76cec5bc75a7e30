package sframe

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

const vp8, opus = "video/VP8", "audio/opus"

func secretOf(n byte) []byte { return bytes.Repeat([]byte{n}, SecretSize) }

// pair is a sender and who has its first secret.
type pair struct {
	*Sender
	*Receiver
	t     testing.TB
	clock time.Time
}

func newPair(t testing.TB) *pair {
	p := &pair{t: t, clock: time.Unix(1e9, 0)}
	var err error
	if p.Sender, err = NewSender(1, secretOf(1)); err != nil {
		t.Fatal(err)
	}
	p.Receiver = NewReceiver(func() time.Time { return p.clock })
	p.add(1)
	return p
}

func (p *pair) add(n byte) {
	p.t.Helper()
	if err := p.Add(uint64(n), secretOf(n)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pair) use(n byte) {
	p.t.Helper()
	if err := p.Use(uint64(n), secretOf(n)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pair) seal(track, mime string, frame []byte) []byte {
	p.t.Helper()
	z, err := p.Sender.Track(track)
	if err != nil {
		p.t.Fatal(err)
	}
	out, err := z.Seal(nil, mime, 7, frame)
	if err != nil {
		p.t.Fatal(err)
	}
	return out
}

// open opens a copy, so that it can be done again.
func (p *pair) open(track, path, mime string, sealed []byte) ([]byte, error) {
	return p.Receiver.Track(track, path).Open(mime, 7, bytes.Clone(sealed))
}

// frame is a VP8 frame as far as its header goes.
func frame(rng *rand.Rand, key bool, size int) []byte {
	f := make([]byte, size)
	for i := range f {
		f[i] = byte(rng.Uint32())
	}
	f[0] |= 1
	if key {
		f[0] &^= 1
	}
	return f
}

func TestSealAndOpen(t *testing.T) {
	p, rng := newPair(t), rand.New(rand.NewPCG(1, 1))
	for i := range 500 {
		key := i%30 == 0
		f := frame(rng, key, 10+rng.IntN(3000))
		sealed := p.seal("camera", vp8, f)
		if n := len(sealed) - len(f); n < 17 || n > Overhead {
			t.Fatalf("sealing added %d bytes", n)
		}
		head := 3
		if key {
			head = 10
		}
		if !bytes.Equal(sealed[:head], f[:head]) {
			t.Fatal("the server cannot read the start of the frame")
		}
		if len(f) > head+16 && bytes.Contains(sealed, f[head:head+16]) {
			t.Fatal("the frame can be read")
		}
		got, err := p.open("camera", "P2P", vp8, sealed)
		if err != nil || !bytes.Equal(got, f) {
			t.Fatalf("frame %d of %d bytes: opened as %d bytes, %v", i, len(f), len(got), err)
		}
		sound := frame(rng, false, 1+rng.IntN(200))
		got, err = p.open("mic", "P2P", opus, p.seal("mic", opus, sound))
		if err != nil || !bytes.Equal(got, sound) {
			t.Fatalf("sound %d: %v", i, err)
		}
	}
}

// Whatever bit is changed, the frame does not open; the frame itself still does.
func TestEveryBitIsKept(t *testing.T) {
	p, rng := newPair(t), rand.New(rand.NewPCG(2, 2))
	sealed := p.seal("camera", vp8, frame(rng, true, 60))
	for bit := range len(sealed) * 8 {
		bad := bytes.Clone(sealed)
		bad[bit/8] ^= 1 << (bit % 8)
		if _, err := p.open("camera", "P2P", vp8, bad); err == nil {
			t.Fatalf("opened with bit %d changed", bit)
		}
	}
	for n := range len(sealed) {
		if _, err := p.open("camera", "P2P", vp8, sealed[:n]); err == nil {
			t.Fatalf("opened after %d bytes", n)
		}
	}
	if _, err := p.open("camera", "P2P", vp8, sealed); err != nil {
		t.Fatalf("the true frame: %v", err)
	}
}

func TestSwappedFramesDoNotOpen(t *testing.T) {
	p, rng := newPair(t), rand.New(rand.NewPCG(3, 3))
	other := newPair(t)
	other.Receiver = NewReceiver(nil)
	if err := other.Add(1, secretOf(9)); err != nil {
		t.Fatal(err)
	}
	sealed := p.seal("camera", vp8, frame(rng, true, 500))
	if _, err := other.open("camera", "SFU", vp8, sealed); !errors.Is(err, ErrForged) {
		t.Errorf("as another member's: %v", err)
	}
	if _, err := p.open("screen", "SFU", vp8, sealed); !errors.Is(err, ErrForged) {
		t.Errorf("as another track's: %v", err)
	}
	sound := p.seal("mic", opus, frame(rng, false, 80))
	if _, err := p.Receiver.Track("mic", "SFU").Open(opus, 8, bytes.Clone(sound)); !errors.Is(err, ErrForged) {
		t.Errorf("sound at another time: %v", err)
	}
	next := p.seal("camera", vp8, frame(rng, false, 500))
	if _, err := p.open("camera", "P2P", vp8, next); err != nil {
		t.Error(err)
	}
	if _, err := p.open("camera", "P2P", vp8, sealed); !errors.Is(err, ErrReplayed) {
		t.Errorf("after the one that follows it: %v", err)
	}
	small := p.seal("camera~h", vp8, frame(rng, true, 500))
	if _, err := p.open("camera", "SFU", vp8, small); err != nil {
		t.Errorf("another layer of the same track: %v", err)
	}
	if _, err := p.open("camera", "SFU", vp8, sealed); err != nil {
		t.Errorf("another layer, from a little before: %v", err)
	}
}

func TestReplayedFramesDoNotOpen(t *testing.T) {
	p, rng := newPair(t), rand.New(rand.NewPCG(4, 4))
	var sealed [][]byte
	for range 400 {
		sealed = append(sealed, p.seal("mic", opus, frame(rng, false, 80)))
	}
	opened := make(map[int]int)
	// Anything, in any order: a packet is at most 100 behind, or sent again.
	for i := range 4000 {
		n := min(max(i/10-rng.IntN(100), 0), 399)
		if _, err := p.open("mic", "SFU", opus, sealed[n]); err == nil {
			opened[n]++
		} else if !errors.Is(err, ErrReplayed) {
			t.Fatal(err)
		}
	}
	for n, times := range opened {
		if times != 1 {
			t.Errorf("frame %d opened %d times", n, times)
		}
	}
	if len(opened) < 390 {
		t.Errorf("%d of 400 frames opened although late by less than the window", len(opened))
	}
	newest := 0
	for n := range opened {
		newest = max(newest, n)
	}
	for n := range sealed[:newest-windowSize] {
		for _, path := range []string{"SFU", "P2P"} { // nor on a path of which nothing is known yet
			if _, err := p.open("mic", path, opus, sealed[n]); !errors.Is(err, ErrReplayed) {
				t.Fatalf("frame %d, long ago, on %s: %v", n, path, err)
			}
		}
	}
}

// While the path changes the same frames come on both.
func TestTwoPathsOpenTheSameFrames(t *testing.T) {
	p, rng := newPair(t), rand.New(rand.NewPCG(5, 5))
	for range 100 {
		sealed := p.seal("camera", vp8, frame(rng, false, 80))
		for _, path := range []string{"P2P", "SFU"} {
			if _, err := p.open("camera", path, vp8, sealed); err != nil {
				t.Fatalf("on %s: %v", path, err)
			}
		}
		if _, err := p.open("camera", "P2P", vp8, sealed); !errors.Is(err, ErrReplayed) {
			t.Fatalf("twice on P2P: %v", err)
		}
	}
}

func TestNewSecret(t *testing.T) {
	p, rng := newPair(t), rand.New(rand.NewPCG(6, 6))
	old := p.seal("camera", vp8, frame(rng, true, 80))
	late := p.seal("mic", opus, frame(rng, true, 80))
	p.use(2)
	sealed := p.seal("camera", vp8, frame(rng, true, 80))
	if _, err := p.open("camera", "P2P", vp8, sealed); !errors.Is(err, ErrNoKey) {
		t.Fatalf("without the new secret: %v", err)
	}
	if p.Blind() != p.clock {
		t.Error("not known to be blind")
	}
	p.add(2)
	if _, err := p.open("camera", "P2P", vp8, sealed); err != nil {
		t.Fatalf("with the new secret: %v", err)
	}
	if !p.Blind().IsZero() {
		t.Error("still taken for blind")
	}
	if _, err := p.open("camera", "P2P", vp8, old); err != nil {
		t.Errorf("a frame under way at the change: %v", err)
	}
	p.clock = p.clock.Add(keyGrace + time.Millisecond)
	if _, err := p.open("mic", "P2P", opus, late); !errors.Is(err, ErrNoKey) {
		t.Errorf("a frame of the old key, much later: %v", err)
	}
	if err := p.Add(1, secretOf(1)); err == nil {
		t.Error("the old secret was taken again")
	}
	if err := p.Use(2, secretOf(3)); err == nil {
		t.Error("a number was used twice")
	}
	if err := p.Use(3, nil); err == nil {
		t.Error("an empty secret was used")
	}
	p.Receiver.Close()
	if _, err := p.open("camera", "P2P", vp8, p.seal("camera", vp8, old)); !errors.Is(err, ErrNoKey) {
		t.Errorf("after the sender left: %v", err)
	}
}

func TestReceiverIsBounded(t *testing.T) {
	p := newPair(t)
	for n := range byte(100) {
		if n > 1 {
			p.add(n)
		}
	}
	if len(p.secrets) != maxSecrets {
		t.Errorf("%d secrets are kept", len(p.secrets))
	}
	p.use(99)
	sealed := p.seal("camera", vp8, frame(rand.New(rand.NewPCG(1, 1)), true, 80))
	for i := range 1000 {
		_, _ = p.open(string(rune('A'+i)), "P2P", vp8, sealed)
		_, _ = p.open("camera", string(rune('A'+i)), vp8, sealed)
	}
	last := p.secrets[len(p.secrets)-1]
	if len(last.tracks) > maxTracks {
		t.Errorf("%d tracks are kept", len(last.tracks))
	}
	for name, o := range last.tracks {
		if len(o.paths) > maxPaths {
			t.Errorf("%d paths of %v are kept", len(o.paths), name)
		}
	}
}

func TestCodecsThatCannotBeSealed(t *testing.T) {
	p := newPair(t)
	z, err := p.Sender.Track("camera")
	if err != nil {
		t.Fatal(err)
	}
	for _, mime := range []string{"video/H264", "video/AV1", "video/VP9", ""} {
		if out, err := z.Seal(nil, mime, 7, make([]byte, 100)); !errors.Is(err, ErrCodec) || len(out) > 0 {
			t.Errorf("%q: %v", mime, err)
		}
	}
	if _, err := z.Seal(nil, vp8, 7, []byte{0, 1, 2, 3}); !errors.Is(err, ErrMalformed) {
		t.Errorf("a key frame of four bytes: %v", err)
	}
}

// Layers are sealed by encoders of their own, while keys change.
func TestLayersAtOnce(t *testing.T) {
	p := newPair(t)
	seen := make(map[[2]uint64]bool)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, id := range []string{"camera", "camera~h", "camera~q"} {
		wg.Go(func() {
			z, err := p.Sender.Track(id)
			if err != nil {
				t.Error(err)
				return
			}
			f := make([]byte, 40)
			for range 300 {
				out, err := z.Seal(nil, vp8, 7, f)
				if err != nil {
					t.Error(err)
					return
				}
				kid, ctr, _, err := parseHeader(out[vp8KeyHeader:])
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				if seen[[2]uint64{kid, ctr}] {
					t.Errorf("counter %d of key %d was used twice", ctr, kid)
				}
				seen[[2]uint64{kid, ctr}] = true
				mu.Unlock()
			}
		})
	}
	for n := byte(2); n < 20; n++ {
		p.use(n)
	}
	wg.Wait()
}

// A frame costs no garbage, neither way.
func TestNoAllocations(t *testing.T) {
	p := newPair(t)
	z, err := p.Sender.Track("camera")
	if err != nil {
		t.Fatal(err)
	}
	o := p.Receiver.Track("camera", "P2P")
	f, buf := frame(rand.New(rand.NewPCG(1, 1)), false, 5000), make([]byte, 0, 6000)
	n := testing.AllocsPerRun(200, func() {
		sealed, err := z.Seal(buf, vp8, 7, f)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.Open(vp8, 7, sealed); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func FuzzOpen(f *testing.F) {
	p, rng := newPair(f), rand.New(rand.NewPCG(1, 1))
	f.Add(p.seal("camera", vp8, frame(rng, true, 60)), true)
	f.Add(p.seal("camera", vp8, frame(rng, false, 30)), true)
	f.Add(p.seal("mic", opus, frame(rng, false, 20)), false)
	f.Add([]byte{1, 0, 0, 0xff, 1, 2, 3}, true)
	f.Add([]byte{}, false)
	f.Fuzz(func(t *testing.T, b []byte, video bool) {
		mime := opus
		if video {
			mime = vp8
		}
		q := newPair(t)
		q.Receiver = NewReceiver(nil)
		if err := q.Add(1, secretOf(77)); err != nil {
			t.Fatal(err)
		}
		if _, err := q.open("camera", "SFU", mime, b); err == nil {
			t.Fatal("opened what nobody sealed")
		}
		z, err := q.Sender.Track("camera")
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := z.Seal(nil, mime, 7, b)
		if err != nil {
			return // too short to be a frame
		}
		q.Receiver = NewReceiver(nil)
		q.add(1)
		if got, err := q.open("camera", "SFU", mime, sealed); err != nil || !bytes.Equal(got, b) {
			t.Fatalf("opened as %x, %v", got, err)
		}
	})
}

func BenchmarkSealAndOpen(b *testing.B) {
	for _, c := range []struct {
		name, mime string
		size       int
	}{{"sound", opus, 80}, {"picture-360p", vp8, 2500}, {"picture-720p", vp8, 6250}, {"key-frame-720p", vp8, 60000}} {
		b.Run(c.name, func(b *testing.B) {
			p := newPair(b)
			z, err := p.Sender.Track("t")
			if err != nil {
				b.Fatal(err)
			}
			o := p.Receiver.Track("t", "P2P")
			f, buf := frame(rand.New(rand.NewPCG(1, 1)), false, c.size), make([]byte, 0, c.size+Overhead)
			b.ReportAllocs()
			var added int
			for b.Loop() {
				sealed, err := z.Seal(buf, c.mime, 7, f)
				if err != nil {
					b.Fatal(err)
				}
				added = len(sealed) - c.size
				if _, err := o.Open(c.mime, 7, sealed); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(added), "added-bytes/frame")
		})
	}
}
