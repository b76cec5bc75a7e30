package forward

import (
	"bytes"
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// source makes the packets of one simulcast layer.
type source struct {
	seq     uint64
	picture uint16
	tl0     uint8
	offset  uint32 // of its clock
	kept    []Kept
}

// frame makes one of n packets at an instant.
func (s *source) frame(ts uint32, key bool, n int) []Kept {
	var out []Kept
	for i := range n {
		out = append(out, Kept{Seq: s.seq, Timestamp: ts + s.offset, Marker: i == n-1,
			VP8: VP8{Start: i == 0, Key: key && i == 0, HasPicture: true, Picture: s.picture & 0x7FFF, long: true, pictureAt: 2, HasTL0: true, TL0: s.tl0, tl0At: 4}})
		s.seq++
	}
	s.picture++
	s.tl0++
	s.kept = append(s.kept, out...)
	return out
}

type arrival struct {
	layer int
	k     Kept
}

// sentPacket is what a receiver got.
type sentPacket struct {
	arrival
	o   Out
	v   VP8
	pic uint16
	tl0 uint8
}

// run sends frames of three layers through d, with layers wanted, key frames,
// loss and reordering at random.
func run(t *testing.T, rnd *rand.Rand, frames int, loss float64, reorder int, offsets [3]uint32) ([]sentPacket, [3]*source) {
	var sources [3]*source
	for i := range sources {
		sources[i] = &source{seq: 65000 + uint64(rnd.IntN(3000)), picture: uint16(rnd.IntN(1 << 15)), tl0: uint8(rnd.IntN(256)), offset: offsets[i]}
	}
	ts := rnd.Uint32()
	want := rnd.IntN(3)
	var line []arrival
	var wants []int
	for range frames {
		ts += 3000
		if rnd.IntN(15) == 0 {
			want = rnd.IntN(3)
		}
		order := rnd.Perm(3)
		for _, l := range order {
			for _, k := range sources[l].frame(ts, rnd.IntN(8) == 0, 1+rnd.IntN(4)) {
				if rnd.Float64() >= loss {
					line, wants = append(line, arrival{l, k}), append(wants, want)
				}
			}
		}
	}
	if reorder > 0 { // each packet may be late by some
		keys := make([]int, len(line))
		for i := range keys {
			keys[i] = i + rnd.IntN(reorder)
		}
		idx := make([]int, len(line))
		for i := range idx {
			idx[i] = i
		}
		slices.SortStableFunc(idx, func(a, b int) int { return cmp.Compare(keys[a], keys[b]) })
		moved := make([]arrival, len(line))
		for i, j := range idx {
			moved[i] = line[j]
		}
		line = moved
	}
	d := &Down{SSRC: 1, PT: 96, Aligned: true}
	var out []sentPacket
	for i, a := range line {
		o, ok := d.Map(a.layer, wants[i], &a.k)
		if !ok {
			continue
		}
		payload := []byte{0x90, 0xC0, 0x80, 0, 0, 1, 1}
		d.Patch(&a.k, o.Seq, payload)
		v, err := ParseVP8(payload)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, sentPacket{a, o, v, v.Picture, v.TL0})
		checkFind(t, d, out)
	}
	return out, sources
}

// checkFind asks for what was sent not long ago, as a NACK would.
func checkFind(t *testing.T, d *Down, out []sentPacket) {
	t.Helper()
	for back := 1; back <= min(len(out), 20); back += 6 {
		p := out[len(out)-back]
		layer, in, seq, ok := d.Find(uint16(p.o.Seq))
		if !ok || layer != p.layer || in != p.k.Seq || seq != p.o.Seq {
			t.Fatalf("NACK of %d finds %d of layer %d (%v), was %d of layer %d", uint16(p.o.Seq), in, layer, ok, p.k.Seq, p.layer)
		}
		again, ok := d.Again(&p.k, seq)
		if !ok || again != p.o {
			t.Fatalf("sent again as %+v, was %+v", again, p.o)
		}
	}
}

