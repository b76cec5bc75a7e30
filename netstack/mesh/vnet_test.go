package mesh_test

import (
	"math/rand"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"candid/netstack"
	"candid/netstack/ifwatch"
	"candid/netstack/peer"

	"github.com/pion/logging"
	"github.com/pion/stun/v3"
	"github.com/pion/transport/v4/vnet"
	"github.com/pion/webrtc/v4"
)

// world is a network in memory, in which time is virtual.
type world struct {
	t   testing.TB
	wan *vnet.Router

	onStart []func() // what can begin only on a running network

	mu     sync.Mutex
	filter func(vnet.Chunk) bool // false drops
}

// inWorld runs a test on a network with a delay each way.
func inWorld(t *testing.T, delay time.Duration, test func(*testing.T, *world)) {
	synctest.Test(t, func(t *testing.T) {
		wan, err := vnet.NewRouter(&vnet.RouterConfig{CIDR: "198.51.100.0/24", LoggerFactory: quiet(), MinDelay: delay, QueueSize: 10000})
		if err != nil {
			t.Fatal(err)
		}
		w := &world{t: t, wan: wan}
		wan.AddChunkFilter(func(c vnet.Chunk) bool {
			w.mu.Lock()
			f := w.filter
			w.mu.Unlock()
			return f == nil || f(c)
		})
		t.Cleanup(func() {
			if err := wan.Stop(); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Minute) // timers of what was closed
		})
		test(t, w)
	})
}

func quiet() logging.LoggerFactory {
	f := logging.NewDefaultLoggerFactory()
	f.DefaultLogLevel = logging.LogLevelDisabled
	return f
}

// at returns the configuration of a member with an address of its own.
func (w *world) at(ip string, wrap ...func(vnet.NIC) vnet.NIC) peer.Config {
	w.t.Helper()
	n, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{ip}})
	if err != nil {
		w.t.Fatal(err)
	}
	var nic vnet.NIC = n
	for _, f := range wrap {
		nic = f(nic)
	}
	if err := w.wan.AddNet(nic); err != nil {
		w.t.Fatal(err)
	}
	return peer.Config{Net: n}
}

func (w *world) start() {
	w.t.Helper()
	if err := w.wan.Start(); err != nil {
		w.t.Fatal(err)
	}
	for _, f := range w.onStart {
		f()
	}
}

// drop replaces what is dropped; nil drops nothing.
func (w *world) drop(f func(vnet.Chunk) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.filter = nil; f != nil {
		w.filter = func(c vnet.Chunk) bool { return !f(c) }
	}
}

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func from(c vnet.Chunk) string { return c.SourceAddr().(*net.UDPAddr).IP.String() }

// pair starts a call of two on w.
func (w *world) pair() (r *room, a, b *member) {
	r = newRoom(w.t)
	a, b = r.join("anna", w.at("198.51.100.1")), r.join("bert", w.at("198.51.100.2"))
	w.start()
	a.publish(audio(w.t, "mic"))
	b.publish(audio(w.t, "mic"))
	r.everyone()
	a.awaitPackets("bert", "mic", 5)
	b.awaitPackets("anna", "mic", 5)
	return r, a, b
}

// A crash of the other side is seen within five seconds, on either side, and
// said in words; when it thaws, the call goes on.
func TestCrashIsSeen(t *testing.T) {
	for _, dies := range []string{"198.51.100.1", "198.51.100.2"} {
		inWorld(t, 20*time.Millisecond, func(t *testing.T, w *world) {
			r, a, b := w.pair()
			time.Sleep(3 * time.Second)
			lives, dead := a, b
			if dies == "198.51.100.1" {
				lives, dead = b, a
			}
			resume := r.pause() // it says nothing any more either
			w.drop(func(vnet.Chunk) bool { return true })
			at := time.Now()
			lives.awaitState(dead.id, webrtc.PeerConnectionStateDisconnected)
			if took := time.Since(at); took > 5*time.Second {
				t.Errorf("%s saw it after %v of virtual time", lives.id, took)
			}
			for _, e := range lives.events {
				if l, ok := e.(netstack.LinkChanged); ok && l.State == webrtc.PeerConnectionStateDisconnected && l.Why == "" {
					t.Error("no word about it")
				}
			}
			time.Sleep(8 * time.Second)
			w.drop(nil)
			lives.awaitPackets(dead.id, "mic", 5)
			resume()
			lives.awaitState(dead.id, connected)
		})
	}
}

// After a NAT has forgotten its mapping, ICE may stay connected while media of
// one direction is lost for good: it comes back by a restart.
func TestRow44SilentDirectionHeals(t *testing.T) {
	for _, silent := range []string{"198.51.100.1", "198.51.100.2"} {
		// One socket in a thousand gets the number of the one before it, and this
		// NAT would take it for that: then it is tried again.
		if !silentDirectionHeals(t, silent) && !silentDirectionHeals(t, silent) {
			t.Errorf("%s did not leave the port that is silent", silent)
		}
	}
}

