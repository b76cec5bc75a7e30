package sfu

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"candid/netstack/sfu/batch"

	"github.com/pion/stun/v3"
)

// The host is an ICE lite agent (RFC 8445 section 2.5): its address is known,
// so it only answers checks. It sends to nobody who has not proven, by the
// password in our description, that it is a client of ours and at that address;
// candidates of clients are not even read. So nobody can aim it at others, and
// clients behind any NAT or relay reach it. One thing more than lite: it checks
// back, at once and at that address only, so that a client need not wait for
// its next round to nominate.

// path is an address of a client that passed a check.
type path struct {
	socket batch.Socket
	remote netip.AddrPort
}

const (
	maxPaths     = 8 // addresses of one client
	maxTriggered = 4 // checks back for each address
)

type credentials struct{ ufrag, pwd string }

func newCredentials() credentials { return credentials{rand.Text()[:8], rand.Text()} }

// agent is the ICE half of one connection. Its fields are used by the goroutines
// that read sockets.
type agent struct {
	server *Server
	line   *line // whose it is

	mu       sync.Mutex
	local    []credentials // the newest last; the one before stays good until the newest is used
	remote   credentials
	triggers map[path]int
	order    []path
	closed   bool

	selected atomic.Pointer[path]
	heard    atomic.Int64 // when something authenticated came, Unix nanoseconds
	ready    chan struct{}
	once     sync.Once
}

func newAgent(s *Server, l *line) *agent {
	a := &agent{server: s, line: l, triggers: map[path]int{}, ready: make(chan struct{})}
	a.restart()
	return a
}

// restart makes new credentials.
func (a *agent) restart() credentials {
	c := newCredentials()
	a.mu.Lock()
	a.local = append(a.local, c)
	var old []credentials
	if n := len(a.local); n > 2 {
		old, a.local = a.local[:n-2:n-2], a.local[n-2:]
	}
	a.mu.Unlock()
	a.server.names.add(c.ufrag, a)
	for _, o := range old {
		a.server.names.remove(o.ufrag)
	}
	return c
}

func (a *agent) current() credentials {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.local[len(a.local)-1]
}

func (a *agent) setRemote(c credentials) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.remote == c || a.closed {
		return
	}
	a.remote = c
	for _, at := range a.order { // checks may have been faster than the answer
		a.triggers[at] = 1
		a.triggerLocked(at, a.local[len(a.local)-1].ufrag)
	}
}

func (a *agent) close() {
	a.mu.Lock()
	local, order := a.local, a.order
	a.local, a.order, a.closed = nil, nil, true
	a.mu.Unlock()
	for _, c := range local {
		a.server.names.remove(c.ufrag)
	}
	for _, p := range order {
		a.server.paths.remove(p.remote, a.line)
	}
}

var errCheck = errors.New("ice: not a check for us")

// check handles a Binding request whose user name led here.
func (a *agent) check(m *stun.Message, ufrag string, at path) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := len(a.local) - 1
	for i >= 0 && a.local[i].ufrag != ufrag {
		i--
	}
	if i < 0 {
		return errCheck
	}
	key := stun.NewShortTermIntegrity(a.local[i].pwd)
	if err := key.Check(m); err != nil {
		return fmt.Errorf("ice: check: %w", err)
	}
	a.heard.Store(time.Now().UnixNano())
	answer, err := stun.Build(m, stun.BindingSuccess, &stun.XORMappedAddress{IP: at.remote.Addr().AsSlice(), Port: int(at.remote.Port())}, key, stun.Fingerprint)
	if err != nil {
		return fmt.Errorf("ice: answering a check: %w", err)
	}
	a.admitLocked(at)
	_, _ = at.socket.WriteTo(answer.Raw, at.remote)
	if m.Contains(stun.AttrUseCandidate) {
		a.selectLocked(at)
		return nil
	}
	if n, known := a.triggers[at]; known && n < maxTriggered && a.remote.pwd != "" {
		a.triggers[at]++
		a.triggerLocked(at, ufrag)
	}
	return nil
}

// admitLocked lets packets from a checked address in.
func (a *agent) admitLocked(at path) {
	if _, known := a.triggers[at]; known || a.closed {
		return
	}
	if len(a.order) == maxPaths { // the oldest gives way, if it is not in use
		for i, p := range a.order {
			if s := a.selected.Load(); s == nil || *s != p {
				a.order = append(a.order[:i:i], a.order[i+1:]...)
				delete(a.triggers, p)
				a.server.paths.remove(p.remote, a.line)
				break
			}
		}
	}
	a.triggers[at] = 0
	a.order = append(a.order, at)
	a.server.paths.add(at.remote, a.line)
}

func (a *agent) selectLocked(at path) {
	if s := a.selected.Load(); s == nil || *s != at {
		a.selected.Store(&at)
	}
	a.once.Do(func() { close(a.ready) })
}

// triggerLocked sends a check back (RFC 8445 section 7.3.1.4).
func (a *agent) triggerLocked(at path, ufrag string) {
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(a.remote.ufrag+":"+ufrag),
		priority(0x7E0000FF), tieBreaker(a.server.tieBreaker), stun.NewShortTermIntegrity(a.remote.pwd), stun.Fingerprint)
	if err == nil {
		_, _ = at.socket.WriteTo(m.Raw, at.remote)
	}
}

// priority and tieBreaker are the attributes PRIORITY and ICE-CONTROLLED.
type (
	priority   uint32
	tieBreaker uint64
)

func (p priority) AddTo(m *stun.Message) error {
	m.Add(stun.AttrPriority, binary.BigEndian.AppendUint32(nil, uint32(p)))
	return nil
}

func (t tieBreaker) AddTo(m *stun.Message) error {
	m.Add(stun.AttrICEControlled, binary.BigEndian.AppendUint64(nil, uint64(t)))
	return nil
}

// stun handles a STUN packet. Only requests matter: answers to our own checks
// say nothing new, since their sender has proven itself by its request.
func (s *Server) stun(p []byte, at path) error {
	m := &stun.Message{Raw: append([]byte(nil), p...)}
	if err := m.Decode(); err != nil {
		return fmt.Errorf("ice: %w", err)
	}
	if m.Type != stun.BindingRequest {
		return nil
	}
	var name stun.Username
	if err := name.GetFrom(m); err != nil {
		return fmt.Errorf("ice: %w", err)
	}
	local, _, _ := strings.Cut(name.String(), ":")
	a := s.names.get(local)
	if a == nil {
		return errCheck
	}
	return a.check(m, local, at)
}

// candidateLines are our host candidates (RFC 8839 section 5.1).
func candidateLines(at []netip.AddrPort) []string {
	out := make([]string, 0, len(at))
	for i, a := range at {
		// The first is preferred; RFC 8445 section 5.1.2.1.
		prio := uint32(126)<<24 | uint32(65535-i)<<8 | 255
		out = append(out, fmt.Sprintf("candidate:%d 1 udp %d %s %d typ host", i+1, prio, a.Addr(), a.Port()))
	}
	return out
}
