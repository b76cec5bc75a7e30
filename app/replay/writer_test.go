package replay

import (
	"io"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"candid/app/call"
	"candid/netstack"
	"candid/netstack/trace"
)

// TestThroughAFile records with the Writer that calls use.
func TestThroughAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "call.trace")
	var w *trace.Writer
	s := newSim(t, func(start time.Time) Sink {
		var err error
		if w, err = trace.Create(path, trace.Header{Program: "Candid 0.1.0", Start: start}, trace.Options{Queue: 1 << 16}); err != nil {
			t.Fatal(err)
		}
		return w
	})
	s.run(130)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for i := range s.live {
		if !reflect.DeepEqual(data(r.At(s.times[i])), data(remembered(s.live[i]))) {
			t.Fatalf("%d is another moment", i)
		}
	}
	if r.Lost != 0 {
		t.Errorf("lost %d", r.Lost)
	}
}

// counter counts bytes.
type counter struct{ n int }

func (c *counter) Write(b []byte) (int, error) { c.n += len(b); return len(b), nil }

// BenchmarkSecond is what one second of a call of eight costs the recorder, in
// time and bytes.
func BenchmarkSecond(b *testing.B) {
	var out counter
	var enc *trace.Encoder
	s := newSim(b, func(start time.Time) Sink {
		enc = trace.NewEncoder(io.MultiWriter(&out, io.Discard), trace.Header{Program: "x", Start: start})
		return enc
	})
	for i := range 7 {
		s.members = append(s.members, &simMember{Member: call.Member{ID: netstack.PeerID(rune(65 + i)), Name: "somebody"}, direct: i%2 == 0})
	}
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		s.now = simStart.Add(time.Duration(i) * time.Second)
		s.lines = nil
		for _, m := range s.members {
			s.lines = append(s.lines, s.sampleAt(i, m))
		}
		b.StartTimer()
		s.rec.Lines(s.s, s.lines)
		if err := enc.Flush(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(out.n)/float64(b.N), "B/s-of-call")
}
