// Package relay is the host's STUN and TURN server (RFC 8489, RFC 8656) on
// UDP, TCP and TLS. pion/turn does the talking: nonces, allocations, lifetimes.
// This package decides who may talk, to whom is relayed and how much, and moves
// the data itself: a packet from a client or a peer never enters pion, is not
// copied on its way through a socket and allocates nothing. Between two
// allocations of one room it goes straight from client to client, without a
// relay socket, so that two members who both reach the host's one port always
// reach each other, whatever stands before the relay ports.
//
// Who may be relayed to: the relayed addresses of other members of the same
// room, addresses that another member of it signaled as a candidate, see
// Server.Signaled, and the machine's media server, see Config.MediaPort. Never:
// anything else at the machine's own addresses, ports below 1024, multicast,
// link-local and loopback (but see Config.Loopback).
package relay

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Member names somebody who may use the relay.
type Member struct {
	Room string `json:"room"`
	ID   string `json:"id"`
}

// Config says how to serve.
type Config struct {
	Realm string // "candid" if empty
	// Own reports whether an address is this machine's, advertised ones
	// included. Nothing but our own relayed addresses is reached there, and
	// the media server.
	Own func(netip.Addr) bool
	// MediaPort is the port of the machine's own media server, which every
	// member may reach through the relay at the Own addresses; 0: there is
	// none. Only packets that IsMedia says yes to go there, so that nobody
	// comes back to the relay as if from this machine.
	MediaPort func() uint16
	IsMedia   func(p []byte) bool
	// Advertise gives the address clients are told for a relay socket at
	// local; nil tells local itself. It is for hosts whose public address is
	// mapped to them one to one.
	Advertise func(local netip.Addr) netip.Addr
	// Loopback serves and relays on loopback addresses too, for demo and tests.
	Loopback bool

	Limits Limits
	Now    func() time.Time // nil: time.Now
	Logger *slog.Logger     // nil: slog.Default
}

// Limits of a relay. The zero value of each stands for its default.
type Limits struct {
	// TTL of a credential (12 h). It is checked when an allocation is made
	// and not later, so that a call may last; who leaves loses it at once.
	TTL time.Duration
	// PerMember and Total bound allocations (16, 256). One connection of our
	// client takes 4: UDP, TCP and TLS at one address, UDP at another.
	PerMember, Total int
	// Unused is how long an allocation may be without a permission (30 s): a
	// client that is gone, or never heard of its allocation, does not come
	// back for it, and quotas would fill with those.
	Unused time.Duration
	// Bitrate is what one member may send through the relay, and again what
	// may be sent to him, in bit/s (4,000,000: camera at 720p, shared screen
	// and sound). Burst may come at once, in bytes (256 KiB: a key frame or
	// two). What is over is dropped, which congestion control notices.
	Bitrate, Burst int
	// Candidates a member may signal (64).
	Candidates int
	// Replies a second to one source that has not proven who it is (10), and
	// to one that members have signaling connections from (100).
	Replies, MemberReplies int
}

func (l Limits) withDefaults() Limits {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	if l.TTL == 0 {
		l.TTL = 12 * time.Hour
	}
	if l.Unused == 0 {
		l.Unused = 30 * time.Second
	}
	def(&l.PerMember, 16)
	def(&l.Total, 256)
	def(&l.Bitrate, 4_000_000)
	def(&l.Burst, 256<<10)
	def(&l.Candidates, 64)
	def(&l.Replies, 10)
	def(&l.MemberReplies, 100)
	return l
}

// ErrClosed is returned once the server is closed.
var ErrClosed = errors.New("relay is closed")

// Server is the relay of one host, for all its local addresses. Its methods
// may be called from any goroutine.
type Server struct {
	cfg   Config
	log   *slog.Logger
	now   func() time.Time
	limit Limits

	strangers, known *limiter // of replies

	mu       sync.RWMutex
	closed   bool
	members  map[Member]*member
	users    map[string]*credential // by user name
	hashes   map[userHash]*credential
	rooms    map[string]*room
	sources  map[netip.Addr]int // members by where they come from
	relayed  map[netip.AddrPort]*allocation
	reserved map[string]reservation // allocations about to be made, by client
	sites    map[*site]struct{}
	streams  map[netip.Addr]*streamSite

	total totals
	wg    sync.WaitGroup
}

