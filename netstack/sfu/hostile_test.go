package sfu

import (
	"crypto/rand"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// storm is what hostile members do, until stop is called.
type storm struct {
	quit chan struct{}
	wg   sync.WaitGroup
}

// every calls fn at a rate.
func (s *storm) every(d time.Duration, fn func(n uint16)) {
	s.wg.Go(func() {
		tick := time.NewTicker(d)
		defer tick.Stop()
		for n := uint16(0); ; n++ {
			select {
			case <-s.quit:
				return
			case <-tick.C:
				fn(n)
			}
		}
	})
}

func (s *storm) stop() {
	close(s.quit)
	s.wg.Wait()
}

// garbage writes whatever to all tracks of a studio, as packets with good keys.
func (s *storm) garbage(from *studio) {
	s.every(5*time.Millisecond, func(n uint16) {
		b := make([]byte, 1000)
		_, _ = rand.Read(b)
		_ = from.mic.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(b[0])<<8 | n, Timestamp: uint32(b[1]) << 24}, Payload: b[:b[2]]})
		_ = from.layers[topLayer].WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: n * n, Timestamp: uint32(b[3]) << 20, Marker: b[4]&1 == 0}, Payload: b})
	})
}

// sizes sends a picture that has another size with each frame, thirty times a
// second.
func (s *storm) sizes(from *studio) {
	s.every(time.Second/30, func(n uint16) {
		p := picture(0, 10_000+n, uint32(n)*3000, true, true, true)
		p.Payload[10], p.Payload[11], p.Payload[12], p.Payload[13] = byte(16+n*31), byte(n%5), byte(16+n*17), byte(n%3)
		_ = from.layers[topLayer].WriteRTP(p)
	})
}

// strangers send what they like to the port.
func (s *storm) strangers(t *testing.T, at netip.AddrPort) {
	c, err := net.Dial("udp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	s.every(2*time.Millisecond, func(uint16) {
		b := make([]byte, 200)
		_, _ = rand.Read(b)
		_, _ = c.Write(b)
	})
}

// While one receiver reads nothing, one sender sends garbage, another a picture
// that always changes its size, and strangers noise, nobody else's sound has a
// gap of more than 100 ms. The machine may be busy, so what counts is that
// there is a whole such second.
func TestHostileMembers(t *testing.T) {
	var thin *thinSocket
	h := newHallAt(t, func(u udpSocket) socket {
		thin = &thinSocket{udpSocket: u, queue: make(chan late, 1000)}
		thin.wg.Go(thin.run)
		return thin
	})
	t.Cleanup(func() { close(thin.queue); thin.wg.Wait() })
	h.join("zoe", newStudio(t, true))
	listener := h.join("anna", nil)
	deaf := h.join("dora", nil)
	mad, odd := newStudio(t, false), newStudio(t, false)
	h.join("mad", mad)
	h.join("odd", odd)
	listener.hears("zoe", "mic", 20)
	deaf.hears("zoe", "mic", 20)
	listener.hears("mad", "mic", 20)
	listener.hears("odd", "camera", 20)
	thin.narrow(h.address("dora"), 0)
	s := &storm{quit: make(chan struct{})}
	defer s.stop()
	s.garbage(mad)
	s.sizes(odd)
	s.strangers(t, h.at)
	mic := trackKey{"zoe", "mic"}
	listener.note(func() { listener.tracks[mic].late = nil }) // what was before does not count
	listener.await("a second without a gap", func() bool {
		r := listener.tracks[mic]
		const window = 50 // packets of 20 ms
		if len(r.late) < window {
			return false
		}
		last := r.late[len(r.late)-window:]
		least, most := last[0], last[0]
		for _, d := range last {
			least, most = min(least, d), max(most, d)
		}
		if most-least > 100*time.Millisecond {
			return false
		}
		t.Logf("most late: %v", most-least)
		return true
	})
}
