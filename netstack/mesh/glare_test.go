package mesh_test

import (
	"fmt"
	"math/rand"
	"slices"
	"sync"
	"testing"
	"time"

	"candid/netstack"

	"github.com/pion/webrtc/v4"
)

// Both sides change their tracks and restart at random moments while messages
// take random times: offers cross in every way. In the end each hears all that
// the other publishes, and nothing else.
func TestGlareStorm(t *testing.T) {
	seeds := 20
	if testing.Short() {
		seeds = 5
	}
	for seed := range seeds {
		inWorld(t, 10*time.Millisecond, func(t *testing.T, w *world) { storm(t, w, int64(seed)) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func storm(t *testing.T, w *world, seed int64) {
	var mu sync.Mutex
	random := rand.New(rand.NewSource(seed))
	upTo := func(d time.Duration) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return time.Duration(random.Int63n(int64(d)))
	}
	r := newRoom(t)
	r.delay = func() time.Duration { return upTo(120 * time.Millisecond) }
	a, b := r.join("anna", w.at("198.51.100.1")), r.join("bert", w.at("198.51.100.2"))
	w.start()
	r.everyone()
	published := map[*member][]*source{}
	next := map[*member]int{}
	var all []*source
	for range 60 {
		time.Sleep(upTo(150 * time.Millisecond))
		m := []*member{a, b}[upTo(2)]
		switch what := upTo(10); {
		case what < 5 && len(published[m]) < 4:
			next[m]++
			s := video(t, fmt.Sprintf("track%d", next[m]))
			if what < 2 {
				s = audio(t, fmt.Sprintf("track%d", next[m]))
			}
			m.publish(s)
			published[m], all = append(published[m], s), append(all, s)
		case what < 9 && len(published[m]) > 0:
			i := int(upTo(time.Duration(len(published[m]))))
			if err := m.mesh.Unpublish(published[m][i]); err != nil {
				t.Fatal(err)
			}
			published[m] = slices.Delete(published[m], i, i+1)
		case what == 9:
			m.mesh.Restart("", "storm")
		}
	}
	time.Sleep(10 * time.Second)
	for _, m := range []*member{a, b} {
		other := map[*member]*member{a: b, b: a}[m]
		if s := m.stateNow(other.id); s != connected {
			t.Errorf("%s is %s", m.id, s)
		}
		for _, s := range published[other] {
			m.awaitPackets(other.id, s.ID(), 10)
		}
		m.mu.Lock()
		for key, rec := range m.tracks {
			wanted := slices.ContainsFunc(published[other], func(s *source) bool { return string(other.id)+"/"+s.ID() == key })
			if !wanted && !rec.ended {
				t.Errorf("%s still has %s", m.id, key)
			}
		}
		m.mu.Unlock()
	}
	for _, s := range all {
		s.end()
	}
}

func (m *member) stateNow(of netstack.PeerID) webrtc.PeerConnectionState {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stateLocked(of)
}
