package signal

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/webrtc/v4"

	"candid/netstack"
	"candid/netstack/fault"
	"candid/netstack/invite"
)

// ServerConfig says what a Server serves and whom it tells. Hooks are called
// one at a time per room, in order; they must not block and must not call
// Server methods that wait (their comments say so).
type ServerConfig struct {
	// ICEServers returns the servers for a member, with credentials of its
	// own, and how long they are valid: new ones are sent in time. Zero:
	// forever. Nil: none.
	ICEServers func(Visitor) ([]webrtc.ICEServer, time.Duration)
	// Planner chooses the paths. It is asked whenever someone joins or leaves
	// and by Replan; the server sets the Revision. Nil: P2P for everyone.
	Planner func(PlanInput) Plan

	// OnChange reports that a room's members, their states or the plan are
	// others than before: see Members and Plan.
	OnChange func(room string)

	OnJoin  func(Visitor)
	OnLeave func(Visitor, Reason) // also of rehearsals, which never joined
	// OnCandidate reports every IP address and port that a member has signaled
	// to another as an ICE candidate.
	OnCandidate func(room string, id netstack.PeerID, at netip.AddrPort)
	// OnMessage takes what members send to netstack.HostID. Nil: such
	// messages are refused.
	OnMessage func(room string, e netstack.Envelope)
	// OnSettings takes what moderators set, to keep it for the next start.
	OnSettings func(room string, s Settings)
	// OnUsed reports that somebody came by a secret whose uses are counted, to
	// keep that for the next start: see Grant.Used.
	OnUsed func(room, secret string, id netstack.PeerID)
	// OnHandOver reports that the owner wants a member to host the room from
	// now on; see Move. Nil: it cannot be.
	OnHandOver func(room string, to netstack.PeerID)

	// Limits; zero means the default.
	MaxSockets      int // 200
	MaxSocketsPerIP int // 20; IPv6: per /64
	MaxStrangers    int // 10: sockets of one IP that have not joined yet
	MaxMembers      int // 100, per room
	MaxMembersAll   int // 1000
	MaxRooms        int // 1000

	Logger *slog.Logger // nil: slog.Default
}

// Visitor is a member as the host process sees it.
type Visitor struct {
	Room   string
	ID     netstack.PeerID
	Name   string
	Remote netip.Addr // where its connection comes from
	// Host is the Host header of its connection: the address by which it
	// reaches this server, and so probably its other ports.
	Host string
	// Paths are the transports its client has; empty: P2P.
	Paths []netstack.Topology
}

// PlanInput is what a plan is made from.
type PlanInput struct {
	Room     string
	Members  []Member          // in order of joining
	Forced   netstack.Topology // by a moderator, for all
	EndToEnd bool
	Previous Plan
	Now      time.Time
}

// Stats counts what a Server has done since it was made.
type Stats struct {
	Rooms, Members, Sockets int // now
	Joined, Resumed         uint64
	Refused                 uint64 // joins, and sockets over a limit
	Cut                     uint64 // members removed for breaking the protocol or a limit
	Panics                  uint64
}

// Server is the signaling half of a host: an http.Handler for Path, with any
// number of rooms. It expects TLS around it.
type Server struct {
	cfg      ServerConfig
	log      *slog.Logger
	upgrader websocket.Upgrader
	salt     [16]byte // of the secrets' hashes
	ctx      context.Context
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	gate     gate
	failures failures
	rate     float64 // messages a second from one member

	joined, resumed, refused, cut atomic.Uint64
	panics                        fault.Counter
	present                       atomic.Int64 // members in all rooms

	mu      sync.Mutex
	closed  bool
	rooms   map[string]*room
	secrets map[string]*secrets
	moved   map[string]*moved // rooms that went to other hosts
}

// NewServer returns a server without rooms. Close must be called.
func NewServer(cfg ServerConfig) *Server {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&cfg.MaxSockets, 200)
	def(&cfg.MaxSocketsPerIP, 20)
	def(&cfg.MaxStrangers, 10)
	def(&cfg.MaxMembers, 100)
	def(&cfg.MaxMembersAll, 1000)
	def(&cfg.MaxRooms, 1000)
	if cfg.Planner == nil {
		cfg.Planner = everyoneDirect
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	s := &Server{
		cfg: cfg, log: cfg.Logger, rate: messageRate, rooms: make(map[string]*room), secrets: make(map[string]*secrets), moved: make(map[string]*moved),
		gate: gate{maxAll: cfg.MaxSockets, maxPerIP: cfg.MaxSocketsPerIP, maxStrangers: cfg.MaxStrangers},
		upgrader: websocket.Upgrader{
			HandshakeTimeout: writeTimeout,
			// Small: hundreds of connections are idle most of the time. Writes
			// borrow a buffer.
			ReadBufferSize:  512,
			WriteBufferSize: 4096,
			WriteBufferPool: &sync.Pool{},
			Subprotocols:    []string{Subprotocol},
		},
	}
	_, _ = rand.Read(s.salt[:])
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.wg.Go(s.sweep)
	return s
}

// everyoneDirect is the plan where nothing better is known.
func everyoneDirect(in PlanInput) Plan {
	p := Plan{Why: "Everyone is connected directly.", Paths: make(map[netstack.PeerID]Hop, len(in.Members))}
	for _, m := range in.Members {
		p.Paths[m.ID] = Hop{Topology: netstack.P2P}
	}
	return p
}

