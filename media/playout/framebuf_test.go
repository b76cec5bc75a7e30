package playout

import (
	"slices"
	"testing"
	"time"

	"github.com/pion/rtp"
)

func TestReferences(t *testing.T) {
	key := FrameInfo{Key: true, Layers: true, Base: 10, PictureID: 100, PictureIDs: 1 << 15}
	base := func(n uint8, id int) FrameInfo {
		return FrameInfo{Layers: true, Base: n, PictureID: id, PictureIDs: 1 << 15}
	}
	upper := func(n uint8, layer int, sync bool, id int) FrameInfo {
		return FrameInfo{Layers: true, Base: n, Layer: layer, Sync: sync, PictureID: id, PictureIDs: 1 << 15}
	}
	plain := FrameInfo{}
	type step struct {
		f    FrameInfo
		gap  bool
		want bool
	}
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"nothing before a key frame", []step{{plain, false, false}, {key, true, true}}},
		{"no gap", []step{{FrameInfo{Key: true}, false, true}, {plain, false, true}, {plain, false, true}}},
		{"a gap, and nothing is known", []step{{FrameInfo{Key: true}, false, true}, {plain, true, false}}},
		{"ids follow", []step{{key, false, true}, {base(11, 101), true, true}}},
		{"ids wrap", []step{
			{FrameInfo{Key: true, PictureID: 127, PictureIDs: 128}, false, true},
			{FrameInfo{PictureID: 0, PictureIDs: 128}, true, true}}},
		{"an id is missing", []step{
			{FrameInfo{Key: true, PictureID: 5, PictureIDs: 128}, false, true},
			{FrameInfo{PictureID: 7, PictureIDs: 128}, true, false}}},
		{"an upper layer is lost, the base goes on", []step{
			{key, false, true}, {base(11, 102), true, true}, {base(12, 103), false, true}}},
		{"the base counter wraps", []step{
			{FrameInfo{Key: true, Layers: true, Base: 255}, false, true}, {base(0, 9), true, true}}},
		{"a base frame is lost", []step{{key, false, true}, {base(12, 104), true, false}}},
		{"upper frames need their own layer again", []step{
			{key, false, true}, {upper(10, 1, false, 101), false, true},
			{base(11, 104), true, true}, {upper(11, 1, false, 105), false, false},
			{upper(11, 1, true, 106), false, true}, {upper(11, 1, false, 107), false, true}}},
		{"a sync frame on a lost base", []step{{key, false, true}, {upper(11, 1, true, 105), true, false}}},
		{"a sync frame after a gap", []step{{key, false, true}, {upper(10, 1, true, 105), true, true}}},
	} {
		var r references
		for i, s := range c.steps {
			got := r.decodable(s.f, s.gap)
			if got != s.want {
				t.Errorf("%s: step %d: %v, want %v", c.name, i, got, s.want)
				break
			}
			if got {
				r.decoded(s.f, s.gap)
			} else if r.disposable(s.f) {
				r.skipped(s.f)
			} else {
				r.lost()
			}
		}
	}
}

// The W3C's definition, by hand: 30 pictures 33 ms apart, then one late.
func TestFreezes(t *testing.T) {
	at := time.Unix(1000, 0)
	for _, c := range []struct {
		late            time.Duration
		freezes, pauses uint64
	}{
		{33 * time.Millisecond, 0, 0}, {180 * time.Millisecond, 0, 0},
		{184 * time.Millisecond, 1, 0}, {5 * time.Second, 1, 0}, {6 * time.Second, 0, 1},
	} {
		var s videoStats
		now := at
		for range 40 {
			s.shown(4, 2, now)
			now = now.Add(33 * time.Millisecond)
		}
		now = now.Add(c.late - 33*time.Millisecond)
		s.shown(4, 2, now)
		if s.FreezeCount != c.freezes || s.PauseCount != c.pauses {
			t.Errorf("after %v: %d freezes and %d pauses, want %d and %d", c.late, s.FreezeCount, s.PauseCount, c.freezes, c.pauses)
		}
		want := c.late
		if c.freezes+c.pauses == 0 {
			want = 0
		}
		if s.TotalFreezesDuration+s.TotalPausesDuration != want {
			t.Errorf("after %v: stood for %v", c.late, s.TotalFreezesDuration+s.TotalPausesDuration)
		}
	}
	for late, want := range map[time.Duration]uint64{590 * time.Millisecond: 0, 600 * time.Millisecond: 1} {
		var s videoStats // slow pictures: three times the average is more
		now := at
		for range 40 {
			s.shown(4, 2, now)
			now = now.Add(time.Second / 5)
		}
		s.shown(4, 2, now.Add(late-time.Second/5))
		if s.FreezeCount != want {
			t.Errorf("5 pictures a second, then one after %v: %d freezes", late, s.FreezeCount)
		}
	}
}

