package ifwatch

import (
	"context"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"candid/netstack"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAddressesHaveLoopback(t *testing.T) {
	all, err := Addresses()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(a Address) bool { return a.IP.IsLoopback() })
	if i < 0 {
		t.Skip("no loopback interface is up here")
	}
	if all[i].Kind != netstack.Loopback {
		t.Errorf("%s on %s is %q, want loopback", all[i].IP, all[i].Interface, all[i].Kind)
	}
}

func TestBridge(t *testing.T) {
	for name, want := range map[string]bool{
		"docker0": true, "br-0123456789ab": true, "virbr0": true, "vboxnet0": true, "podman1": true,
		"br0": false, "br-lan": false, "br-guestnetwork": false, "eth0": false, "wlan0": false, "veth12": false, "tun0": false,
	} {
		if got := Bridge(name); got != want {
			t.Errorf("Bridge(%q) = %v, want %v", name, got, want)
		}
	}
}

// The watch tells of the first state, of each change, and of nothing else.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := Address{IP: netip.MustParseAddr("192.0.2.1"), Interface: "eth0"}
		b := Address{IP: netip.MustParseAddr("192.0.2.2"), Interface: "eth0"}
		var now atomic.Pointer[[]Address]
		now.Store(&[]Address{a})
		var got [][]Address
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		notice := make(chan struct{})
		go func() {
			defer close(done)
			watch(ctx, notice, time.Second, func() ([]Address, error) { return slices.Clone(*now.Load()), nil }, func(x []Address) { got = append(got, x) })
		}()
		synctest.Wait()
		notice <- struct{}{} // nothing changed
		time.Sleep(quiet)
		synctest.Wait()
		now.Store(&[]Address{b})
		notice <- struct{}{}
		time.Sleep(quiet)
		synctest.Wait()
		now.Store(&[]Address{})
		time.Sleep(1500 * time.Millisecond) // found by polling
		synctest.Wait()
		cancel()
		<-done
		want := [][]Address{{a}, {b}, {}}
		if len(got) != len(want) {
			t.Fatalf("told %v, want %v", got, want)
		}
		for i := range want {
			if !slices.Equal(got[i], want[i]) {
				t.Errorf("call %d: %v, want %v", i, got[i], want[i])
			}
		}
	})
}

func TestWatchEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		Watch(ctx, func([]Address) { close(first) })
	}()
	<-first
	cancel()
	<-done
}
