package signal

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"candid/netstack"
	"candid/netstack/invite"
	"candid/netstack/loop"
)

// room is one room of a server. All but the first block is touched only on its
// loop, by functions that guard protects.
type room struct {
	server   *Server
	name     string
	epoch    string // tells this room from one of the same name before a restart
	loop     *loop.Loop
	occupied atomic.Bool
	sockets  sync.WaitGroup // those of members; Add only while not closed

	members map[netstack.PeerID]*session
	order   []*session // in order of joining
	plan    Plan
	closed  bool

	settings   Settings
	endToEnd   bool
	suspects   map[netip.Prefix]bool // addresses of those removed
	waiting    []*session            // in the lobby, in order of coming
	rehearsals map[netstack.PeerID]*session
	history    history
	gone       []netstack.PeerID // said that they leave
	hands      uint64            // number of the newest raised hand

	mu        sync.Mutex
	snapshot  []Member
	shownPlan Plan
}

func newRoom(s *Server, name string, o RoomOptions) *room {
	return &room{
		server: s, name: name, epoch: invite.NewSecret(), loop: loop.New(context.Background()),
		members: make(map[netstack.PeerID]*session), plan: Plan{Paths: map[netstack.PeerID]Hop{}},
		rehearsals: make(map[netstack.PeerID]*session), settings: o.Settings, endToEnd: o.EndToEnd, suspects: make(map[netip.Prefix]bool),
	}
}

// guard runs fn; a panic in it costs the member it was for, and nobody else.
func (r *room) guard(m *session, fn func()) {
	r.server.panics.Guard(r.server.log, fn, func() {
		if m != nil && r.members[m.ID] == m {
			r.remove(m, LeftFault, "", closeFault, "internal error")
		}
	})
}

// do runs fn on the loop, for member m if there is one, and waits for it.
func (r *room) do(m *session, fn func()) error {
	return r.loop.Do(func() { r.guard(m, fn) })
}

// roster returns the members, from any goroutine.
func (r *room) roster() []Member {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.snapshot)
}

func (r *room) changed() {
	list := make([]Member, len(r.order))
	for i, m := range r.order {
		list[i] = m.Member
	}
	r.occupy()
	r.mu.Lock()
	r.snapshot = list
	r.mu.Unlock()
	r.tellHost()
}

// occupy notes whether there is anybody to look after.
func (r *room) occupy() { r.occupied.Store(len(r.order)+len(r.waiting)+len(r.rehearsals) > 0) }

func (r *room) tellHost() {
	if r.server.cfg.OnChange != nil {
		r.server.cfg.OnChange(r.name)
	}
}

// close tells everyone why and waits for their connections.
func (r *room) close(why string) {
	r.end(closeRoom, why, encode(TypeClosed, closedBody{Why: why, Code: CodeClosed}), ErrHostGone)
}

// end ends all connections with a code and a last message, those in the lobby
// with a refusal, and waits for them.
func (r *room) end(code int, why string, last []byte, refused error) {
	_ = r.do(nil, func() {
		r.closed = true
		for _, m := range slices.Clone(r.order) {
			if m.sock != nil {
				m.sock.close(code, why, last)
			}
			r.drop(m)
			r.left(m, LeftItself)
		}
		for _, w := range slices.Clone(r.waiting) {
			r.sendAway(w, refused)
		}
		for _, m := range r.rehearsals {
			r.endRehearsal(m, code, why)
		}
		r.changed()
	})
	r.sockets.Wait()
	r.loop.Close()
}

// push queues a message for a member; one whose queue is full is removed, for
// it could never catch up without a gap.
func (r *room) push(m *session, msg message) {
	if m.guest {
		return // takes no messages
	}
	if m.out.push(msg) != nil {
		r.server.cut.Add(1)
		r.remove(m, LeftTooSlow, "", closeTooSlow, "messages were not taken")
	}
}

// broadcast queues a message for everyone but one.
func (r *room) broadcast(except *session, msg message) {
	for _, m := range slices.Clone(r.order) {
		if m != except && r.members[m.ID] == m {
			r.push(m, msg)
		}
	}
}

