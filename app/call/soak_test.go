//go:build soak

package call_test

import (
	"bytes"
	"context"
	"flag"
	"log/slog"
	"runtime"
	"runtime/pprof"
	"testing"
	"time"

	"candid/app/call"
	"candid/app/host"
	"candid/netstack/invite"
)

// How long the soak is, and how often somebody comes and goes within it.
var (
	soakFor   = flag.Duration("soak", 30*time.Minute, "how long a call is held")
	soakJoins = flag.Int("joins", 1000, "how often somebody joins and leaves meanwhile")
)

// census is what a process holds.
type census struct {
	goroutines, files int
	heap              uint64 // after collection
}

// near reports whether c is not more than first, but for the few that a
// connection has more at one moment than at another: a leak would be one for
// each visit at least.
func (c census) near(first census) bool {
	return c.goroutines <= first.goroutines+10 && c.files <= first.files+4
}

func count(t *testing.T) census {
	t.Helper()
	runtime.GC()
	runtime.GC() // what finalizers let go of
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return census{runtime.NumGoroutine(), openFiles(t), m.HeapAlloc}
}

// TestRow52Soak holds a call of two, on a real host, while a third joins and
// leaves again and again. What the process holds does not grow.
func TestRow52Soak(t *testing.T) {
	h, err := host.Start(context.Background(), host.Config{Port: host.AnyPort, Loopback: true, Rooms: []string{"tea"}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}()
	inv, err := h.Invite("tea")
	if err != nil {
		t.Fatal(err)
	}
	ada, ben := joinAs(t, inv, "Ada", 0, 1), joinAs(t, inv, "Ben", 1, 0)
	until(t, "pictures", func() bool { return ada.meter.seen.Seen().Frames > 0 && ben.meter.seen.Seen().Frames > 0 })
	studio := newStudio(t, 2, 0)
	every := *soakFor / time.Duration(*soakJoins)
	// What is made once, and buffers that find their size, are there after a
	// third.
	warm := *soakJoins / 3
	const retires = 40 * time.Second // allocations at the relay that nobody uses, for one
	var first census
	for round := range *soakJoins {
		began := time.Now()
		visit(t, inv, studio)
		until(t, "two again", func() bool { return len(ada.Snapshot().Others) == 1 && len(ben.Snapshot().Others) == 1 })
		ada.forget()
		ben.forget()
		time.Sleep(max(0, every-time.Since(began)))
		if round == warm {
			time.Sleep(retires)
			first = count(t)
			t.Logf("after %d rounds: %+v", round+1, first)
		}
	}
	const slack = 8 << 20 // of buffers that are in use or not at the moment
	time.Sleep(retires)
	last := count(t)
	for end := time.Now().Add(45 * time.Second); time.Now().Before(end) && !last.near(first); last = count(t) {
		time.Sleep(100 * time.Millisecond)
	}
	t.Logf("after %d rounds: %+v", *soakJoins, last)
	if !last.near(first) {
		var b bytes.Buffer
		_ = pprof.Lookup("goroutine").WriteTo(&b, 1)
		t.Errorf("more than at first; goroutines now:\n%s", b.String())
	}
	if last.heap > first.heap+slack {
		t.Errorf("the heap has grown from %d to %d kB", first.heap>>10, last.heap>>10)
	}
	if s := ada.Snapshot(); s.State != call.Connected {
		t.Errorf("Ada is %v", s.State)
	}
}

// visit joins, waits for a picture and leaves. Nothing of it stays with the
// test, as it would for the cleanup of joinWith.
func visit(t *testing.T, inv invite.Invite, studio *fakeStudio) {
	t.Helper()
	m := &meter{}
	s, err := call.Join(context.Background(), call.Config{Invite: inv, Name: "Noor", Studio: studio, Meter: m, Loopback: true})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range s.Events() {
		}
	}()
	until(t, "a picture", func() bool { return m.seen.Seen().Frames > 0 })
	s.Leave()
	s.Wait()
	<-done
}

// forget drops the events kept so far, which are the test's own.
func (p *person) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = nil
}
