package relay

import (
	"crypto/rand"
	"encoding/base64"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/turn/v4"
)

// Credential is what a member presents to the relay (RFC 8489 section 9.2).
type Credential struct {
	Username, Password string
	Expires            time.Time // for new allocations
}

// keptCredentials of one member: those of the joins and renewals before are
// still in use by its connections.
const keptCredentials = 4

type credential struct {
	Credential
	key    []byte
	member *member
}

// member is somebody who may use the relay, and what he uses of it.
type member struct {
	Member
	room *room
	from netip.Addr // of the signaling connection
	// near tells that the member is on a network of the host, and not
	// somewhere in the internet.
	near bool

	credentials []*credential               // with Server.mu
	allocations map[*allocation]struct{}    // with Server.mu
	candidates  map[netip.AddrPort]struct{} // with room.mu

	up, down             traffic
	upBucket, downBucket *bucket
	refused              atomic.Uint64
}

// room is who may be relayed to whom. Its lock is the only one a packet takes
// apart from its allocation's.
type room struct {
	name string

	mu      sync.RWMutex
	members map[*member]struct{}
	relayed map[netip.AddrPort]*allocation
	// Candidates by address with port, and by address alone.
	exact map[netip.AddrPort]claim
	hosts map[netip.Addr]claim
}

// claim says who signaled an address.
type claim struct {
	by   *member
	more bool // others too
}

// byAnother reports whether somebody other than m signaled it: nobody opens
// the relay to an address by himself.
func (c claim) byAnother(m *member) bool { return c.by != nil && (c.more || c.by != m) }

func (c claim) and(m *member) claim {
	if c.by == nil || c.by == m {
		return claim{m, c.more}
	}
	return claim{c.by, true}
}

// Issue gives a member a new credential. from is where his signaling
// connection comes from. Earlier credentials of his stay good.
func (s *Server) Issue(id Member, from netip.Addr) (Credential, error) {
	var random [8 + 16]byte
	_, _ = rand.Read(random[:]) // never fails
	text := base64.RawURLEncoding.EncodeToString
	c := &credential{Credential: Credential{
		Username: text(random[:8]),
		Password: text(random[8:]),
		Expires:  s.now().Add(s.limit.TTL),
	}}
	c.key = turn.GenerateAuthKey(c.Username, s.cfg.Realm, c.Password)

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return Credential{}, ErrClosed
	}
	m := s.members[id]
	if m == nil {
		m = s.newMemberLocked(id)
	}
	s.placeLocked(m, from.Unmap())
	if len(m.credentials) == keptCredentials {
		s.forgetLocked(m.credentials[0])
		m.credentials = m.credentials[1:]
	}
	c.member = m
	m.credentials = append(m.credentials, c)
	s.users[c.Username] = c
	s.hashes[hashUser(c.Username, s.cfg.Realm)] = c
	return c.Credential, nil
}

func (s *Server) forgetLocked(c *credential) {
	delete(s.users, c.Username)
	delete(s.hashes, hashUser(c.Username, s.cfg.Realm))
}

func (s *Server) newMemberLocked(id Member) *member {
	r := s.rooms[id.Room]
	if r == nil {
		r = &room{
			name:    id.Room,
			members: make(map[*member]struct{}),
			relayed: make(map[netip.AddrPort]*allocation),
			exact:   make(map[netip.AddrPort]claim),
			hosts:   make(map[netip.Addr]claim),
		}
		s.rooms[id.Room] = r
	}
	m := &member{
		Member: id, room: r,
		allocations: make(map[*allocation]struct{}),
		candidates:  make(map[netip.AddrPort]struct{}),
		upBucket:    newBucket(float64(s.limit.Bitrate)/8, float64(s.limit.Burst)),
		downBucket:  newBucket(float64(s.limit.Bitrate)/8, float64(s.limit.Burst)),
	}
	s.members[id] = m
	r.mu.Lock()
	r.members[m] = struct{}{}
	r.mu.Unlock()
	return m
}

// placeLocked notes where a member's signaling comes from; he may have moved.
func (s *Server) placeLocked(m *member, from netip.Addr) {
	from = from.WithZone("")
	if m.from.IsValid() {
		s.leavePlaceLocked(m)
	}
	m.room.mu.Lock()
	m.from, m.near = from, isSpecial(from)
	m.room.mu.Unlock()
	s.sources[sourceOf(from)]++
}

func (s *Server) leavePlaceLocked(m *member) {
	src := sourceOf(m.from)
	if s.sources[src]--; s.sources[src] == 0 {
		delete(s.sources, src)
	}
}

// Revoke takes all from a member who left: his credentials, his candidates,
// and his allocations, which end at once.
func (s *Server) Revoke(id Member) {
	s.mu.Lock()
	m := s.members[id]
	if m == nil {
		s.mu.Unlock()
		return
	}
	delete(s.members, id)
	for _, c := range m.credentials {
		s.forgetLocked(c)
	}
	s.leavePlaceLocked(m)
	if m.room.leave(m) {
		delete(s.rooms, id.Room)
	}
	var open []io.Closer
	for a := range m.allocations {
		open = append(open, a.sock) // pion ends the allocation by it
		if t, ok := a.client.(*stream); ok {
			open = append(open, t)
		}
	}
	s.mu.Unlock()
	for _, c := range open {
		_ = c.Close()
	}
}

// leave takes m and his candidates out and reports whether the room is empty.
func (r *room) leave(m *member) (empty bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.members, m)
	clear(r.exact)
	clear(r.hosts)
	for o := range r.members {
		for c := range o.candidates {
			r.claimLocked(o, c)
		}
	}
	return len(r.members) == 0
}

func (r *room) claimLocked(m *member, c netip.AddrPort) {
	r.exact[c] = r.exact[c].and(m)
	r.hosts[c.Addr()] = r.hosts[c.Addr()].and(m)
}

// lookup finds who a user name belongs to.
func (s *Server) lookup(user string) *credential {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.users[user]
}

// reservation is an allocation that was allowed and is not there yet.
type reservation struct {
	member *member
	until  time.Time
}

// reservedFor bounds the time pion takes from the quota's yes to the
// allocation, on a machine in trouble.
const reservedFor = 10 * time.Second

func clientKey(a net.Addr) string { return a.Network() + " " + a.String() }

// reserve reports whether a member may have one more allocation, and holds a
// place for it: many may be asked for at once.
func (s *Server) reserve(user, _ string, client net.Addr) bool {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.users[user]
	if c == nil || s.closed {
		return false
	}
	mine := len(c.member.allocations)
	for k, r := range s.reserved {
		switch {
		case now.After(r.until):
			delete(s.reserved, k)
		case r.member == c.member:
			mine++
		}
	}
	if mine >= s.limit.PerMember || len(s.relayed)+len(s.reserved) >= s.limit.Total {
		s.total.quota.Add(1)
		return false
	}
	s.reserved[clientKey(client)] = reservation{c.member, now.Add(reservedFor)}
	return true
}

// unreserve gives a place back that was not taken.
func (s *Server) unreserve(client net.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.reserved, clientKey(client))
}