// silentDirectionHeals reports whether what is silent was left by a restart.
func silentDirectionHeals(t *testing.T, silent string) (left bool) {
	inWorld(t, 20*time.Millisecond, func(t *testing.T, w *world) {
		_, a, b := w.pair()
		time.Sleep(6 * time.Second)
		hears, mute := a, b
		if silent == "198.51.100.1" {
			hears, mute = b, a
		}
		ports := map[int]bool{} // those in use now go silent, save for checks
		var mu sync.Mutex
		learn := time.Now()
		w.drop(func(c vnet.Chunk) bool {
			mu.Lock()
			defer mu.Unlock()
			if from(c) != silent {
				return false
			}
			port := c.SourceAddr().(*net.UDPAddr).Port
			if time.Since(learn) < time.Second {
				ports[port] = true
			}
			left = left || !ports[port]
			return ports[port] && !stun.IsMessage(c.UserData())
		})
		hears.await("a restart", func() bool { return hears.seenLocked(restarts) > 0 })
		hears.awaitPackets(mute.id, "mic", 20)
		took := time.Since(learn)
		w.drop(nil)
		mu.Lock()
		defer mu.Unlock()
		t.Logf("%s heard again after %v", hears.id, took)
		if left && took > 4*time.Second {
			t.Errorf("healed after %v of virtual time", took)
		}
	})
	return left
}

// A cut that ends by itself needs no restart, if signaling is cut too: what
// cannot be answered is not begun.
func TestRow47CutWithoutSignaling(t *testing.T) {
	inWorld(t, 20*time.Millisecond, func(t *testing.T, w *world) {
		r, a, b := w.pair()
		resume := r.pause()
		w.drop(func(vnet.Chunk) bool { return true })
		time.Sleep(15 * time.Second)
		w.drop(nil)
		at := time.Now()
		a.awaitPackets("bert", "mic", 5)
		b.awaitPackets("anna", "mic", 5)
		if took := time.Since(at); took > time.Second {
			t.Errorf("media back %v after the cut ended", took)
		}
		resume()
		a.awaitState("bert", connected)
		a.awaitPackets("bert", "mic", 200)
	})
}

// With signaling there, a path that is lost is looked for anew.
func TestLostPathIsRestarted(t *testing.T) {
	inWorld(t, 20*time.Millisecond, func(t *testing.T, w *world) {
		_, a, b := w.pair()
		ports := map[int]bool{}
		learn := time.Now()
		w.drop(func(c vnet.Chunk) bool { // what is in use now is dead
			port := c.SourceAddr().(*net.UDPAddr).Port
			w.mu.Lock()
			defer w.mu.Unlock()
			if time.Since(learn) < time.Second {
				ports[port] = true
			}
			return ports[port]
		})
		a.await("a restart", func() bool { return a.seenLocked(restarts) > 0 })
		a.awaitPackets("bert", "mic", 20)
		b.awaitPackets("anna", "mic", 20)
		t.Logf("healed after %v", time.Since(learn))
	})
}

// A change of address restarts at once, by either side.
func TestRow43AddressChange(t *testing.T) {
	inWorld(t, 20*time.Millisecond, func(t *testing.T, w *world) {
		_, a, b := w.pair()
		time.Sleep(3 * time.Second)
		for i, m := range []*member{a, b} {
			old := ifwatch.Address{IP: ip("198.51.100.1"), Interface: "eth0"}
			if m == b {
				old.IP = ip("198.51.100.2")
			}
			m.mesh.AddressesChanged([]ifwatch.Address{old})
			time.Sleep(time.Second)
			if n := m.seen(restarts); n != i {
				t.Fatalf("%s restarted %d times because its address is what it was, want %d", m.id, n, i)
			}
			at := time.Now()
			m.mesh.AddressesChanged([]ifwatch.Address{{IP: ip("203.0.113.9"), Interface: "eth1"}})
			m.await("a restart", func() bool { return m.seenLocked(restarts) == i+1 })
			if took := time.Since(at); took > 200*time.Millisecond {
				t.Errorf("%s restarted after %v of virtual time", m.id, took)
			}
			a.awaitPackets("bert", "mic", 20)
			b.awaitPackets("anna", "mic", 20)
			time.Sleep(3 * time.Second)
		}
	})
}

// What is lost is sent again: of 5 % next to nothing is missing for good.
func TestRow49LossIsRepaired(t *testing.T) {
	for loss, allowed := range map[float64]float64{0.05: 0.001, 0.10: 0.01} {
		inWorld(t, 20*time.Millisecond, func(t *testing.T, w *world) {
			r := newRoom(t)
			a, b := r.join("anna", w.at("198.51.100.1")), r.join("bert", w.at("198.51.100.2"))
			w.start()
			a.publish(video(t, "camera"), audio(t, "mic"))
			r.everyone()
			b.awaitPackets("anna", "camera", 5)
			b.awaitPackets("anna", "mic", 5)
			random := rand.New(rand.NewSource(7))
			w.drop(func(vnet.Chunk) bool {
				w.mu.Lock()
				defer w.mu.Unlock()
				return random.Float64() < loss
			})
			time.Sleep(20 * time.Second)
			w.drop(nil)
			time.Sleep(time.Second)
			for _, track := range []string{"camera", "mic"} {
				missing, all := b.missing("anna", track)
				t.Logf("%.0f %% loss: %d of %d packets of %s missing", loss*100, missing, all, track)
				if float64(missing) > allowed*float64(all) {
					t.Errorf("%d of %d packets of %s missing, want %.1f %% at most", missing, all, track, allowed*100)
				}
			}
			if n := b.seen(restarts); n != 0 {
				t.Errorf("%d restarts because of loss", n)
			}
		})
	}
}

// missing counts the packets that never came, among those from the first to
// the last that did.
func (m *member) missing(from netstack.PeerID, track string) (missing, all int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := m.tracks[string(from)+"/"+track].seen
	low, high := first(seen), uint32(0)
	for n := range seen {
		high = max(high, n)
	}
	all = int(high-low) + 1
	return all - len(seen), all
}