// AddRoom opens a room. There can be one of a name.
func (s *Server) AddRoom(name string, o RoomOptions) error {
	if !invite.IsRoom(name) {
		return fmt.Errorf("open room %q: not a name for a room", name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return ErrClosed
	case s.rooms[name] != nil:
		return fmt.Errorf("open room %q: there is one of this name", name)
	case len(s.rooms) >= s.cfg.MaxRooms:
		return fmt.Errorf("open room %q: %w", name, ErrTooManyRooms)
	}
	s.rooms[name] = newRoom(s, name, o)
	sec := &secrets{owner: s.hash(o.OwnerSecret), owned: o.OwnerSecret != ""}
	if o.Secret != "" {
		sec.guests = []*grant{{hash: s.hash(o.Secret)}}
	}
	for _, g := range o.Grants {
		sec.allow(s.hash(g.Secret), g.Grant)
	}
	s.secrets[name] = sec
	delete(s.moved, name)
	return nil
}

// RemoveRoom closes a room and tells its members why. It waits; not for hooks.
func (s *Server) RemoveRoom(name, why string) error {
	s.mu.Lock()
	r := s.rooms[name]
	delete(s.rooms, name)
	delete(s.secrets, name)
	s.mu.Unlock()
	if r == nil {
		return fmt.Errorf("close room %q: %w", name, ErrNoRoom)
	}
	r.close(why)
	return nil
}

// RemoveMember takes a member out of a room at once and for good: it cannot
// come back with the same identity.
func (s *Server) RemoveMember(name string, id netstack.PeerID, why string) error {
	return s.post(name, func(r *room) {
		if m := r.members[id]; m != nil {
			r.expel(m, why)
		}
	})
}

// Send sends an envelope from netstack.HostID to the member e.To. It does not
// wait. A member that is away gets it when it comes back.
func (s *Server) Send(name string, e netstack.Envelope) error {
	e.From = netstack.HostID
	if err := checkEnvelope(e); err != nil {
		return err
	}
	return s.post(name, func(r *room) {
		if m := r.members[e.To]; m != nil {
			r.push(m, message{peer: netstack.HostID, tail: tailOf(e, 0)})
		}
	})
}

// SendNewest is Send for what replaces an earlier envelope of the same type: if
// that one still waits to be sent, it is dropped.
func (s *Server) SendNewest(name string, e netstack.Envelope) error {
	e.From = netstack.HostID
	if err := checkEnvelope(e); err != nil {
		return err
	}
	return s.post(name, func(r *room) {
		if m := r.members[e.To]; m != nil {
			r.push(m, message{peer: netstack.HostID, tail: tailOf(e, 0), topic: e.Type})
		}
	})
}

// Signaler returns a way to send to the members of a room as
// netstack.HostID, for the server half of a topology.
func (s *Server) Signaler(name string) netstack.Signaler { return hostSignaler{s, name} }

type hostSignaler struct {
	s    *Server
	room string
}

func (h hostSignaler) Send(_ context.Context, e netstack.Envelope) error { return h.s.Send(h.room, e) }

// Replan asks the planner again. It does not wait.
func (s *Server) Replan(name string) error {
	return s.post(name, func(r *room) { r.replan() })
}

// Members returns who is in a room, in order of joining.
func (s *Server) Members(name string) []Member {
	s.mu.Lock()
	r := s.rooms[name]
	s.mu.Unlock()
	if r == nil {
		return nil
	}
	return r.roster()
}

// Plan returns the plan of a room.
func (s *Server) Plan(name string) Plan {
	s.mu.Lock()
	r := s.rooms[name]
	s.mu.Unlock()
	if r == nil {
		return Plan{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.shownPlan
}

// Stats returns what has been counted.
func (s *Server) Stats() Stats {
	st := Stats{
		Joined: s.joined.Load(), Resumed: s.resumed.Load(), Refused: s.refused.Load(),
		Cut: s.cut.Load(), Panics: s.panics.Count(),
	}
	s.gate.mu.Lock()
	st.Sockets = s.gate.all
	s.gate.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Rooms = len(s.rooms)
	for _, r := range s.rooms {
		st.Members += len(r.roster())
	}
	return st
}

// Close closes every room, says so to its members, and waits for everything.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	rooms := s.rooms
	s.rooms = nil
	s.mu.Unlock()
	s.cancel()
	var wg sync.WaitGroup
	for _, r := range rooms {
		wg.Go(func() { r.close("the host stopped") })
	}
	wg.Wait()
	s.wg.Wait()
	return nil
}

func (s *Server) post(name string, fn func(*room)) error {
	s.mu.Lock()
	r := s.rooms[name]
	s.mu.Unlock()
	if r == nil {
		return fmt.Errorf("room %q: %w", name, ErrNoRoom)
	}
	return r.loop.Post(func() { r.guard(nil, func() { fn(r) }) })
}

// sweepEvery is how often rooms look for members who do not answer.
const sweepEvery = 500 * time.Millisecond

func (s *Server) sweep() {
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-t.C:
		}
		s.mu.Lock()
		for _, r := range s.rooms {
			if r.occupied.Load() {
				_ = r.loop.Post(func() { r.guard(nil, func() { r.tick(time.Now()) }) })
			}
		}
		s.mu.Unlock()
	}
}

// hash is how secrets are kept: they are long and random, so one round is
// enough.
func (s *Server) hash(secret string) [sha256.Size]byte {
	return sha256.Sum256(append(s.salt[:len(s.salt):len(s.salt)], secret...))
}

var _ http.Handler = (*Server)(nil)
