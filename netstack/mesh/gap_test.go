package mesh_test

import (
	"net"
	"testing"
	"time"

	"candid/netstack/ifwatch"

	"github.com/pion/transport/v4/vnet"
)

// dies makes all sockets of now useless, as when their address is gone.
func (w *world) dies() {
	ports := map[int]bool{}
	learning := true
	w.drop(func(c vnet.Chunk) bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		port := c.SourceAddr().(*net.UDPAddr).Port
		ports[port] = ports[port] || learning
		return ports[port] && !learning
	})
	time.Sleep(1500 * time.Millisecond) // a check of each
	w.mu.Lock()
	learning = false
	w.mu.Unlock()
}

// From the moment an address is gone to the first sound by another, both ways,
// half a second passes at most.
func TestRow43Gap(t *testing.T) {
	for who := range 2 {
		inWorld(t, 25*time.Millisecond, func(t *testing.T, w *world) {
			r, a, b := w.pair()
			r.delay = func() time.Duration { return 25 * time.Millisecond }
			m := []*member{a, b}[who]
			old := ifwatch.Address{IP: ip([]string{"198.51.100.1", "198.51.100.2"}[who]), Interface: "eth0"}
			m.mesh.AddressesChanged([]ifwatch.Address{old})
			time.Sleep(3 * time.Second)
			w.dies()
			at := time.Now()
			time.Sleep(100 * time.Millisecond) // what was on its way is here
			m.mesh.AddressesChanged([]ifwatch.Address{{IP: ip("203.0.113.9"), Interface: "eth1"}})
			a.awaitPackets("bert", "mic", 1)
			b.awaitPackets("anna", "mic", 1)
			took := time.Since(at)
			t.Logf("%s: %v without sound", m.id, took)
			if took > 500*time.Millisecond {
				t.Errorf("%s: %v without sound after a change of address", m.id, took)
			}
		})
	}
}

// A minute without signaling costs no packet.
func TestRow45MinuteWithoutSignaling(t *testing.T) {
	inWorld(t, 25*time.Millisecond, func(t *testing.T, w *world) {
		r, a, b := w.pair()
		resume := r.pause()
		time.Sleep(time.Minute)
		resume()
		time.Sleep(5 * time.Second)
		for m, from := range map[*member]string{a: "bert/mic", b: "anna/mic"} {
			m.mu.Lock()
			mic := m.tracks[from]
			base := first(mic.seen)
			missing := 0
			for n := range uint32(len(mic.seen)) {
				if mic.seen[base+n] != 1 {
					missing++
				}
			}
			if missing > 0 || len(mic.seen) < 60*50 {
				t.Errorf("%s: %d of %d packets of sound missing", m.id, missing, len(mic.seen))
			}
			m.mu.Unlock()
			if n := m.seen(restarts); n != 0 {
				t.Errorf("%s restarted %d times", m.id, n)
			}
		}
	})
}
