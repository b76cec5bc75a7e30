package sfu

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"candid/netstack/sfu/srtp"

	"github.com/pion/dtls/v3"
)

const (
	dtlsTimeout  = 20 * time.Second
	dtlsInterval = 200 * time.Millisecond // of retransmission; see package peer
	dtlsQueued   = 32
)

var errPeerCertificate = errors.New("dtls: not the certificate that signaling named")

// handshaker gives DTLS the packets of one client, wherever they come from, and
// sends where ICE says. It is a net.PacketConn.
type handshaker struct {
	agent  *agent
	queue  chan []byte
	done   chan struct{}
	once   sync.Once
	mu     sync.Mutex
	until  time.Time
	change chan struct{}
}

func newHandshaker(a *agent) *handshaker {
	return &handshaker{agent: a, queue: make(chan []byte, dtlsQueued), done: make(chan struct{}), change: make(chan struct{})}
}

// put queues a copy of a packet, or drops it: DTLS sends again.
func (h *handshaker) put(p []byte) {
	select {
	case h.queue <- append([]byte(nil), p...):
	default:
	}
}

// ReadFrom waits for a packet.
func (h *handshaker) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		h.mu.Lock()
		until, change := h.until, h.change
		h.mu.Unlock()
		var timer *time.Timer
		var expired <-chan time.Time
		if !until.IsZero() {
			timer = time.NewTimer(time.Until(until))
			expired = timer.C
		}
		n, err, again := 0, error(nil), false
		select {
		case b := <-h.queue:
			n = copy(p, b)
		case <-h.done:
			err = net.ErrClosed
		case <-expired:
			err = os.ErrDeadlineExceeded
		case <-change:
			again = true
		}
		if timer != nil {
			timer.Stop()
		}
		if !again {
			return n, h.RemoteAddr(), err
		}
	}
}

// WriteTo sends to the client, by the path ICE selected.
func (h *handshaker) WriteTo(p []byte, _ net.Addr) (int, error) {
	at := h.agent.selected.Load()
	if at == nil {
		return len(p), nil // as lost
	}
	return at.socket.WriteTo(p, at.remote)
}

// Close ends reading.
func (h *handshaker) Close() error {
	h.once.Do(func() { close(h.done) })
	return nil
}

// LocalAddr and RemoteAddr mean nothing here: paths change under DTLS.
func (h *handshaker) LocalAddr() net.Addr { return &net.UDPAddr{} }

// RemoteAddr is the same for all packets.
func (h *handshaker) RemoteAddr() net.Addr { return &net.UDPAddr{} }

// SetDeadline sets the time after which reads fail.
func (h *handshaker) SetDeadline(t time.Time) error { return h.SetReadDeadline(t) }

// SetReadDeadline sets the time after which reads fail, also one that waits.
func (h *handshaker) SetReadDeadline(t time.Time) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.until = t
	close(h.change)
	h.change = make(chan struct{})
	return nil
}

// SetWriteDeadline does nothing: sending a datagram does not wait.
func (h *handshaker) SetWriteDeadline(time.Time) error { return nil }

// handshake does DTLS, once ICE has found a path; server says which half is ours, and
// print what certificate the client has.
func (s *Server) handshake(ctx context.Context, h *handshaker, server bool, print string) (conn *dtls.Conn, in, out srtp.Context, err error) {
	verify := func(raw [][]byte, _ [][]*x509.Certificate) error {
		if len(raw) == 0 || !strings.EqualFold(fingerprint(raw[0]), print) {
			return errPeerCertificate
		}
		return nil
	}
	options := []dtls.Option{
		dtls.WithCertificates(s.certificate), dtls.WithInsecureSkipVerify(true), dtls.WithVerifyPeerCertificate(verify),
		dtls.WithSRTPProtectionProfiles(srtp.Profiles()...), dtls.WithFlightInterval(dtlsInterval),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
	}
	if server {
		list := []dtls.ServerOption{dtls.WithClientAuth(dtls.RequireAnyClientCert), dtls.WithInsecureSkipVerifyHello(true)}
		for _, o := range options {
			list = append(list, o)
		}
		conn, err = dtls.ServerWithOptions(h, h.RemoteAddr(), list...)
	} else {
		var list []dtls.ClientOption
		for _, o := range options {
			list = append(list, o)
		}
		conn, err = dtls.ClientWithOptions(h, h.RemoteAddr(), list...)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	limited, cancel := context.WithTimeout(ctx, dtlsTimeout)
	defer cancel()
	if err = conn.HandshakeContext(limited); err == nil {
		in, out, err = srtp.Contexts(conn, server)
	}
	if err != nil {
		_ = conn.Close()
		return nil, nil, nil, err
	}
	return conn, in, out, nil
}
