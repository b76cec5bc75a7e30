// Package sfu is the topology in which everybody sends once, to the host, which
// forwards to all others what they want and their line can take.
//
// [Server] and [Room] are the host's half; [Transport] is the client's. Within the
// host's process, [Room.Tap] receives like a member and [Room.Inject] sends like
// one, to some members only; [Room.Admit] lets in who has no signaling but an
// offer.
//
// # On the wire
//
// Signaling is that of package peer, with Path SFU, between a client and
// netstack.HostID. The host is an ICE lite agent at the host's one UDP port, and
// the DTLS server wherever the client lets it be, so that AEAD_AES_128_GCM is
// chosen. A forwarded track has the msid "<peer> <track>".
//
// When nothing arrives any more of a client that sent, the host has ICE restarted,
// as package peer says for either side: the client's checks may come by another
// pair than its media, so that it cannot know.
//
// Sound is Opus. Pictures are VP8, or H.264, VP9 or AV1 where a client offers no
// VP8: those go to receivers who know them.
//
// A client publishes a picture in up to three layers, each from its own
// encoder and all with the same timestamps: either as simulcast in one media
// section (RFC 8853), with the rids q, h and f, the smallest first; or as media
// sections of their own whose tracks are named "<track>~q", "<track>~h" and
// "<track>".
//
// Three messages more, with Path SFU:
//
// "x-wishes", client to host: what it wants of the others' tracks; what is not
// named stays as it was. Height is that of the tile in pixels, 0: not visible;
// for sound 0 means not heard, all else heard. The peer or the track "*" stands
// for all those without a wish of their own: {"peer":"*", "track":"*",
// "height":0} before the first description gives a connection that carries
// nothing until something is asked for. Without any wish everything is sent.
//
//	{"wishes": [{"peer":"…", "track":"camera", "height":360, "priority":1}]}
//
// "x-demand", host to client: layers of its tracks, sound included, that nobody
// takes, and those that somebody takes again. What nobody takes need not be
// encoded or sent.
//
//	{"layers": [{"track":"camera~h", "wanted":false}]}
//
// "x-speakers", host to client: who speaks, the newest first.
//
//	{"speakers": ["…"]}
package sfu

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/big"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"candid/netstack/fault"
	"candid/netstack/sfu/batch"
)

// Config says how to serve.
type Config struct {
	// Candidates are the addresses at which clients reach the sockets of the
	// one port, the best first. It is asked for every description.
	Candidates func() []netip.AddrPort
	// LastN is how many pictures a receiver gets at most, those of the last
	// speakers; 0: 16.
	LastN int
	// MemberBitrate is what one member may send, in bit/s; what is more is
	// dropped. 0: DefaultMemberBitrate.
	MemberBitrate int
	Logger        *slog.Logger // nil: slog.Default
}

// Server is what all rooms of a host share: its sockets and its certificate.
type Server struct {
	cfg         Config
	log         *slog.Logger
	certificate tls.Certificate
	fingerprint string
	tieBreaker  uint64

	names table[string, *agent]        // by ICE user name fragment
	paths table[netip.AddrPort, *line] // by the client's address

	dropped atomic.Uint64
	panics  fault.Counter
}

// NewServer makes a server without rooms. Its rooms must be closed before it is
// forgotten; it holds nothing else.
func NewServer(cfg Config) (*Server, error) {
	if cfg.Candidates == nil {
		return nil, errors.New("starting the media server: nobody would find it without candidates")
	}
	s := &Server{cfg: cfg, log: cfg.Logger}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.cfg.LastN == 0 {
		s.cfg.LastN = 16
	}
	if s.cfg.MemberBitrate == 0 {
		s.cfg.MemberBitrate = DefaultMemberBitrate
	}
	var random [8]byte
	_, _ = rand.Read(random[:])
	s.tieBreaker = binary.BigEndian.Uint64(random[:])
	return s, s.certify()
}

// certify makes the DTLS certificate. It lives as long as the server: a key per
// process is enough, since signaling names its fingerprint.
func (s *Server) certify() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("making a DTLS key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return fmt.Errorf("making a DTLS certificate: %w", err)
	}
	template := &x509.Certificate{SerialNumber: serial, NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return fmt.Errorf("making a DTLS certificate: %w", err)
	}
	s.certificate = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	s.fingerprint = fingerprint(der)
	return nil
}

// fingerprint is that of RFC 8122 section 5.
func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02X", b)
	}
	return "sha-256 " + strings.Join(parts, ":")
}

// Sink takes the media packets of one socket. It is an oneport.Sink.
type Sink struct {
	server *Server
	socket batch.Socket
}

// Sink makes the sink of a socket, for oneport.Config.Media.
func (s *Server) Sink(socket batch.Socket) *Sink { return &Sink{s, socket} }

// Packet takes one packet. It does not block and does not keep p.
func (k *Sink) Packet(p []byte, from netip.AddrPort) {
	if len(p) == 0 {
		return
	}
	s := k.server
	if p[0] < 4 { // STUN (RFC 7983)
		if err := s.stun(p, path{k.socket, from}); err != nil {
			s.dropped.Add(1)
		}
		return
	}
	l := s.paths.get(from)
	switch {
	case l == nil:
		s.dropped.Add(1)
	case p[0] < 128:
		l.dtls.put(p)
	default:
		l.engine.put(l, p)
	}
}

// Close does nothing: lines outlive a socket, when the client has another way.
func (k *Sink) Close() error { return nil }

// Panics counts the panics in its rooms; each costs one connection, which is
// made anew, or, in a mixer, one frame.
func (s *Server) Panics() uint64 { return s.panics.Count() }

// Dropped counts packets that belonged to nobody.
func (s *Server) Dropped() uint64 { return s.dropped.Load() }

// table is a map that is read for every packet, from any goroutine, and seldom
// written: readers take no lock.
type table[K comparable, V comparable] struct {
	mu   sync.Mutex
	read atomic.Pointer[map[K]V]
}

func (t *table[K, V]) get(k K) (v V) {
	if m := t.read.Load(); m != nil {
		return (*m)[k]
	}
	return v
}

func (t *table[K, V]) add(k K, v V) {
	t.change(func(m map[K]V) { m[k] = v })
}

// remove forgets k, if it still is one of values or none are given.
func (t *table[K, V]) remove(k K, values ...V) {
	t.change(func(m map[K]V) {
		if len(values) == 0 || m[k] == values[0] {
			delete(m, k)
		}
	})
}

func (t *table[K, V]) change(fn func(map[K]V)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := map[K]V{}
	if m := t.read.Load(); m != nil {
		next = maps.Clone(*m)
	}
	fn(next)
	t.read.Store(&next)
}
