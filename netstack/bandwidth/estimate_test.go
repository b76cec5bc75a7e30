package bandwidth

import (
	"slices"
	"testing"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
)

const second = int64(time.Second)

// link is a bottleneck with a queue of 300 ms, if no other is given, and a receiver behind it that
// gives feedback every 100 ms by pion's recorder.
type link struct {
	e      Estimate
	rec    *twcc.Recorder
	rate   float64 // bits per second
	deep   time.Duration
	stall  time.Duration // in each quarter of a second nothing is received for so long
	way    time.Duration // how much longer it is than 20 ms
	hold   bool          // the receiver stands still: it reads nothing
	lossy  int           // every so many packets is lost; 0: none
	mixed  int           // every so many packets is overtaken by the four behind it; 0: none
	free   int64         // when the bottleneck is free
	sent   int
	credit float64 // bits that may be sent now
	now    int64
	fed    int64
	kept   []arrived
}

type arrived struct {
	seq uint16
	at  int64
}

// run sends at the rate that is right for the estimate: one of three layers.
func (l *link) run(t *testing.T, d time.Duration, layers []int) (layer int) {
	t.Helper()
	l.flow(t, d, func() int {
		layer = 0
		for i, r := range layers {
			if float64(l.e.Bits()) > 1.15*float64(r) {
				layer = i
			}
		}
		return layers[layer]
	})
	return layer
}