func TestPatience(t *testing.T) {
	for _, c := range []struct{ rtt, want time.Duration }{
		{0, 250}, {1, 101}, {50, 150}, {100, 250}, {170, 390}, {250, 400}, {900, 400},
	} {
		if got := patience(c.rtt * time.Millisecond); got != c.want*time.Millisecond {
			t.Errorf("round trip of %d ms: waits %v, want %d ms", int(c.rtt), got, int(c.want))
		}
	}
}

// A key frame behind a hole can be taken at once. While it is held back, what is
// sent again still counts.
func TestKeyFrameBehindAHole(t *testing.T) {
	now := time.Unix(1000, 0)
	packet := func(seq int, key bool) *rtp.Packet { // a frame each
		first := byte(1) // a delta frame (RFC 7741 section 4.3)
		if key {
			first = 0
		}
		return &rtp.Packet{
			Header:  rtp.Header{SequenceNumber: uint16(seq), Timestamp: uint32(seq) * 3000, Marker: true},
			Payload: []byte{0x10, first},
		}
	}
	for _, repaired := range []bool{true, false} {
		b := newFrameBuffer(vp8{})
		for _, p := range []*rtp.Packet{packet(1, true), packet(2, false), packet(4, false), packet(5, true)} {
			b.push(p, now)
		}
		var taken []uint32
		for range 2 {
			f, _, _ := b.frame()
			b.take(f, nil)
			taken = append(taken, f.timestamp/3000)
		}
		if f, ok, _ := b.frame(); !ok || f.timestamp != 5*3000 {
			t.Fatalf("the key frame cannot be taken: %+v", f)
		}
		want, dropped := []uint32{1, 2, 5}, uint64(1)
		if repaired {
			b.push(packet(3, false), now)
			want, dropped = []uint32{1, 2, 3, 4, 5}, 0
		}
		for f, ok, _ := b.frame(); ok; f, ok, _ = b.frame() {
			b.take(f, nil)
			taken = append(taken, f.timestamp/3000)
		}
		if !slices.Equal(taken, want) || b.dropped != dropped {
			t.Errorf("took %v and gave up %d, want %v and %d", taken, b.dropped, want, dropped)
		}
	}
}

// Whatever comes, what is held is bounded.
func TestFrameBufferBounded(t *testing.T) {
	b := newFrameBuffer(vp8{})
	big := make([]byte, 60000)
	big[0] = 0x10
	for i := range 100000 {
		b.push(&rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(2 * i), Timestamp: uint32(i)}, Payload: big}, time.Unix(int64(i), 0))
		b.verify(t)
	}
	if b.dropped == 0 {
		t.Error("nothing was given up")
	}
}

// verify checks what must always hold.
func (b *frameBuffer) verify(t testing.TB) {
	t.Helper()
	if b.bytes < 0 || b.bytes > frameBytes+1<<16 {
		t.Fatalf("holds %d bytes", b.bytes)
	}
	if b.next > b.high+1 || b.high-b.next >= frameSlots {
		t.Fatalf("next is %d, high %d", b.next, b.high)
	}
}

// Packets as bytes: sequence number and timestamp deltas, marker, time passed,
// payload. The buffer must hold its promises, and a frame it yields must be
// made of packets that follow each other.
func FuzzVideoPackets(f *testing.F) {
	f.Add([]byte{1, 0, 0, 3, 0x10, 0, 1, 1, 1, 1, 3, 0x00, 5, 5})
	f.Add([]byte{1, 1, 1, 4, 0x90, 0x80, 0x81, 0, 255, 0, 0, 2, 0x10, 1, 3, 1, 1, 2, 0x10, 0})
	f.Add([]byte{200, 9, 0, 0, 200, 9, 0, 0, 1, 9, 1, 6, 0x90, 0xe0, 0xff, 1, 0x60, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		b := newFrameBuffer(vp8{})
		var refs references
		now := time.Unix(1000, 0)
		seq, ts := uint16(65530), uint32(1<<32-5)
		var frame []byte
		for len(data) >= 4 {
			head := data[:4]
			n := min(int(head[3]&31), len(data)-4)
			payload := data[4 : 4+n]
			data = data[4+n:]
			seq += uint16(int8(head[0]))
			if head[0] > 190 && head[0] < 210 {
				seq += 20000
			}
			ts += uint32(int8(head[1]))
			now = now.Add(time.Duration(head[2]>>1) * time.Millisecond)
			b.push(&rtp.Packet{Header: rtp.Header{SequenceNumber: seq, Timestamp: ts, Marker: head[2]&1 == 1}, Payload: payload}, now)
			b.verify(t)
			for {
				s, ok, since := b.frame()
				b.verify(t)
				if !ok && !since.IsZero() && now.Sub(since) >= 50*time.Millisecond {
					before := b.next
					b.beyond(func(f span) bool {
						if f.first <= before || f.last > b.high {
							t.Fatal("beyond is not behind")
						}
						return false
					})
					if b.giveUp(); b.next <= before {
						t.Fatal("a hole that is not given up")
					}
					continue
				}
				if !ok {
					break
				}
				for i := s.first; i <= s.last; i++ {
					if b.slot(i) == nil {
						t.Fatal("a frame with a hole")
					}
				}
				payloads, gap := b.take(s, nil)
				out, info, err := b.format.Assemble(frame[:0], payloads)
				frame = out
				if err == nil && refs.decodable(info, gap) {
					refs.decoded(info, gap)
				}
			}
		}
	})
}