// join takes a newcomer in, or into the lobby. The socket's first message is
// its welcome, or the word that it waits.
func (r *room) join(m *session, s *socket) error {
	if r.closed {
		return ErrHostGone
	}
	if slices.Contains(r.settings.Removed, m.ID) {
		return ErrRemoved
	}
	if in, waits := r.opens(m); waits {
		return r.hold(m, s)
	} else if !in {
		return ErrLocked
	}
	if old := r.members[m.ID]; old != nil { // the same key: the client lost its session
		r.remove(old, LeftReplaced, "", closeReplaced, "joined again")
	}
	if r.full() {
		return ErrRoomFull
	}
	r.enter(m, s)
	r.sockets.Add(1) // last: now the connection is sure to be run
	return nil
}

// full reports whether there is no place for one more.
func (r *room) full() bool {
	cfg := r.server.cfg
	return len(r.order) >= cfg.MaxMembers || r.server.present.Load() >= int64(cfg.MaxMembersAll)
}

// unique is a name that looks like nobody else's here.
func (r *room) unique(name string) string {
	return uniqueName(name, func(l string) bool {
		return slices.ContainsFunc(r.order, func(o *session) bool { return looks(o.Name) == l })
	})
}

// enter makes a newcomer a member.
func (r *room) enter(m *session, s *socket) {
	m.Name = r.unique(m.Name)
	if m.Role == Ordinary && slices.Contains(r.settings.Moderators, m.ID) {
		m.Role = Moderator
	}
	if r.settings.guarded() {
		r.set(func(s *Settings) { s.Known = note(s.Known, m.ID) })
	}
	m.room, m.sock, m.Connected = r, s, true
	r.members[m.ID] = m
	r.order = append(r.order, m)
	r.gone = slices.DeleteFunc(r.gone, func(id netstack.PeerID) bool { return id == m.ID })
	r.server.present.Add(1)
	r.raise(m)
	r.changed()
	r.server.joined.Add(1)
	if r.server.cfg.OnJoin != nil {
		r.server.cfg.OnJoin(m.visitor())
	}
	replanned := r.choose()
	servers := m.servers(time.Now())
	s.reply(encode(TypeWelcome, welcomeBody{
		Version: Version, ID: m.ID, Token: m.token, Members: r.roster(), Gone: slices.Clone(r.gone), Servers: servers,
		Plan: r.plan, State: r.state(m), Chat: r.history.lines, Epoch: r.epoch, Resume: int(resumeTime / time.Second),
	}))
	m.out.rewind(s, 0)
	r.broadcast(m, message{tail: encode(TypeJoined, m.Member)})
	if replanned {
		r.tellPlan(m)
	}
}

// resume puts a member's session on a new connection.
func (r *room) resume(b resumeBody, s *socket) (*session, error) {
	m := r.members[b.ID]
	if r.closed || m == nil || !m.resumes(b) {
		return nil, errGone
	}
	m.attempt = b.Attempt
	if m.sock != nil {
		m.sock.close(closeReplaced, "resumed on another connection", nil)
	}
	if !m.out.rewind(s, b.Received) {
		r.remove(m, LeftFault, "", closeProtocol, "lost what it had received")
		return nil, errGone
	}
	s.reply(encode(TypeResumed, resumedBody{Received: m.received.Load()}))
	m.sock = s
	r.server.resumed.Add(1)
	r.setConnected(m, true)
	r.sockets.Add(1)
	return m, nil
}

// detach notes that a member's connection is gone.
func (r *room) detach(m *session, s *socket) {
	if m.Role == Waiting && m.sock == s {
		r.unhold(m)
		r.tellRoom()
		return
	}
	r.endRehearsal(m, closeNormal, "")
	if m.sock != s || r.members[m.ID] != m {
		return
	}
	m.sock, m.lostAt = nil, time.Now()
	r.setConnected(m, false)
}

func (r *room) setConnected(m *session, connected bool) {
	if m.Connected == connected {
		return
	}
	m.Connected = connected
	r.changed()
	r.tellChanged(m)
}

