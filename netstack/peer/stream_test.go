package peer

import (
	"io"
	"net"
	"testing"
	"time"
)

// streamTo connects a stream to a listener of its own, and returns both ends.
func streamTo(t *testing.T) (here, there net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if there, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = there.Close() })
	s := newStream(c, c)
	t.Cleanup(func() { _ = s.Close() })
	return s, there
}

// A TURN server that takes nothing any more stops nobody, neither who writes
// nor who closes.
func TestStuckServerStopsNobody(t *testing.T) {
	here, _ := streamTo(t)
	wrote := make(chan error, 1)
	go func() {
		for range 64 << 10 { // 64 MiB: no system buffers that much
			if _, err := here.Write(make([]byte, 1<<10)); err != nil {
				wrote <- err
				return
			}
		}
		wrote <- here.Close()
	}()
	select {
	case err := <-wrote:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("stopped")
	}
	if _, err := here.Write([]byte("late")); err == nil {
		t.Error("writes when closed")
	}
}

// What was written before it was closed arrives.
func TestStreamSendsWhatWaits(t *testing.T) {
	here, there := streamTo(t)
	for range 100 {
		if _, err := here.Write(make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := here.Close(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(there); err != nil || len(b) != 100_000 {
		t.Errorf("%d bytes arrived, %v", len(b), err)
	}
}
