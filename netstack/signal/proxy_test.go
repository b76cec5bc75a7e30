package signal

import (
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// testProxy stands between client and host and can do what networks do.
type testProxy struct {
	net.Listener
	target string
	wg     sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	conns    map[net.Conn]bool
	cuts     int
	cutAfter func() int64 // nil: never
}

// startProxy passes connections on to target. cutAfter, if not nil, says after
// how many bytes to cut the next one.
func startProxy(t testing.TB, target string, cutAfter func() int64) *testProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &testProxy{Listener: l, target: target, conns: make(map[net.Conn]bool), cutAfter: cutAfter}
	p.wg.Go(p.run)
	t.Cleanup(func() {
		_ = l.Close()
		p.mu.Lock()
		p.closed = true
		p.mu.Unlock()
		p.cut()
		p.wg.Wait()
	})
	return p
}

func (p *testProxy) address() string { return p.Addr().String() }

func (p *testProxy) run() {
	for {
		in, err := p.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = in.Close()
			continue
		}
		p.mu.Lock()
		p.conns[in], p.conns[out] = true, true
		limit := int64(1 << 62)
		if p.cutAfter != nil {
			limit = p.cutAfter()
		}
		closed := p.closed
		p.mu.Unlock()
		if closed {
			end(in, out)
		}
		var left atomic.Int64
		left.Store(limit)
		p.wg.Go(func() { p.copy(out, in, &left) })
		p.wg.Go(func() { p.copy(in, out, &left) })
	}
}

// copy passes bytes on until either side closes or the limit is reached.
func (p *testProxy) copy(dst, src net.Conn, left *atomic.Int64) {
	defer end(dst, src)
	buf := make([]byte, 2048)
	for {
		n, err := src.Read(buf)
		if over := left.Add(int64(-n)); over < 0 {
			n = max(0, n+int(over)) // in the middle of a record
			_, _ = dst.Write(buf[:n])
			p.mu.Lock()
			p.cuts++
			p.mu.Unlock()
			return
		}
		if _, werr := dst.Write(buf[:n]); werr != nil || err != nil {
			return
		}
	}
}

// end closes a pair, half of the time with a reset.
func end(conns ...net.Conn) {
	reset := rand.IntN(2) == 0
	for _, c := range conns {
		if t, ok := c.(*net.TCPConn); ok && reset {
			_ = t.SetLinger(0)
		}
		_ = c.Close()
	}
}

// cut ends all connections.
func (p *testProxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		end(c)
		delete(p.conns, c)
	}
}
