package bandwidth

import (
	"testing"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
)

const second = int64(time.Second)

// link is a bottleneck with a queue of 300 ms, and a receiver behind it that
// gives feedback every 100 ms by pion's recorder.
type link struct {
	e     Estimate
	rec   *twcc.Recorder
	rate  float64 // bits per second
	lossy int     // every so many packets is lost; 0: none
	free  int64   // when the bottleneck is free
	sent  int
	now   int64
	fed   int64
	kept  []arrived
}

type arrived struct {
	seq uint16
	at  int64
}

// run sends at the rate that is right for the estimate: one of three layers.
func (l *link) run(t *testing.T, d time.Duration, layers []int) (layer int) {
	t.Helper()
	const size = 1000
	credit := 0.0
	for end := l.now + int64(d); l.now < end; l.now += 5e6 {
		layer = 0
		for i, r := range layers {
			if float64(l.e.Bits()) > 1.15*float64(r) {
				layer = i
			}
		}
		for credit += float64(layers[layer]) * 0.005; credit > size*8; credit -= size * 8 {
			seq := l.e.Send(size, l.now)
			l.sent++
			start := max(l.free, l.now)
			if start-l.now > 300e6 || l.lossy > 0 && l.sent%l.lossy == 0 {
				continue // lost
			}
			l.free = start + int64(size*8/l.rate*1e9)
			l.kept = append(l.kept, arrived{seq, l.free + 20e6})
		}
		for len(l.kept) > 0 && l.kept[0].at <= l.now {
			l.rec.Record(1, l.kept[0].seq, l.kept[0].at/1000)
			l.kept = l.kept[1:]
		}
		if l.now-l.fed < 100e6 {
			continue
		}
		l.fed = l.now
		for _, p := range l.rec.BuildFeedbackPacket() {
			b, err := p.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if err := l.e.Feedback(b[12:], l.now); err != nil {
				t.Fatal(err)
			}
		}
	}
	return layer
}

func newLink(rate float64) *link {
	return &link{rec: twcc.NewRecorder(1), rate: rate, now: second}
}

var threeLayers = []int{180_000, 530_000, 1_530_000}

func TestEstimateFollowsALine(t *testing.T) {
	l := newLink(20e6)
	if got := l.run(t, 5*time.Second, threeLayers); got != 2 {
		t.Fatalf("layer %d on a wide line, estimate %d", got, l.e.Bits())
	}
	l.rate = 300_000
	l.run(t, 3*time.Second, threeLayers)
	if got := l.e.Bits(); got > 400_000 {
		t.Errorf("estimate %d three seconds after the line narrowed to 300000", got)
	}
	low, steps := 0, 300
	for range steps {
		if l.run(t, 100*time.Millisecond, threeLayers) == 0 {
			low++
		}
	}
	if low < steps*8/10 {
		t.Errorf("only %d of %d steps on the lowest layer", low, steps)
	}
	l.rate = 20e6
	back := 0
	for back < 150 && l.run(t, 100*time.Millisecond, threeLayers) != 2 {
		back++
	}
	if back >= 150 {
		t.Errorf("top layer not back 15 s after the line was, estimate %d", l.e.Bits())
	}
}

func TestEstimateBearsLoss(t *testing.T) {
	l := newLink(20e6)
	l.lossy = 20 // 5 %
	if got := l.run(t, 10*time.Second, threeLayers); got != 2 {
		t.Errorf("layer %d at 5 %% loss that is not of our making, estimate %d", got, l.e.Bits())
	}
	l.lossy = 3
	l.run(t, 3*time.Second, threeLayers)
	if got := l.e.Bits(); got > 1_500_000 {
		t.Errorf("estimate %d at 33 %% loss", got)
	}
}

func TestRate(t *testing.T) {
	var r Rate
	for i := range int64(300) {
		r.Add(125, second+i*1e7)
	}
	if got := r.Bits(second + 299*1e7); got < 90_000 || got > 101_000 {
		t.Errorf("rate %d, want 100000", got)
	}
	if got := r.Bits(10 * second); got != 0 {
		t.Errorf("rate %d after silence", got)
	}
}

func FuzzFeedback(f *testing.F) {
	f.Add([]byte{0, 1, 0, 7, 0, 0, 1, 0, 0xA0, 0x07, 1, 2, 3, 4, 5, 6, 7})
	f.Add([]byte{0, 1, 0xFF, 0xFF, 0, 0, 1, 0, 0x3F, 0xFF})
	f.Fuzz(func(t *testing.T, b []byte) {
		var e Estimate
		for i := range 300 {
			e.Send(1000, int64(i)*1e6)
		}
		_ = e.Feedback(b, 4e8)
		if got := e.Bits(); got < leastEstimate || got > mostEstimate {
			t.Fatalf("estimate %d", got)
		}
	})
}
