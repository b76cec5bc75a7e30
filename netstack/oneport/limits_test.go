package oneport_test

import (
	"errors"
	"net"
	"testing"
	"time"

	"candid/netstack/oneport"
)

// A slow client holds a place for the time of a peek at most, and never keeps
// others out.
func TestRow09Slowloris(t *testing.T) {
	cfg := config(t)
	cfg.Limits = oneport.Limits{Peek: 200 * time.Millisecond, Pending: 8, PerIP: 1000}
	p := open(t, cfg)
	var slow []net.Conn
	for i := range 50 {
		c := dial(t, at(p, "127.0.0.1"), false)
		// Some say nothing, some begin STUN, some begin TLS.
		if _, err := c.Write([][]byte{{}, {0, 3}, {0x16, 3, 1, 0, 200, 1}}[i%3]); err != nil {
			t.Fatal(err)
		}
		slow = append(slow, c)
	}
	good := dial(t, at(p, "127.0.0.1"), false)
	if _, err := good.Write(allocate); err != nil {
		t.Fatal(err)
	}
	s, err := p.Relay().Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, c := range slow {
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err == nil || isTimeout(err) {
			t.Errorf("a slow client was not closed: %v", err)
		}
	}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

func TestLimits(t *testing.T) {
	cfg := config(t)
	cfg.Limits = oneport.Limits{PerIP: 3}
	p := open(t, cfg)
	var held []net.Conn
	for range 3 {
		c := dial(t, at(p, "127.0.0.1"), false)
		if _, err := c.Write(allocate); err != nil {
			t.Fatal(err)
		}
		s, err := p.Relay().Accept()
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, s)
	}
	over := dial(t, at(p, "127.0.0.1"), false)
	_ = over.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := over.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("the fourth of one address was not closed: %v", err)
	}
	// Another address has its own places, and a freed place can be had again.
	other := dial(t, at(p, "::1"), false)
	if _, err := other.Write(allocate); err != nil {
		t.Fatal(err)
	}
	accept(t, p.Relay())
	for range 2 { // closing twice frees one place
		_ = held[0].Close()
	}
	again := dial(t, at(p, "127.0.0.1"), false)
	if _, err := again.Write(allocate); err != nil {
		t.Fatal(err)
	}
	accept(t, p.Relay())
	over = dial(t, at(p, "127.0.0.1"), false)
	_ = over.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := over.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("closing twice freed two places: %v", err)
	}
}

func accept(t *testing.T, l net.Listener) {
	t.Helper()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
}