// checkStream holds what a decoder needs: no number twice, times and pictures
// that grow, changes of layer at key frames only.
func checkStream(t *testing.T, out []sentPacket, whole bool) {
	t.Helper()
	seen := map[uint64]bool{}
	for _, p := range out {
		if seen[p.o.Seq] {
			t.Fatalf("number %d twice: SRTP would break", p.o.Seq)
		}
		seen[p.o.Seq] = true
	}
	slices.SortFunc(out, func(a, b sentPacket) int { return cmp.Compare(a.o.Seq, b.o.Seq) })
	for i := 1; i < len(out); i++ {
		a, b := out[i-1], out[i]
		if whole && b.o.Seq != a.o.Seq+1 {
			t.Fatalf("gap from %d to %d without loss", a.o.Seq, b.o.Seq)
		}
		if b.layer != a.layer && !b.k.VP8.Key && whole {
			t.Fatalf("layer %d to %d without a key frame", a.layer, b.layer)
		}
		same := a.layer == b.layer && a.k.Timestamp == b.k.Timestamp
		switch grew := int32(b.o.Timestamp - a.o.Timestamp); {
		case same && grew != 0:
			t.Fatalf("two times in one picture")
		case !same && grew <= 0 || grew > 900_000:
			t.Fatalf("time from %d to %d at number %d", a.o.Timestamp, b.o.Timestamp, b.o.Seq)
		}
		step := int16(b.pic<<1-a.pic<<1) >> 1
		if same && step != 0 || !same && step <= 0 || whole && !same && step != 1 {
			t.Fatalf("picture id from %d to %d at number %d (layer %d to %d)", a.pic, b.pic, b.o.Seq, a.layer, b.layer)
		}
		if t0 := int8(b.tl0 - a.tl0); whole && (same && t0 != 0 || !same && t0 != 1) {
			t.Fatalf("tl0 from %d to %d", a.tl0, b.tl0)
		}
	}
}

func TestRewriting(t *testing.T) {
	for name, tc := range map[string]struct {
		loss    float64
		reorder int
		offsets [3]uint32
	}{
		"clean":       {},
		"loss":        {loss: 0.05},
		"heavy loss":  {loss: 0.4},
		"reordering":  {reorder: 4},
		"both":        {loss: 0.03, reorder: 6},
		"three clock": {offsets: [3]uint32{0, 1 << 30, 3 << 30}},
	} {
		t.Run(name, func(t *testing.T) {
			layers := map[int]int{}
			for seed := range uint64(60) {
				rnd := rand.New(rand.NewPCG(seed, 7))
				out, _ := run(t, rnd, 400, tc.loss, tc.reorder, tc.offsets)
				if len(out) < 50 {
					t.Fatalf("seed %d: only %d packets came through", seed, len(out))
				}
				checkStream(t, out, tc.loss == 0 && tc.reorder == 0)
				for _, p := range out {
					layers[p.layer]++
				}
			}
			if len(layers) != 3 {
				t.Errorf("layers %v", slices.Sorted(maps.Keys(layers)))
			}
		})
	}
}

// One clock for all layers: but for the nudged key frame, times are the
// sender's, so that the same stream over another path is swapped by them.
func TestTimestampsStay(t *testing.T) {
	for seed := range uint64(40) {
		out, _ := run(t, rand.New(rand.NewPCG(seed, 1)), 300, 0, 0, [3]uint32{})
		for _, p := range out {
			if off := int32(p.o.Timestamp - p.k.Timestamp); off != 0 && (off < 0 || off > 3) {
				t.Fatalf("offset %d", off)
			}
		}
	}
}

func TestSoundPassesUnchanged(t *testing.T) {
	d := &Down{SSRC: 5, PT: 111}
	first := uint64(7<<16 | 65530)
	if _, ok := d.Map(0, 0, &Kept{Seq: first}); !ok {
		t.Fatal("first packet refused")
	}
	for i := range uint64(70000) {
		k := Kept{Seq: first + i + 1, Timestamp: uint32(i) * 960, Level: 3, HasLevel: true}
		o, ok := d.Map(0, 0, &k)
		if !ok || uint16(o.Seq) != uint16(k.Seq) || o.Timestamp != k.Timestamp || o.Level != 3 || o.Seq>>16 != k.Seq>>16-7 {
			t.Fatalf("%+v becomes %+v (%v)", k, o, ok)
		}
	}
	if _, ok := d.Map(0, 0, &Kept{Seq: 6 << 16}); ok {
		t.Error("a packet from before the first would have a negative index")
	}
}

func TestPauseNeedsKeyFrame(t *testing.T) {
	s := &source{seq: 10}
	d := &Down{Aligned: true}
	send := func(key bool) bool {
		k := s.frame(uint32(s.seq)*3000, key, 1)[0]
		_, ok := d.Map(0, 0, &k)
		return ok
	}
	for i, step := range []struct{ key, pause, want bool }{
		{false, false, false}, {true, false, true}, {false, false, true}, {false, true, false}, {false, false, false}, {true, false, true}, {false, false, true},
	} {
		if step.pause {
			d.Pause()
		}
		if got := send(step.key); got != step.want {
			t.Errorf("step %d: %v", i, got)
		}
	}
	if d.Highest() != 14 {
		t.Errorf("highest %d: 11, 12 went out, then 13 and 14", d.Highest())
	}
}