// totals count over the life of the server.
type totals struct {
	up, down   traffic
	refused    atomic.Uint64
	authFailed atomic.Uint64
	silenced   atomic.Uint64
	quota      atomic.Uint64
}

// traffic counts one direction.
type traffic struct{ packets, bytes, policed atomic.Uint64 }

// New returns a server that serves nothing yet: see Site and Serve.
func New(cfg Config) *Server {
	if cfg.Realm == "" {
		cfg.Realm = "candid"
	}
	if cfg.Own == nil {
		cfg.Own = func(netip.Addr) bool { return false }
	}
	if cfg.MediaPort == nil || cfg.IsMedia == nil {
		cfg.MediaPort = func() uint16 { return 0 }
	}
	if cfg.Advertise == nil {
		cfg.Advertise = func(a netip.Addr) netip.Addr { return a }
	}
	s := &Server{
		cfg: cfg, log: cfg.Logger, now: cfg.Now, limit: cfg.Limits.withDefaults(),
		members:  make(map[Member]*member),
		users:    make(map[string]*credential),
		rooms:    make(map[string]*room),
		sources:  make(map[netip.Addr]int),
		relayed:  make(map[netip.AddrPort]*allocation),
		reserved: make(map[string]reservation),
		sites:    make(map[*site]struct{}),
		hashes:   make(map[userHash]*credential),
		streams:  make(map[netip.Addr]*streamSite),
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.strangers = newLimiter(float64(s.limit.Replies))
	s.known = newLimiter(float64(s.limit.MemberReplies))
	return s
}

// relays reports whether allocations are made at a local address.
func (s *Server) relays(local netip.Addr) bool {
	if local.IsLoopback() {
		return s.cfg.Loopback
	}
	return local.IsValid() && !local.IsUnspecified() && !local.IsLinkLocalUnicast()
}

// relayFrom is where the relayed addresses of clients that come to local are:
// IPv4 where this machine has any (RFC 8656 section 7.2 wants it where nothing
// is said), because two relayed addresses make a pair only if they are of one
// family, and else nobody with IPv6 alone reaches somebody with IPv4 alone.
func (s *Server) relayFrom(local netip.Addr) netip.Addr {
	if local.Is4() {
		return local
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	best := local
	for x := range s.sites {
		a := x.local.Addr().Unmap()
		if !a.Is4() || !s.relays(a) || a.IsLoopback() != local.IsLoopback() {
			continue
		}
		// A public one is reached by most; the order is only to be the same
		// every time.
		if !best.Is4() || best.IsPrivate() && !a.IsPrivate() || best.IsPrivate() == a.IsPrivate() && a.Less(best) {
			best = a
		}
	}
	return best
}

// own reports whether a is this machine's. In loopback mode the loopback
// addresses are everybody's.
func (s *Server) own(a netip.Addr) bool {
	return s.cfg.Own(a) && !(s.cfg.Loopback && a.IsLoopback())
}

// mayReply reports whether one more unproven reply may go to src, and counts
// those that may not.
func (s *Server) mayReply(src netip.Addr) bool {
	l := s.strangers
	s.mu.RLock()
	if s.sources[sourceOf(src)] > 0 {
		l = s.known
	}
	s.mu.RUnlock()
	if l.allow(src, s.now()) {
		return true
	}
	s.total.silenced.Add(1)
	return false
}

// Serve takes TURN connections from l until it is closed. Connections with a
// method Secure() bool tell by it whether they came through TLS. It returns nil
// after l or the server was closed.
func (s *Server) Serve(l net.Listener) error {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept a TURN connection: %w", err)
		}
		if err := s.takeStream(c); err != nil {
			_ = c.Close()
			if errors.Is(err, ErrClosed) {
				return nil
			}
			s.log.Warn("TURN over TCP", "err", err)
		}
	}
}

// Close ends every allocation and connection and waits for what it started.
// Listeners given to Serve are their owner's to close.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	sites, streams := s.sites, s.streams
	s.sites, s.streams = nil, nil
	s.mu.Unlock()
	for x := range sites {
		_ = x.Close()
	}
	for _, x := range streams {
		x.close()
	}
	s.wg.Wait()
	return nil
}
