package probe

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/pion/stun/v3"
)

// resend is the first pause before a request is sent again; it doubles.
const resend = 200 * time.Millisecond

// udpSocket sends requests from one UDP socket and finds the answers to them.
type udpSocket struct {
	conn net.PacketConn
	wg   sync.WaitGroup

	mu      sync.Mutex
	waiting map[[stun.TransactionIDSize]byte]chan reply
}

type reply struct {
	msg  *stun.Message
	from netip.AddrPort
	at   time.Time
}

// openUDP opens a socket of the family of an address.
func (n sockets) openUDP(family netip.Addr) (*udpSocket, error) {
	network, any := "udp4", "0.0.0.0:0"
	if family.Is6() {
		network, any = "udp6", "[::]:0"
	}
	c, err := n.listen(network, any)
	if err != nil {
		return nil, fmt.Errorf("open a socket: %w", err)
	}
	s := &udpSocket{conn: c, waiting: make(map[[stun.TransactionIDSize]byte]chan reply)}
	s.wg.Go(s.read)
	return s, nil
}

func (s *udpSocket) close() {
	_ = s.conn.Close()
	s.wg.Wait()
}

// read hands messages to whoever waits for their transaction: answers, and
// requests that came back by a hairpin.
func (s *udpSocket) read() {
	buf := make([]byte, 1500)
	for failed := 0; failed < 100; {
		n, from, err := s.conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) {
			return
		}
		if err != nil { // some systems report ICMP errors of earlier sends here
			failed++
			continue
		}
		u, ok := from.(*net.UDPAddr)
		m := &stun.Message{Raw: append([]byte(nil), buf[:n]...)}
		if !ok || m.Decode() != nil {
			continue
		}
		at := u.AddrPort()
		s.mu.Lock()
		c := s.waiting[m.TransactionID]
		s.mu.Unlock()
		select {
		case c <- reply{m, netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), time.Now()}:
		default: // nobody waits, or had one already
		}
	}
}

// expect registers a wait for messages of one transaction.
func (s *udpSocket) expect(id [stun.TransactionIDSize]byte) (<-chan reply, func()) {
	c := make(chan reply, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting[id] = c
	return c, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.waiting, id)
	}
}

func (s *udpSocket) send(m *stun.Message, to netip.AddrPort) {
	_, _ = s.conn.WriteTo(m.Raw, net.UDPAddrFromAddrPort(to)) // no answer comes then
}

// ask sends a request until an answer comes from where good says, or ctx ends.
// The round trip is that of the last sending.
func (s *udpSocket) ask(ctx context.Context, to netip.AddrPort, m *stun.Message, good func(netip.AddrPort) bool) (*stun.Message, time.Duration, error) {
	answers, done := s.expect(m.TransactionID)
	defer done()
	for pause := resend; ; pause *= 2 {
		sent := time.Now()
		s.send(m, to)
		timer := time.NewTimer(pause)
	wait:
		for {
			select {
			case r := <-answers:
				if good(r.from) && r.msg.Type.Class != stun.ClassRequest {
					timer.Stop()
					return r.msg, r.at.Sub(sent), nil
				}
			case <-ctx.Done():
				timer.Stop()
				return nil, 0, context.Cause(ctx)
			case <-timer.C:
				break wait
			}
		}
	}
}

// binding makes a Binding request, with a member's proof if there is one: see
// package relay.
func binding(user, pass string, change byte) *stun.Message {
	setters := []stun.Setter{stun.TransactionID, stun.BindingRequest}
	if change != 0 {
		setters = append(setters, stun.RawAttribute{Type: stun.AttrChangeRequest, Length: 4, Value: []byte{0, 0, 0, change}})
	}
	if user != "" {
		const realm, attrUserHash = "candid", 0x001E
		h := sha256.Sum256([]byte(user + ":" + realm))
		setters = append(setters, stun.RawAttribute{Type: attrUserHash, Length: uint16(len(h)), Value: h[:]},
			stun.NewLongTermIntegrity(user, realm, pass))
	}
	return stun.MustBuild(setters...)
}

// exchange sends a request somewhere and returns the answer.
type exchange func(ctx context.Context, m *stun.Message) (*stun.Message, time.Duration, error)

// over makes an exchange of a connection (RFC 8489 section 6.2.2).
func over(c net.Conn) exchange {
	return func(ctx context.Context, m *stun.Message) (*stun.Message, time.Duration, error) {
		stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
		defer stop()
		sent := time.Now()
		if _, err := c.Write(m.Raw); err != nil {
			return nil, 0, err
		}
		for range 4 { // other messages may come before
			head := make([]byte, 20)
			if _, err := io.ReadFull(c, head); err != nil {
				return nil, 0, err
			}
			size := int(head[2])<<8 | int(head[3])
			if !stun.IsMessage(head) || size > 1500 {
				return nil, 0, errors.New("what answers is no STUN server")
			}
			r := &stun.Message{Raw: append(head, make([]byte, size)...)}
			if _, err := io.ReadFull(c, r.Raw[20:]); err != nil {
				return nil, 0, err
			}
			if err := r.Decode(); err != nil {
				return nil, 0, err
			}
			if r.TransactionID == m.TransactionID {
				return r, time.Since(sent), nil
			}
		}
		return nil, 0, os.ErrDeadlineExceeded
	}
}

// answered returns what a message says of its sender's address, or its error.
func answered(m *stun.Message) (mapped netip.AddrPort, err error) {
	if m.Type.Class == stun.ClassErrorResponse {
		var e stun.ErrorCodeAttribute
		if e.GetFrom(m) != nil {
			return mapped, errors.New("an error that does not say which")
		}
		return mapped, &stunError{int(e.Code), cleanText(e.Reason)}
	}
	var x stun.XORMappedAddress
	if err := x.GetFrom(m); err == nil {
		return toAddrPort(x.IP, x.Port), nil
	}
	var old stun.MappedAddress // RFC 3489's
	if err := old.GetFrom(m); err != nil {
		return mapped, errors.New("an answer without our address")
	}
	return toAddrPort(old.IP, old.Port), nil
}

func toAddrPort(ip net.IP, port int) netip.AddrPort {
	a, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(a.Unmap(), uint16(port))
}

// stunError is a server's no.
type stunError struct {
	code int
	text string
}

func (e *stunError) Error() string { return fmt.Sprintf("%d %s", e.code, e.text) }

// cleanText makes what a server says fit to be shown.
func cleanText(b []byte) string {
	out := make([]byte, 0, 64)
	for _, c := range b[:min(len(b), 64)] {
		if c >= ' ' && c < 0x7F {
			out = append(out, c)
		}
	}
	return string(out)
}