// tellChanged tells everyone what a member is like now. Its token names this
// stay of the member in the room.
func (r *room) tellChanged(m *session) {
	r.broadcast(nil, message{tail: encode(TypeChanged, m.Member), topic: m.token})
}

func (r *room) tellPlan(except *session) {
	r.broadcast(except, message{tail: encode(TypePlan, r.plan), topic: "plan"})
}

// remove takes a member out and tells the others. code and text are for the
// member's own connection.
func (r *room) remove(m *session, why Reason, said string, code int, text string) {
	if r.members[m.ID] != m {
		r.endRehearsal(m, code, text)
		return
	}
	if m.sock != nil {
		var last []byte
		if why == LeftRemoved {
			last = encode(TypeClosed, closedBody{Why: text, Code: CodeRemoved})
		}
		m.sock.close(code, text, last)
	}
	r.drop(m)
	if why == LeftItself {
		r.gone = note(r.gone, m.ID)
	}
	m.State.HandRaised = false
	r.raise(m)
	r.changed()
	r.broadcast(nil, message{tail: encode(TypeLeft, leftBody{ID: m.ID, Why: why, Said: said})})
	r.left(m, why)
	r.replan()
}

// drop forgets a member.
func (r *room) drop(m *session) {
	if r.members[m.ID] == m {
		r.server.present.Add(-1)
	}
	delete(r.members, m.ID)
	r.order = slices.DeleteFunc(r.order, func(o *session) bool { return o == m })
	m.sock = nil
}

func (r *room) left(m *session, why Reason) {
	if m.guest {
		return // the host process let it in
	}
	if r.server.cfg.OnLeave != nil {
		r.server.cfg.OnLeave(m.visitor(), why)
	}
}

// choose asks the planner and reports whether the plan is a new one.
func (r *room) choose() bool {
	p := r.server.cfg.Planner(PlanInput{
		Room: r.name, Members: r.roster(), Forced: r.settings.Forced, EndToEnd: r.endToEnd, Previous: r.plan, Now: time.Now(),
	})
	if p.Why == r.plan.Why && maps.Equal(p.Paths, r.plan.Paths) {
		return false
	}
	p.Revision = r.plan.Revision + 1
	if p.Paths == nil {
		p.Paths = map[netstack.PeerID]Hop{}
	}
	r.plan = p
	r.mu.Lock()
	r.shownPlan = p
	r.mu.Unlock()
	r.tellHost()
	return true
}

func (r *room) replan() {
	if len(r.order) > 0 && r.choose() {
		r.tellPlan(nil)
	}
}

// Times of a member who does not answer.
const (
	pingEvery  = 3                // sweeps
	deafAfter  = 4 * time.Second  // others are told
	cutAfter   = 25 * time.Second // the connection is given up
	slowAfter  = 2 * time.Second  // without acknowledging: the same
	resumeTime = 60 * time.Second // the member is
)

// tick looks after every member.
func (r *room) tick(now time.Time) {
	r.tickWaiting()
	r.tickRehearsals(now)
	for _, m := range slices.Clone(r.order) {
		if r.members[m.ID] != m || m.guest {
			continue
		}
		if m.sock == nil {
			if now.Sub(m.lostAt) >= resumeTime {
				r.remove(m, LeftLost, "", closeNormal, "")
			}
			continue
		}
		silence := m.sock.silence()
		r.setConnected(m, silence < deafAfter)
		if silence >= cutAfter || m.out.held(now) >= slowAfter {
			s := m.sock
			s.close(0, "", nil)
			r.detach(m, s)
			continue
		}
		if m.sweeps++; m.sweeps%pingEvery == 0 {
			m.sock.askPing()
		}
		if !m.renew.IsZero() && now.After(m.renew) {
			r.push(m, message{tail: encode(TypeServers, serversBody{Servers: m.servers(now)}), topic: "servers"})
		}
	}
}

// errGone: there is no such session to resume.
var errGone = errors.New("no such session")
