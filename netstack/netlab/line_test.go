//go:build lab && linux

package netlab

import (
	"cmp"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func join(a netip.Addr, port string) string { return net.JoinHostPort(a.String(), port) }

// udpPasses reports whether one of several packets from a arrives at s.
func udpPasses(t *testing.T, a, s *NS, addr netip.Addr) bool {
	t.Helper()
	from, to := open(t, a, ":0"), open(t, s, join(addr, "0"))
	for range 5 {
		from.send(to.addr(), "hello")
		if text, _ := to.get(100 * time.Millisecond); text != "" {
			return true
		}
	}
	return false
}

func tcpPasses(t *testing.T, a *NS, to netip.AddrPort) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	c, err := a.Dial(ctx, "tcp", to.String())
	if err == nil {
		c.Close()
	}
	return err == nil || isRefused(err)
}

// pair is two hosts with a line between them.
func pair(t *testing.T, opts ...JoinOption) (eth *Iface, a, b *NS) {
	lab := New(t)
	a, b = lab.Host("a"), lab.Host("b")
	eth, _ = lab.Connect(a, b, []netip.Prefix{netip.MustParsePrefix("10.1.0.0/24"), netip.MustParsePrefix("fd01::/64")}, opts...)
	return eth, a, b
}

// arrival is a numbered packet that came.
type arrival struct {
	nr int
	at time.Time
}

