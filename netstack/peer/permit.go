package peer

import (
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/pion/stun/v3"
)

// permitter answers for a TURN server that it permits a peer, at once and for
// the first time it is asked. pion's ICE stands still until its TURN client has
// that answer, a round trip for every address of the other side, and for one
// that is refused at every check anew: half a second of a call's setup on a
// line of 50 ms. The true answer still comes, and says nothing new: what is not
// permitted, the server drops. Later the client asks again by itself, and hears
// it.
type permitter struct {
	until time.Time // a nonce this old may have gone stale, which only the server can say

	mu      sync.Mutex
	asked   map[string]bool
	answers [][]byte
	from    net.Addr
}

var (
	askPermission   = stun.NewType(stun.MethodCreatePermission, stun.ClassRequest)
	grantPermission = stun.NewType(stun.MethodCreatePermission, stun.ClassSuccessResponse)
)

const (
	permitFor  = 30 * time.Second
	maxPermits = 256
)

func newPermitter() *permitter {
	return &permitter{until: time.Now().Add(permitFor), asked: map[string]bool{}}
}

// answer makes the answer to a packet, if it is a request for a permission; it
// reports whether there is one to read.
func (p *permitter) answer(b []byte, server net.Addr) bool {
	if !stun.IsMessage(b) || binary.BigEndian.Uint16(b) != askPermission.Value() {
		return false
	}
	m := &stun.Message{Raw: b}
	var peer stun.XORMappedAddress
	if m.Decode() != nil || peer.GetFromAs(m, stun.AttrXORPeerAddress) != nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	to := peer.IP.String()
	if p.asked[to] || len(p.asked) >= maxPermits || time.Now().After(p.until) {
		return false
	}
	p.asked[to] = true
	granted, err := stun.Build(stun.NewTransactionIDSetter(m.TransactionID), grantPermission)
	if err != nil {
		return false
	}
	p.answers, p.from = append(p.answers, granted.Raw), server
	return true
}

// next is an answer to read.
func (p *permitter) next(b []byte) (int, net.Addr, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.answers) == 0 {
		return 0, nil, false
	}
	n := copy(b, p.answers[0])
	p.answers = p.answers[1:]
	return n, p.from, true
}

// WriteTo sends a packet to a TURN server. It fails once the socket is closed,
// which ends the asking of one; those of a virtual network do not by themselves.
func (c *trackedPacket) WriteTo(b []byte, to net.Addr) (int, error) {
	if c.t.closed.Load() {
		return 0, net.ErrClosed
	}
	n, err := c.PacketConn.WriteTo(b, to)
	if err == nil && c.permitter.answer(b, to) {
		err = c.SetReadDeadline(time.Now()) // wakes the reader
	}
	return n, err
}

// ReadFrom reads what the server sent, or what was answered for it.
func (c *trackedPacket) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		if n, from, ok := c.permitter.next(b); ok {
			return n, from, nil
		}
		n, from, err := c.PacketConn.ReadFrom(b)
		if !woken(err) || c.t.closed.Load() {
			return n, from, err
		}
		if err := c.SetReadDeadline(time.Time{}); err != nil {
			return 0, nil, err
		}
	}
}

// woken reports whether reading ended because of an answer; nobody else sets a
// deadline.
func woken(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// Write sends a message to a TURN server.
func (c *trackedStream) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if err == nil && c.permitter.answer(b, nil) {
		err = c.SetReadDeadline(time.Now())
	}
	return n, err
}

// Read reads what the server sent, or between two of its messages what was
// answered for it.
func (c *trackedStream) Read(b []byte) (int, error) {
	for {
		if c.frame.ended() {
			if n, _, ok := c.permitter.next(b); ok {
				return n, nil
			}
		}
		n, err := c.Conn.Read(b)
		c.frame.pass(b[:n])
		if n > 0 || !woken(err) || c.t.closed.Load() {
			return n, err
		}
		if err := c.SetReadDeadline(time.Time{}); err != nil {
			return 0, err
		}
	}
}

// frame finds where messages of STUN and TURN's channels end in a stream (RFC
// 8656 section 12.5).
type frame struct {
	head [4]byte
	have int // bytes of head
	left int // bytes of the message after it
}

func (f *frame) ended() bool { return f.have == 0 && f.left == 0 }

func (f *frame) pass(b []byte) {
	for len(b) > 0 {
		if f.left > 0 {
			n := min(f.left, len(b))
			f.left, b = f.left-n, b[n:]
			continue
		}
		n := copy(f.head[f.have:], b)
		f.have, b = f.have+n, b[n:]
		if f.have < len(f.head) {
			return
		}
		f.have, f.left = 0, int(binary.BigEndian.Uint16(f.head[2:]))
		if f.head[0]>>6 == 0 {
			f.left += 16 // the rest of STUN's header
		} else {
			f.left = (f.left + 3) &^ 3
		}
	}
}