// A cache is a map of the newest packets, bounded in bytes.
func TestCache(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	c := NewCache(true)
	model := map[uint64][]byte{}
	seq := uint64(65000)
	for range 20000 {
		seq += uint64(1 + rnd.IntN(3))
		at := seq - uint64(rnd.IntN(20))
		payload := bytes.Repeat([]byte{byte(at)}, 1+rnd.IntN(1200))
		if _, had := model[at]; c.Put(Kept{Seq: at, Timestamp: uint32(at)}, payload) == (had && c.Has(at)) && !had {
			t.Fatalf("putting %d", at)
		}
		if _, had := model[at]; !had {
			model[at] = payload
		}
		ask := seq - uint64(rnd.IntN(700))
		if k, got, ok := c.Get(ask); ok && (!bytes.Equal(got, model[ask]) || k.Timestamp != uint32(ask)) {
			t.Fatalf("%d has other bytes", ask)
		}
		if _, had := model[seq-100]; had && !c.Has(seq-100) {
			t.Fatalf("%d is gone too early", seq-100)
		}
	}
	if c.Bytes() > videoBytes+videoSlots*100 {
		t.Errorf("%d bytes", c.Bytes())
	}
}

func TestKeyFrame(t *testing.T) {
	var f KeyFrame
	s := &source{seq: 1}
	put := func(list []Kept) {
		for i := range list {
			f.Put(list[i], []byte{byte(list[i].Seq)}, 5)
		}
	}
	put(s.frame(1, false, 3))
	if f.Len() != 0 {
		t.Error("a frame that is no key frame was kept")
	}
	put(s.frame(2, true, 4))
	put(s.frame(3, false, 2))
	if first, at := f.First(); f.Len() != 4 || first != 4 || at != 5 {
		t.Errorf("%d packets", f.Len())
	}
	broken := s.frame(4, true, 4)
	put(append(broken[:1:1], broken[2:]...))
	for i := range f.Len() {
		if k, b := f.Packet(i); k.Seq != uint64(4+i) || b[0] != byte(4+i) {
			t.Errorf("packet %d is %d", i, k.Seq)
		}
	}
}

// Nothing is allocated for a packet.
func TestAllocations(t *testing.T) {
	c, d := NewCache(true), &Down{Aligned: true, PT: 96}
	f := &KeyFrame{}
	buf, payload := make([]byte, 0, MaxPacket), bytes.Repeat([]byte{0x90, 0xC0, 0x80, 1, 1, 1, 1}, 150)
	raw := append([]byte{0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xBE, 0xDE, 0, 1, 0x30, 5, 0, 0}, payload...)
	seq, now := uint64(0), int64(1)
	one := func() {
		seq++
		now += 1e6
		var p Packet
		_ = p.Parse(raw)
		v, _ := ParseVP8(p.Payload)
		v.Start, v.Key = true, seq%50 == 1
		k := Kept{Seq: seq, Timestamp: uint32(seq) * 3000, Marker: true, VP8: v}
		c.Put(k, p.Payload)
		f.Put(k, p.Payload, now)
		o, ok := d.Map(0, 0, &k)
		if !ok {
			t.Fatal("not forwarded")
		}
		o.Transport = uint16(seq)
		d.Sent(o.Seq, o.Transport)
		buf = o.AppendHeader(buf[:0], Extensions{Transport: 3})
		d.Patch(&k, o.Seq, payload)
	}
	for range 2000 { // caches grow at first
		one()
	}
	if n := testing.AllocsPerRun(1000, one); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
}

// A packet that went out again is on its way for a round trip, and another that
// takes its place is not.
func TestOnItsWay(t *testing.T) {
	d := &Down{}
	const ms = 1_000_000
	for _, start := range []int64{0, 2_540 * ms, 1_764_331_000_123_456_789} {
		d.Sent(7, 70)
		if d.OnItsWay(7, start, 100*ms) || d.OnItsWay(8, start, 100*ms) {
			t.Error("never sent again, and on its way")
		}
		d.Repaired(8, start) // never sent
		d.Repaired(7, start)
		for after, want := range map[int64]bool{0: true, 50 * ms: true, 90 * ms: true, 111 * ms: false, time.Second.Nanoseconds(): false} {
			if got := d.OnItsWay(7, start+after, 100*ms); got != want {
				t.Errorf("%d ms later: %v", after/ms, got)
			}
		}
		d.Sent(7+512, 71)
		if d.OnItsWay(7+512, start, 100*ms) || d.OnItsWay(7, start, 100*ms) {
			t.Error("the next in its place is on its way")
		}
	}
}