// Arrivals as bytes: sequence number and timestamp deltas, time passed, length.
// The playhead must never hang, panic, or hold more than its slots.
func FuzzAudioPackets(f *testing.F) {
	f.Add([]byte{1, 20, 20, 60, 1, 20, 20, 60, 3, 60, 20, 60})
	f.Add([]byte{1, 0, 0, 0, 255, 255, 255, 255, 200, 100, 100, 5, 1, 127, 1, 120})
	f.Fuzz(func(t *testing.T, data []byte) {
		var p playhead
		p.init(quietDecoder{})
		now := int64(time.Second)
		seq, ts := uint16(65530), uint32(1<<32-5)
		var pcm [480]int16
		for ; len(data) >= 4; data = data[4:] {
			seq += uint16(int8(data[0]))
			ts += uint32(int8(data[1])) * 48
			if data[1] == 100 {
				ts += 1 << 20
			}
			length := int16(data[3]) % 49 * 120
			p.accept(arrival{payload: []byte{1, 2}, at: now, ts: ts, seq: seq, samples: length, fec: data[3]&1 == 1})
			for step := int64(data[2]) * int64(time.Millisecond); step > 0; step -= blockNanos {
				now += min(step, blockNanos)
				p.pulled(now)
				p.block(pcm[:], now)
			}
			if p.q.len() < 0 || p.q.start < history || p.q.end > len(p.q.buf) {
				t.Fatalf("queue from %d to %d", p.q.start, p.q.end)
			}
		}
	})
}

// quietDecoder is an AudioDecoder; it reads the length from nowhere.
type quietDecoder struct{}

func (quietDecoder) Decode(packet []byte, pcm []int16) (int, error) {
	clear(pcm[:960])
	return 960, nil
}
func (quietDecoder) DecodeFEC(next []byte, pcm []int16) error { clear(pcm); return nil }
func (quietDecoder) DecodePLC(pcm []int16) error              { clear(pcm); return nil }

func BenchmarkFrameBuffer(b *testing.B) {
	buf := newFrameBuffer(vp8{})
	payload := make([]byte, 1000)
	start := append([]byte{0x10, 1}, payload[2:]...)
	now := time.Unix(1000, 0)
	packets := make([]rtp.Packet, 4096)
	var dst [][]byte
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		p := &packets[n%len(packets)]
		*p = rtp.Packet{Header: rtp.Header{SequenceNumber: uint16(n), Timestamp: uint32(n / 10), Marker: n%10 == 9}, Payload: payload}
		if n%10 == 0 {
			p.Payload = start
		}
		n++
		buf.push(p, now)
		if f, ok, _ := buf.frame(); ok {
			dst, _ = buf.take(f, dst[:0])
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns/packet")
}

func BenchmarkStretch(b *testing.B) {
	q := newPCMQueue()
	var pcm [4 * longestPeriod]int16
	for i := range pcm {
		pcm[i] = int16(i * 7919 % 8000)
	}
	b.ReportAllocs()
	for b.Loop() {
		q.drop()
		q.write(pcm[:])
		q.shorten(longestPeriod, 2) // search all, take none
	}
}

func TestCarriesFEC(t *testing.T) {
	for _, c := range []struct {
		packet []byte
		want   bool
	}{
		{nil, false}, {[]byte{0x78}, false}, {[]byte{0xf8, 0xff}, false}, // nothing; cut off; CELT
		{[]byte{0x78, 0x40}, true}, {[]byte{0x78, 0x80}, false}, // hybrid 20 ms: activity, then the copy
		{[]byte{0x18, 0x10}, true}, {[]byte{0x18, 0xe0}, false}, // SILK 60 ms: three activities first
		{[]byte{0x7a, 10, 0x40}, true}, {[]byte{0x7a, 252, 1, 0x40}, true}, {[]byte{0x7a, 252}, false},
		{[]byte{0x7b, 1, 0x40}, true}, {[]byte{0x7b, 0x41, 0x40}, false},
		{[]byte{0x7c, 0x10}, true}, {[]byte{0x7c, 0x80}, false}, // stereo: the other channel's copy
	} {
		if got := carriesFEC(c.packet); got != c.want {
			t.Errorf("%x: %v, want %v", c.packet, got, c.want)
		}
	}
}
