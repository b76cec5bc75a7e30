package mesh_test

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"candid/netstack/peer"

	"github.com/pion/transport/v4/vnet"
)

// TestRow52Day holds a call of two for hours of virtual time, while a third
// comes and goes. Goroutines and memory stay as they are. With the tag soak it
// is a day and a thousand visits.
func TestRow52Day(t *testing.T) {
	inWorld(t, 20*time.Millisecond, func(t *testing.T, w *world) {
		r := newRoom(t)
		a, b := r.join("anna", w.at("198.51.100.1")), r.join("bert", w.at("198.51.100.2"))
		third := w.at("198.51.100.3")
		w.start()
		a.publish(audio(t, "mic"))
		b.publish(audio(t, "mic"))
		r.everyone()
		a.awaitPackets("bert", "mic", 5)
		b.awaitPackets("anna", "mic", 5)
		visit := day / time.Duration(visits)
		var goroutines int
		var heap uint64
		for n := range visits {
			c := r.join("carl", third)
			r.everyone()
			c.awaitPackets("anna", "mic", 5)
			c.leave()
			time.Sleep(visit)
			for _, m := range []*member{a, b} {
				m.forget()
			}
			if n == visits/10 {
				goroutines, heap = runtime.NumGoroutine(), used()
			}
		}
		for _, m := range []*member{a, b} {
			if n := m.seen(restarts); n > 0 {
				t.Errorf("%s restarted %d times", m.id, n)
			}
		}
		if n := runtime.NumGoroutine(); n > goroutines {
			t.Errorf("%d goroutines, %d at first", n, goroutines)
		}
		if now := used(); now > heap+4<<20 {
			t.Errorf("%d kB in use, %d at first", now>>10, heap>>10)
		}
		t.Logf("%v with %d visits: %d goroutines, %d kB in use, %d at first", day, visits, runtime.NumGoroutine(), used()>>10, heap>>10)
	})
}

func used() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// forget drops what the test itself keeps of the past: all events but the
// restarts, and the packets seen.
func (m *member) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	kept := m.events[:0:0]
	for _, e := range m.events {
		if restarts(e) {
			kept = append(kept, e)
		}
	}
	m.events = kept
	for key, rec := range m.tracks {
		clear(rec.seen)
		rec.seen = map[uint32]int{}
		if rec.ended {
			delete(m.tracks, key)
		}
	}
}

// TestRow38FirstMedia measures how soon the first packet comes where a round
// trip between the two takes 50 ms, and the host is half way. Time is virtual:
// what the processor needs comes on top.
func TestRow38FirstMedia(t *testing.T) {
	for _, c := range []struct {
		name     string
		kind     int // of natKinds, on both sides
		p50, p95 time.Duration
	}{
		{"direct", 2, 500 * time.Millisecond, time.Second},
		{"relayed", 3, 900 * time.Millisecond, 1500 * time.Millisecond},
	} {
		var took []time.Duration
		for range 9 {
			inWorld(t, 25*time.Millisecond, func(t *testing.T, w *world) {
				servers := w.serve()
				configs := make([]peer.Config, 2)
				for i, at := range []string{"198.51.100.1", "198.51.100.2"} {
					configs[i] = w.behind(vnetNAT(c.kind), at, "192.168.1")
					configs[i].ICEServers = servers
				}
				r := newRoom(t)
				r.delay = func() time.Duration { return 25 * time.Millisecond }
				a, b := r.join("anna", configs[0]), r.join("bert", configs[1])
				w.start()
				a.publish(audio(t, "mic"))
				b.publish(audio(t, "mic"))
				start := time.Now()
				r.everyone()
				a.awaitPackets("bert", "mic", 1)
				b.awaitPackets("anna", "mic", 1)
				took = append(took, time.Since(start))
			})
		}
		slices.Sort(took)
		t.Logf("%s: first packet p50 %v, worst %v", c.name, took[len(took)/2], took[len(took)-1])
		if took[len(took)/2] > c.p50 || took[len(took)-1] > c.p95 {
			t.Errorf("%s: p50 %v and worst %v, want %v and %v", c.name, took[len(took)/2], took[len(took)-1], c.p50, c.p95)
		}
	}
}

func vnetNAT(kind int) vnet.NATType { return natKinds[kind].nat }