// flow sends at a rate, in bits per second.
func (l *link) flow(t *testing.T, d time.Duration, rate func() int) {
	t.Helper()
	const size = 1000

	for end := l.now + int64(d); l.now < end; l.now += 5e6 {
		for l.credit += float64(rate()) * 0.005; l.credit > size*8; l.credit -= size * 8 {
			seq := l.e.Send(size, l.now)
			l.sent++
			start := max(l.free, l.now)
			if start-l.now > int64(l.deep) || l.lossy > 0 && l.sent%l.lossy == 0 {
				continue // lost
			}
			l.free = start + int64(size*8/l.rate*1e9)
			at := l.free + 20e6 + int64(l.way)
			at += max(0, int64(l.stall)-at%250e6)
			i := len(l.kept)
			if n := l.sent % max(l.mixed, 1); l.mixed > 0 && n >= 1 && n <= 4 && i > 0 && l.sent > l.mixed {
				i-- // before the one that waits
				at = min(at, l.kept[i].at)
				l.kept[i].at += 12e6
			}
			l.kept = slices.Insert(l.kept, i, arrived{seq, at})
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
}

func newLink(rate float64) *link {
	return &link{rec: twcc.NewRecorder(1), rate: rate, now: second, deep: 300 * time.Millisecond}
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

// A sender that follows closely, of at most a megabit, over a line with queues
// of many lengths: it finds room on a narrowed line, uses most of it, and is
// back in time.
func TestSmoothFollowsALine(t *testing.T) {
	for _, deep := range []time.Duration{60 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond, time.Second} {
		l := newLink(5e6)
		l.deep, l.e.Smooth = deep, true
		const most, narrow = 1_080_000, 500_000
		send := func(d time.Duration) int {
			before := l.sent
			l.flow(t, d, func() int { return min(l.e.Bits()*9/10, most) })
			return int(float64((l.sent-before)*8000) / d.Seconds())
		}
		send(10 * time.Second)
		l.rate = narrow
		send(5 * time.Second)
		var worst time.Duration
		squeezed := 0
		for range 100 {
			squeezed += send(100*time.Millisecond) / 100
			worst = max(worst, l.e.Queue())
		}
		l.rate = 5e6
		send(13 * time.Second)
		after := send(2 * time.Second)
		t.Logf("queue of %v: %d kbit/s of 500, %v waited; then %d", deep, squeezed/1000, worst.Round(time.Millisecond), after/1000)
		if squeezed < narrow*6/10 || squeezed > narrow*97/100 || after < most*9/10 {
			t.Errorf("queue of %v: %d bit/s of %d, then %d of %d", deep, squeezed, narrow, after, most)
		}
	}
}

// A busy machine that reads in bursts is no queue.
func TestEstimateBearsStalls(t *testing.T) {
	for _, smooth := range []bool{true, false} {
		l := newLink(5e6)
		l.stall, l.e.Smooth = 80*time.Millisecond, smooth
		l.flow(t, 30*time.Second, func() int { return min(l.e.Bits()*9/10, 1_080_000) })
		if got := l.e.Bits(); got < 1_200_000 {
			t.Errorf("smooth %v: %d bit/s on a line of five megabits", smooth, got)
		}
	}
}

// Half a second in which all is late, again and again, is no line that narrowed
// to nothing.
func TestEstimateBearsSpikes(t *testing.T) {
	l := newLink(20e6)
	l.e.Smooth, l.e.Limits.Least = true, 50_000
	worst := 0
	send := func(d time.Duration) {
		l.flow(t, d, func() int { return min(l.e.Bits()*9/10, 1_080_000) })
		worst = min(worst, l.e.Bits())
	}
	send(5 * time.Second)
	worst = l.e.Bits()
	for range 8 {
		l.way = 400 * time.Millisecond
		for range 5 {
			send(100 * time.Millisecond)
		}
		l.way = 0
		for range 100 {
			send(100 * time.Millisecond)
		}
	}
	t.Logf("at worst %d bit/s, then %d", worst, l.e.Bits())
	if worst < 150_000 || l.e.Bits() < 1_000_000 {
		t.Errorf("at worst %d bit/s, then %d", worst, l.e.Bits())
	}
}

// A way that becomes longer by a change of route is no queue: at once if it is
// told, after a while if not.
func TestEstimateBearsALongerWay(t *testing.T) {
	for _, told := range []bool{true, false} {
		l := newLink(20e6)
		l.e.Smooth, l.e.Limits.Least = true, 50_000
		send := func(d time.Duration) {
			l.flow(t, d, func() int { return min(l.e.Bits()*9/10, 1_080_000) })
		}
		send(5 * time.Second)
		before := l.e.Bits()
		l.way = 150 * time.Millisecond
		if told {
			l.e.Moved(l.now)
		}
		worst := before
		for range 120 {
			send(100 * time.Millisecond)
			worst = min(worst, l.e.Bits())
		}
		t.Logf("told %v: %d bit/s, at worst %d, after 12 s %d", told, before, worst, l.e.Bits())
		if told && worst < before || l.e.Bits() < 1_000_000 {
			t.Errorf("told %v: %d bit/s, at worst %d, after 12 s %d", told, before, worst, l.e.Bits())
		}
	}
}

func TestEstimateBearsLoss(t *testing.T) {
	l := newLink(20e6)
	l.lossy = 20 // 5 %
	if got := l.run(t, 10*time.Second, threeLayers); got != 2 {
		t.Errorf("layer %d at 5 %% loss that is not of our making, estimate %d", got, l.e.Bits())
	}
	l.lossy = 2
	l.run(t, 3*time.Second, threeLayers)
	if got := l.e.Bits(); got > 1_500_000 {
		t.Errorf("estimate %d at 50 %% loss", got)
	}
}

// A way that loses a quarter of all, however little is sent, is not a full one:
// nothing is gained by sending less. If it narrows as well, that is still seen.
func TestEstimateBearsABadWay(t *testing.T) {
	for _, smooth := range []bool{false, true} {
		l := newLink(5e6)
		l.e.Limits.First, l.e.Smooth, l.lossy = 1_000_000, smooth, 4
		send := func() int { return min(l.e.Bits()*9/10, 1_500_000) }
		l.flow(t, 20*time.Second, send)
		bad := l.e.Bits()
		l.rate = 400_000
		l.flow(t, 10*time.Second, send)
		narrow := l.e.Bits()
		t.Logf("smooth %v: %d bit/s on a way that loses a quarter, %d where it narrows to 400,000", smooth, bad, narrow)
		if bad < 800_000 {
			t.Errorf("smooth %v: %d bit/s on a way that loses a quarter", smooth, bad)
		}
		if narrow > 700_000 || narrow < 100_000 {
			t.Errorf("smooth %v: %d bit/s where it narrows to 400,000", smooth, narrow)
		}
	}
}

// A loss long after another is a new one: that the first was not lowered in time
// excuses nothing.
func TestEstimateForgetsALoss(t *testing.T) {
	l := newLink(5e6)
	l.e.Limits.First, l.e.Smooth = 1_000_000, true
	send := func() int { return min(l.e.Bits()*9/10, 1_500_000) }
	l.lossy = 4
	l.flow(t, 800*time.Millisecond, send) // too much is lost, but not for long
	l.lossy = 7                           // 14 %: neither much nor little
	l.flow(t, 20*time.Second, send)
	before := l.e.Bits()
	l.lossy = 3
	l.flow(t, 900*time.Millisecond, send)
	t.Logf("%d bit/s before, %d in the first second of a new loss", before, l.e.Bits())
	if l.e.lossAt == 0 || l.e.borne > 0 {
		t.Errorf("a new loss is borne at once: %v, since %v", l.e.borne, l.e.lossAt)
	}
}

// What is lost is lost once, however often it is reported: packets that arrive in
// disorder have their neighbours reported again.
func TestEstimateBearsDisorder(t *testing.T) {
	l := &link{rate: 5e6, deep: 300 * time.Millisecond, rec: twcc.NewRecorder(1), lossy: 16, mixed: 7}
	l.e.Smooth = true
	worst := 0.0
	for range 200 {
		l.flow(t, 100*time.Millisecond, func() int { return 900_000 })
		worst = max(worst, l.e.Loss())
	}
	t.Logf("one in 16 lost: at worst seen as %.3f, now as %.3f; %d bit/s", worst, l.e.Loss(), l.e.Bits())
	if worst > lossMuch {
		t.Errorf("a loss of 1 in 16 is seen as %.2f", worst)
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
