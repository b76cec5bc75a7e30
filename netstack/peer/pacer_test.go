package peer

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/gcc"
	"github.com/pion/rtp"
)

// sink notes what leaves a pacer, and when.
type sink struct {
	mu  sync.Mutex
	seq []uint16
	at  []time.Time
}

func (s *sink) Write(h *rtp.Header, payload []byte, _ interceptor.Attributes) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq, s.at = append(s.seq, h.SequenceNumber), append(s.at, time.Now())
	return h.MarshalSize() + len(payload), nil
}

// left returns what has left so far, and forgets nothing.
func (s *sink) left() (seq []uint16, at []time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seq), slices.Clone(s.at)
}

func (s *sink) count() int { seq, _ := s.left(); return len(seq) }

func (s *sink) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq, s.at = nil, nil
}

const (
	pictures = 1
	sounds   = 2
)

func newTestPacer(t *testing.T, bitrate int) (*pacer, *sink, *sink) {
	p := newPacer(bitrate, func(uint32, uint16) {})
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	v, a := &sink{}, &sink{}
	p.kind(sounds, true)
	p.AddStream(pictures, v)
	p.AddStream(sounds, a)
	return p, v, a
}

func put(t *testing.T, p *pacer, ssrc uint32, n, size int) {
	t.Helper()
	for i := range n {
		if _, err := p.Write(&rtp.Header{Version: 2, SSRC: ssrc, SequenceNumber: uint16(i)}, make([]byte, size), nil); err != nil {
			t.Fatal(err)
		}
	}
}

// An ordinary frame leaves at once; a key frame of 90 packets is spread, keeps
// its order, and does not hold up sound.
func TestPacerSpreads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, v, a := newTestPacer(t, 1_000_000)
		put(t, p, pictures, 8, 1188)
		if n := v.count(); n != 8 {
			t.Fatalf("%d of 8 packets of an ordinary frame left at once", n)
		}
		time.Sleep(time.Second)
		v.reset()
		start := time.Now()
		put(t, p, pictures, 90, 1188)
		put(t, p, sounds, 1, 80)
		if a.count() != 1 {
			t.Error("sound waits behind a key frame")
		}
		now := v.count()
		if now < 10 || now > 25 {
			t.Errorf("%d packets of a key frame left at once, want some 20", now)
		}
		time.Sleep(time.Second)
		seq, at := v.left()
		if len(seq) != 90 {
			t.Fatalf("%d of 90 packets left", len(seq))
		}
		for i, n := range seq {
			if int(n) != i {
				t.Fatalf("packet %d left as number %d", n, i)
			}
		}
		if took := at[89].Sub(start); took < 100*time.Millisecond || took > paceLongest {
			t.Errorf("a key frame took %v", took)
		}
	})
}

// Over a line that was full lately a picture leaves as the line takes it.
func TestPacerSparesAFullLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const bitrate = 800_000
		p, v, a := newTestPacer(t, bitrate)
		p.follow(bitrate, true)
		start := time.Now()
		put(t, p, pictures, 16, 1188) // a small key frame: 190 ms of the line
		put(t, p, sounds, 1, 80)
		if a.count() != 1 {
			t.Error("sound waits behind a picture")
		}
		time.Sleep(time.Second)
		_, at := v.left()
		if len(at) != 16 {
			t.Fatalf("%d of 16 packets left", len(at))
		}
		waiting, before := 0.0, start // bytes before the line
		for _, now := range at {
			waiting = max(waiting-now.Sub(before).Seconds()*bitrate/8, 0) + 1200
			before = now
			if ms := 1000 * 8 * waiting / bitrate; ms > 80 {
				t.Fatalf("%.0f ms wait before the line", ms)
			}
		}
	})
}

// However low the estimate, nothing is kept for long.
func TestPacerKeepsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, v, _ := newTestPacer(t, 100_000)
		put(t, p, pictures, 500, 1188)
		time.Sleep(2 * time.Second)
		if n := v.count(); n != 500 {
			t.Errorf("%d of 500 packets left within 2 s", n)
		}
	})
}

func TestPacerRefuses(t *testing.T) {
	p, _, _ := newTestPacer(t, 1_000_000)
	if _, err := p.Write(&rtp.Header{Version: 2, SSRC: 99}, nil, nil); !errors.Is(err, gcc.ErrUnknownStream) {
		t.Errorf("a stream nobody knows: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write(&rtp.Header{Version: 2, SSRC: sounds}, nil, nil); !errors.Is(err, errPacerClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// What is sent again leaves before what is new, however much of that waits.
func TestPacerRepairsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, v, _ := newTestPacer(t, 500_000)
		p.follow(500_000, true)
		for seq := range uint16(30) {
			if _, err := p.Write(&rtp.Header{Version: 2, SSRC: pictures, SequenceNumber: 100 + seq}, make([]byte, 1160), nil); err != nil {
				t.Fatal(err)
			}
		}
		left := v.count()
		for _, seq := range []uint16{101, 102} {
			if _, err := p.Write(&rtp.Header{Version: 2, SSRC: pictures, SequenceNumber: seq}, make([]byte, 1160), nil); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		seq, _ := v.left()
		if len(seq) != 32 || seq[left] != 101 || seq[left+1] != 102 || !slices.IsSorted(seq[left+2:]) {
			t.Errorf("%d left at once, then %v", left, seq[left:])
		}
	})
}
