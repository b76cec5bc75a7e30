package codec

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
)

// talking encodes n packets of a changing tone.
func talking(t testing.TB, n int) [][]byte {
	t.Helper()
	e, err := NewOpusEncoder(OpusOptions{LossPercent: 20})
	if err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	pcm := make([]int16, OpusSamples)
	for k := range n {
		for i := range pcm {
			s := float64(k*OpusSamples+i) / 48000
			pcm[i] = int16(9000 * math.Sin(2*math.Pi*(200+100*math.Sin(s))*s))
		}
		p, err := e.Encode(pcm)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, bytes.Clone(p))
	}
	return out
}

// A packet with copies is played by a decoder that knows nothing of them, and
// is taken apart to what it was.
func TestRedundancy(t *testing.T) {
	plain := talking(t, 20)
	var r Redundancy
	r.SetLoss(30)
	knows, knowsNot := newDecoder(t), newDecoder(t)
	var a, b [MaxOpusSamples]int16
	for i, p := range plain {
		sent := bytes.Clone(r.Add(p, uint32(1<<32-5*OpusSamples+i*OpusSamples)))
		if n, err := PacketSamples(sent); err != nil || n != OpusSamples {
			t.Fatalf("packet %d: %d samples, %v", i, n, err)
		}
		if _, err := knowsNot.Decode(sent, a[:]); err != nil {
			t.Fatalf("packet %d does not play: %v", i, err)
		}
		got, copies, err := TakeCopies(sent, make([]Copy, 0, 4))
		if err != nil || !bytes.Equal(got, p) {
			t.Fatalf("packet %d: %v, %d bytes of %d", i, err, len(got), len(p))
		}
		if _, err := knows.Decode(got, b[:]); err != nil || a != b {
			t.Fatalf("packet %d plays differently, %v", i, err)
		}
		if want := min(i/2, 2); len(copies) != want {
			t.Fatalf("packet %d has %d copies, want %d", i, len(copies), want)
		}
		for _, c := range copies {
			if !bytes.Equal(c.Packet, plain[i-c.Distance]) {
				t.Errorf("packet %d: what it says is packet %d is not", i, i-c.Distance)
			}
		}
	}
}

func newDecoder(t testing.TB) *OpusDecoder {
	t.Helper()
	d, err := NewOpusDecoder()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Copies are there while there is loss and some time after; none are made over
// a pause.
func TestRedundancyFollowsLoss(t *testing.T) {
	p := talking(t, 1)[0]
	var r Redundancy
	ts := uint32(0)
	add := func() int {
		ts += OpusSamples
		_, copies, err := TakeCopies(bytes.Clone(r.Add(p, ts)), make([]Copy, 0, 4))
		if err != nil {
			t.Fatal(err)
		}
		return len(copies)
	}
	for range 10 {
		if add() != 0 {
			t.Fatal("a copy without loss")
		}
	}
	r.SetLoss(5)
	if n := add(); n != 1 || r.Copies() != 1 {
		t.Errorf("%d copies at 5 %%", n)
	}
	r.SetLoss(20)
	if n := add(); n != 2 || r.Copies() != 2 {
		t.Errorf("%d copies at 20 %%", n)
	}
	ts += 48000
	if n := add(); n != 0 {
		t.Errorf("%d copies over a pause", n)
	}
	r.SetLoss(0)
	for i := range restPackets + 10 {
		if n := add(); i > 5 && i < restPackets-10 && n != 2 || i > restPackets && n != 0 {
			t.Fatalf("%d copies %d packets after the last loss", n, i)
		}
	}
}

func TestTakeCopiesGarbage(t *testing.T) {
	plain := talking(t, 12)
	var r Redundancy
	r.SetLoss(30)
	var whole []byte
	for i, p := range plain {
		whole = bytes.Clone(r.Add(p, uint32(i*OpusSamples)))
	}
	for n := range whole {
		if _, copies, err := TakeCopies(bytes.Clone(whole[:n]), make([]Copy, 0, 4)); err == nil && len(copies) > 0 {
			t.Errorf("copies in %d of %d bytes", n, len(whole))
		}
	}
	rng := rand.New(rand.NewPCG(3, 3))
	for range 5000 {
		bad := bytes.Clone(whole)
		for range 1 + rng.IntN(6) {
			bad[rng.IntN(len(bad))] ^= 1 << rng.IntN(8)
		}
		TakeCopies(bad, make([]Copy, 0, 4))
	}
}

func FuzzTakeCopies(f *testing.F) {
	f.Add([]byte{0x7b, 0x41, 7, 1, 2, 240, 'C', 2, 0, 2, 0x78, 9})
	f.Add([]byte{0x7b, 0x41, 255, 255})
	f.Fuzz(func(t *testing.T, packet []byte) {
		size := len(packet)
		plain, copies, err := TakeCopies(packet, make([]Copy, 0, 4))
		total := len(plain)
		for _, c := range copies {
			if c.Distance < 1 || c.Distance > maxDistance || len(c.Packet) == 0 {
				t.Fatalf("%+v", c)
			}
			total += len(c.Packet)
		}
		if err == nil && total > size {
			t.Fatalf("%d bytes out of %d", total, size)
		}
	})
}
