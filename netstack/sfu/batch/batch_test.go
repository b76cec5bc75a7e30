package batch

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type udp struct{ *net.UDPConn }

func (u udp) WriteTo(p []byte, to netip.AddrPort) (int, error) { return u.WriteToUDPAddrPort(p, to) }

func open(t testing.TB, ip string) (udp, netip.AddrPort) {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(ip), 0)))
	if err != nil {
		t.Skipf("no socket at %s: %v", ip, err)
	}
	_ = c.SetReadBuffer(4 << 20)
	t.Cleanup(func() { _ = c.Close() })
	a := c.LocalAddr().(*net.UDPAddr).AddrPort()
	return udp{c}, netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// Every packet arrives as it was, in order, whatever the sizes.
func TestSend(t *testing.T) {
	for _, ip := range []string{"127.0.0.1", "::1"} {
		t.Run(ip, func(t *testing.T) {
			a, _ := open(t, ip)
			b, _ := open(t, ip)
			var receivers [3]udp
			var at [3]netip.AddrPort
			for i := range receivers {
				receivers[i], at[i] = open(t, ip)
			}
			var s Sender
			var want [3][][]byte
			sizes := []int{1100, 1100, 1100, 700, 1100, 60, 60, 60, 60, 1, 1200}
			for round := range 12 {
				for r := range receivers {
					for i, n := range sizes {
						p := append(s.Next(1500), bytes.Repeat([]byte{byte(round*len(sizes) + i)}, n)...)
						from := a
						if round%4 == 3 {
							from = b
						}
						s.Queue(from, at[r], p)
						want[r] = append(want[r], bytes.Clone(p))
					}
				}
				s.Flush()
			}
			buf := make([]byte, 2000)
			for r := range receivers {
				for i, w := range want[r] {
					_ = receivers[r].SetReadDeadline(time.Now().Add(5 * time.Second))
					n, err := receivers[r].Read(buf)
					if err != nil || !bytes.Equal(buf[:n], w) {
						t.Fatalf("receiver %d, packet %d: %d bytes, %v; want %d", r, i, n, err, len(w))
					}
				}
			}
			sent, calls, dropped := s.Counts()
			if int(sent) != 3*len(want[0]) || dropped != 0 || calls == 0 {
				t.Errorf("%d sent, %d calls, %d dropped", sent, calls, dropped)
			}
		})
	}
}

// A burst greater than the arena is sent in parts; a closed socket and an
// address nobody can reach lose their own packets only.
func TestOverflowAndErrors(t *testing.T) {
	a, _ := open(t, "127.0.0.1")
	gone, _ := open(t, "127.0.0.1")
	_ = gone.Close()
	r, at := open(t, "127.0.0.1")
	var s Sender
	const n = 400
	for i := range n {
		s.Queue(a, at, append(s.Next(1500), bytes.Repeat([]byte{byte(i)}, 1200)...))
		if i%100 == 0 {
			s.Queue(gone, at, append(s.Next(1500), 1, 2, 3))
			s.Queue(a, netip.MustParseAddrPort("[2001:db8::1]:9"), append(s.Next(1500), 1, 2, 3))
		}
	}
	s.Flush()
	buf := make([]byte, 2000)
	for i := range n {
		_ = r.SetReadDeadline(time.Now().Add(5 * time.Second))
		if m, err := r.Read(buf); err != nil || m != 1200 || buf[0] != byte(i) {
			t.Fatalf("packet %d: %d bytes of %d, %v", i, m, buf[0], err)
		}
	}
	if _, _, dropped := s.Counts(); dropped != 8 {
		t.Errorf("%d dropped, want 8", dropped)
	}
}

func TestAllocations(t *testing.T) {
	a, _ := open(t, "127.0.0.1")
	_, at := open(t, "127.0.0.1")
	var s Sender
	payload := bytes.Repeat([]byte{1}, 1100)
	round := func() {
		for range 10 {
			for range 4 {
				s.Queue(a, at, append(s.Next(1500), payload...))
			}
		}
		s.Flush()
	}
	round()
	if n := testing.AllocsPerRun(50, round); n != 0 {
		t.Errorf("%v allocations for 40 packets", n)
	}
}

func BenchmarkSend(b *testing.B) {
	for _, train := range []int{1, 4, 8} {
		b.Run(fmt.Sprintf("train=%d", train), func(b *testing.B) {
			a, _ := open(b, "127.0.0.1")
			_, at := open(b, "127.0.0.1")
			_, other := open(b, "127.0.0.1")
			var s Sender
			payload := bytes.Repeat([]byte{1}, 1100)
			for i := range b.N {
				to := at
				if i/train%2 == 0 {
					to = other
				}
				s.Queue(a, to, append(s.Next(1500), payload...))
				if i%40 == 39 {
					s.Flush()
				}
			}
		})
	}
}