// flood sends n numbered packets of size bytes every so often, and returns
// those that come.
func flood(t *testing.T, a, b *NS, n, size int, every time.Duration) (came []arrival) {
	t.Helper()
	from, to := open(t, a, ":0"), open(t, b, join(b.Addr4(), "0"))
	raw, err := to.PacketConn.(*net.UDPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20) }); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 2000)
		for {
			k, _, err := to.ReadFrom(b)
			if err != nil || k < 4 {
				return
			}
			came = append(came, arrival{int(binary.BigEndian.Uint32(b)), time.Now()})
		}
	}()
	b2, start := make([]byte, size), time.Now()
	for k := range n {
		binary.BigEndian.PutUint32(b2, uint32(k))
		from.send(to.addr(), string(b2))
		if d := time.Until(start.Add(time.Duration(k) * every)); d > time.Millisecond {
			time.Sleep(d)
		}
	}
	// What is on its way has arrived by then.
	if err := to.SetReadDeadline(time.Now().Add(500 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	<-done
	return came
}

func TestLossOfPackets(t *testing.T) {
	const n = 10000
	eth, a, b := pair(t)
	for _, x := range [][2]float64{{0.05, 0.05}, {0.2, 0}, {0, 0.1}, {1, 0}, {0, 0}} {
		eth.Loss(x[0], x[1])
		near(t, "share lost on the way out", 1-float64(len(flood(t, a, b, n, 100, 20*time.Microsecond)))/n, x[0], 0.02)
		near(t, "share lost on the way in", 1-float64(len(flood(t, b, a, n, 100, 20*time.Microsecond)))/n, x[1], 0.02)
	}
	before := eth.Received()
	flood(t, b, a, 100, 1000, 0)
	if got := eth.Received() - before; got < 100*1000 || got > 120*1100 {
		t.Errorf("100 packets of 1000 bytes count as %d bytes", got)
	}
	eth.NoUDP(true)
	for _, addr := range []netip.Addr{b.Addr4(), b.Addr6()} {
		if udpPasses(t, a, b, addr) || !tcpPasses(t, a, netip.AddrPortFrom(addr, 7)) {
			t.Errorf("without UDP: it passes, or TCP does not, to %v", addr)
		}
	}
	eth.NoUDP(false)
	if !udpPasses(t, a, b, b.Addr4()) {
		t.Error("UDP does not pass again")
	}
}

func TestWireLoss(t *testing.T) {
	const n = 10000
	eth, a, b := pair(t, Over(Params{}))
	for _, p := range []Params{{Loss: 0.1}, {Loss: 0.2, Burst: 4}} {
		eth.Wire().Set(p)
		came := flood(t, a, b, n, 100, 100*time.Microsecond)
		near(t, "share lost", 1-float64(len(came))/n, p.Loss, 0.02)
		runs := 1
		for k := 1; k < len(came); k++ {
			if came[k].nr != came[k-1].nr+1 {
				runs++
			}
		}
		near(t, "mean run of losses", float64(n-len(came))/float64(runs), max(p.Burst, 1/(1-p.Loss)), 0.5)
	}
}

func TestWireReordersAndDuplicates(t *testing.T) {
	const n = 4000
	eth, a, b := pair(t, Over(Params{Delay: 20 * time.Millisecond, Reorder: 0.05}))
	late := 0
	came := flood(t, a, b, n, 100, 500*time.Microsecond)
	for k, highest := 0, -1; k < len(came); k++ {
		if came[k].nr > highest+1 && highest >= 0 {
			late++ // it overtook
		}
		highest = max(highest, came[k].nr)
	}
	near(t, "share that overtakes", float64(late)/n, 0.05, 0.02)
	eth.Wire().Set(Params{Duplicate: 0.1})
	near(t, "share that arrives", float64(len(flood(t, a, b, n, 100, 50*time.Microsecond)))/n, 1.1, 0.02)
	if c := eth.Wire().Up.Counts(); c.Duplicated < 300 || c.Lost+c.Dropped > 0 {
		t.Errorf("counted %+v", c)
	}
}

// echo answers packets until the test ends.
func echo(t *testing.T, n *NS) netip.AddrPort {
	t.Helper()
	s := open(t, n, join(n.Addr4(), "0"))
	done := make(chan struct{})
	t.Cleanup(func() { s.Close(); <-done })
	go func() {
		defer close(done)
		var b [2000]byte
		for {
			k, from, err := s.ReadFrom(b[:])
			if err != nil {
				return
			}
			_, _ = s.WriteTo(b[:k], from)
		}
	}()
	return s.addr()
}

// roundTrips measures n of them, sorted.
func roundTrips(t *testing.T, a *NS, to netip.AddrPort, n int) (ds []time.Duration) {
	t.Helper()
	s := open(t, a, ":0")
	for k := range n {
		start := time.Now()
		s.send(to, itoa(k))
		if text, _ := s.get(soon); text != itoa(k) {
			t.Fatalf("got %q, want %d", text, k)
		}
		ds = append(ds, time.Since(start))
	}
	slices.SortFunc(ds, cmp.Compare)
	return ds
}

func TestWireDelay(t *testing.T) {
	eth, a, b := pair(t, Over(Params{}))
	to := echo(t, b)
	roundTrips(t, a, to, 2) // finds the addresses
	for _, p := range []Params{{Delay: 10 * time.Millisecond}, {Delay: 50 * time.Millisecond}, {Delay: 50 * time.Millisecond, Jitter: 20 * time.Millisecond}} {
		eth.Wire().Set(p)
		ds := roundTrips(t, a, to, 40)
		got, want := ds[len(ds)/2], 2*p.Delay
		near(t, "round trip in ms", got.Seconds()*1e3, want.Seconds()*1e3, want.Seconds()*1e3/10)
		spread := ds[len(ds)*9/10] - ds[len(ds)/10]
		if p.Jitter > 0 && spread < p.Jitter {
			t.Errorf("with jitter the round trips differ by only %v", spread)
		}
		t.Logf("%v ± %v each way: round trip %v, 10 %% to 90 %% %v", p.Delay, p.Jitter, got, spread)
	}
}

func TestWireRate(t *testing.T) {
	eth, a, b := pair(t, Over(Params{}))
	const size, headers = 1000, 42
	for _, p := range []Params{{Rate: 500e3}, {Rate: 2e6, Queue: 300 * time.Millisecond}, {Rate: 10e6}} {
		eth.Wire().Set(p)
		offered := time.Duration(float64(time.Second) * (size + headers) * 8 / (1.5 * float64(p.Rate)))
		came := flood(t, a, b, int(2*time.Second/offered), size, offered)
		took := came[len(came)-1].at.Sub(came[0].at)
		got := float64((len(came)-1)*(size+headers)*8) / took.Seconds()
		near(t, "bit/s", got, float64(p.Rate), float64(p.Rate)/10)
		t.Logf("at %d bit/s: %.0f", p.Rate, got)
	}
	if c := eth.Wire().Up.Counts(); c.Dropped == 0 {
		t.Errorf("nothing was dropped of half as much again: %+v", c)
	}
}

func TestWireCut(t *testing.T) {
	eth, a, b := pair(t, Over(Params{}))
	if !udpPasses(t, a, b, b.Addr4()) {
		t.Fatal("packets do not pass")
	}
	eth.Wire().Cut(true)
	if udpPasses(t, a, b, b.Addr4()) {
		t.Error("packets pass a pulled cable")
	}
	eth.Wire().Cut(false)
	if !udpPasses(t, a, b, b.Addr4()) {
		t.Error("packets do not pass the cable that is back")
	}
}

// TestWireTCP moves data both ways: whole packets with right checksums.
func TestWireTCP(t *testing.T) {
	eth, a, b := pair(t, Over(Params{Delay: 2 * time.Millisecond}), MTU(1280))
	for _, addr := range []netip.Addr{b.Addr4(), b.Addr6()} {
		ln, err := b.Listen("tcp", join(addr, "0"))
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan int64, 1)
		go func() {
			c, err := ln.Accept()
			if err != nil {
				done <- -1
				return
			}
			defer c.Close()
			n, _ := io.Copy(c, c)
			done <- n
		}()
		const total = 4 << 20
		c, err := a.Dial(t.Context(), "tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = c.Write(make([]byte, total))
			_ = c.(*net.TCPConn).CloseWrite()
		}()
		back, err := io.Copy(io.Discard, c)
		if there := <-done; there != total || back != total || err != nil {
			t.Errorf("over %v: %d there, %d back, %v", addr, there, back, err)
		}
		c.Close()
		ln.Close()
	}
	if c := eth.Wire().Up.Counts(); c.Passed < 2*(4<<20)/1280 {
		t.Errorf("packets larger than the line carries: %+v", c)
	}
}
