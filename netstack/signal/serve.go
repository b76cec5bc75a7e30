package signal

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"github.com/gorilla/websocket"
)

// Limits of one connection.
const (
	firstTimeout = 10 * time.Second // from the handshake to the join
	maxFirst     = 2                // first messages: a resume, then a join
	maxFaults    = 10               // messages that make no sense
	messageRate  = 100              // a second; broadcasts count for several
	messageBurst = 400
	byteRate     = 256 << 10 // a second
	byteBurst    = 2 << 20
	chatCost     = 20
	stateCost    = 10
)

// ServeHTTP takes a websocket connection, if there is room for it.
func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	ap, _ := netip.ParseAddrPort(req.RemoteAddr)
	c := &visit{server: s, remote: ap.Addr().Unmap(), from: sourceOf(ap.Addr()), host: req.Host}
	ok, full := s.gate.enter(c.from)
	if !ok {
		s.refused.Add(1)
		w.Header().Set("Retry-After", "5")
		code := http.StatusTooManyRequests
		if full {
			code = http.StatusServiceUnavailable
		}
		http.Error(w, http.StatusText(code), code)
		return
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		s.gate.leave(c.from, true)
		http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
		return
	}
	s.wg.Add(1)
	s.mu.Unlock()
	ws, err := s.upgrader.Upgrade(w, req, nil)
	if err != nil { // answered already
		s.gate.leave(c.from, true)
		s.wg.Done()
		return
	}
	go func() { // so that the HTTP server's goroutine and buffers are freed
		defer s.wg.Done()
		c.serve(ws)
	}()
}

// visit is one connection as its reader sees it.
type visit struct {
	server *Server
	remote netip.Addr
	from   netip.Prefix
	host   string
	sock   *socket
	known  bool // has joined
	member *session
	room   *room
	faults int
}

// serve runs a connection to its end.
func (c *visit) serve(ws *websocket.Conn) {
	defer func() { c.server.gate.leave(c.from, !c.known) }()
	c.sock = newSocket(ws, maxToServer)
	stop := context.AfterFunc(c.server.ctx, c.sock.cut) // strangers are not waited for
	late := time.AfterFunc(firstTimeout, c.sock.cut)
	err := c.server.safely(func() error { return c.admit(ws.Subprotocol()) })
	stop()
	late.Stop()
	if err != nil {
		c.server.refused.Add(1)
		c.sock.refuse(err)
		return
	}
	c.known = true
	c.server.gate.known(c.from)
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.sock.writeLoop(c.member.out, &c.member.received)
	}()
	err = c.server.safely(c.listen)
	_ = c.room.do(c.member, func() { c.end(err) })
	c.sock.drain()
	<-written
	c.room.sockets.Done()
}

// safely runs fn; a panic is counted and costs only this connection.
func (s *Server) safely(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.panics.Add(1)
			s.log.Error("signaling panicked", "cause", p, "stack", string(debug.Stack()))
			err = errFault
		}
	}()
	return fn()
}

var errFault = errors.New("internal error")

// admit reads the first message and finds the room and the member. Errors are
// for the client.
func (c *visit) admit(subprotocol string) error {
	if subprotocol != Subprotocol {
		return &VersionError{Host: Version}
	}
	for range maxFirst {
		f, err := c.sock.read()
		if err != nil {
			return err
		}
		switch f.Type {
		case TypeJoin:
			return c.join(f)
		case TypeResume:
			if err := c.resume(f); !errors.Is(err, errGone) {
				return err
			}
			if err := c.sock.write(0, 0, encode(TypeRefused, refusal(errGone))); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%w: not joined", ErrProtocol)
		}
	}
	return fmt.Errorf("%w: not joined", ErrProtocol)
}

func (c *visit) join(f frame) error {
	var b joinBody
	if err := decode(f.Envelope, &b); err != nil {
		return err
	}
	switch {
	case b.Version != Version:
		return &VersionError{Host: Version, Client: b.Version}
	case !isToken(b.Key, 64) || len(b.Key) < 22:
		return fmt.Errorf("%w: no usable key", ErrProtocol)
	}
	now := time.Now()
	if wait := c.server.failures.wait(c.from, now); wait > 0 {
		return &WaitError{After: wait}
	}
	r, role := c.server.lookup(b.Room, b.Secret)
	if r == nil {
		c.server.failures.add(c.from, now)
		return ErrWrongSecret
	}
	m := newSession(b, c.remote, c.host)
	m.Role = role
	err := errFault
	if e := r.do(nil, func() { err = r.join(m, c.sock) }); e != nil {
		return ErrHostGone
	}
	c.room, c.member = r, m
	return err
}

// lookup returns the room the secret opens, and as whom. It takes the same
// time, and its caller gives the same answer, whether the room does not exist
// or the secret is wrong.
func (s *Server) lookup(name, secret string) (*room, Role) {
	got := s.hash(secret)
	s.mu.Lock()
	r, want := s.rooms[name], s.secrets[name]
	s.mu.Unlock()
	ordinary := subtle.ConstantTimeCompare(got[:], want.ordinary[:]) == 1
	owner := subtle.ConstantTimeCompare(got[:], want.owner[:]) == 1
	switch {
	case r != nil && want.owned && owner:
		return r, Owner
	case r != nil && ordinary:
		return r, Ordinary
	}
	return nil, Stranger
}

func (c *visit) resume(f frame) error {
	var b resumeBody
	if err := decode(f.Envelope, &b); err != nil {
		return err
	}
	if b.Version != Version {
		return &VersionError{Host: Version, Client: b.Version}
	}
	c.server.mu.Lock()
	r := c.server.rooms[b.Room]
	c.server.mu.Unlock()
	if r == nil {
		return errGone
	}
	var m *session
	err := errFault
	if e := r.do(nil, func() { m, err = r.resume(b, c.sock) }); e != nil {
		return errGone
	}
	c.room, c.member = r, m
	return err
}

// refusal is what a client is told.
func refusal(err error) refusedBody {
	b := refusedBody{Code: CodeMalformed, Message: err.Error()}
	for code, e := range map[Code]error{
		CodeDenied: ErrWrongSecret, CodeFull: ErrRoomFull, CodeGone: errGone, CodeRemoved: ErrRemoved,
		CodeVersion: ErrTooOld, CodeWait: ErrTooManyTries, CodeClosed: ErrHostGone,
	} {
		if errors.Is(err, e) {
			b.Code = code
		}
	}
	var v *VersionError
	if errors.As(err, &v) {
		b.Version = v.Host
	}
	var w *WaitError
	if errors.As(err, &w) {
		b.After = int(math.Ceil(w.After.Seconds()))
		b.Message = "too many tries from your address; wait " + strconv.Itoa(b.After) + " seconds"
	}
	return b
}

// listen handles a member's messages until its connection or the member ends.
func (c *visit) listen() error {
	messages, bytes := newBucket(messageRate, messageBurst), newBucket(byteRate, byteBurst)
	for {
		f, err := c.sock.read()
		if c.sock.closing() {
			return nil
		}
		if errors.Is(err, ErrProtocol) {
			err = c.fault(&errorBody{Code: CodeMalformed, Message: err.Error()})
			if err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		now := time.Now()
		// Who is too fast is not cut off but read more slowly.
		wait := max(messages.take(cost(f.Type), now), bytes.take(float64(len(f.Body)), now))
		if !c.sock.pause(wait) {
			return nil
		}
		if err := c.take(f); err != nil {
			return err
		}
	}
}

// cost is what a message counts for.
func cost(typ string) float64 {
	switch typ {
	case TypeChat:
		return chatCost
	case TypeState:
		return stateCost
	}
	return 1
}

// take handles one message. Errors are final.
func (c *visit) take(f frame) error {
	m := c.member
	if !m.out.ack(f.Ack) {
		return fmt.Errorf("%w: acknowledged what was never sent", ErrProtocol)
	}
	if f.Seq == 0 && f.Type != TypeAck && f.Type != TypePing {
		return c.fault(&errorBody{Code: CodeMalformed, Message: "message without a number", Type: f.Type})
	}
	var body found
	var bodyErr error
	if relayed(f.Type) {
		body, bodyErr = inspect(f.Body)
	}
	var answer *errorBody
	gap := false
	err := c.room.do(m, func() {
		if m.sock != c.sock {
			return // a newer connection has taken over
		}
		if f.Seq != 0 {
			have := m.received.Load()
			if f.Seq <= have {
				return // sent again, had it
			}
			if gap = f.Seq != have+1; gap {
				return
			}
			m.received.Store(f.Seq)
		}
		answer = c.room.handle(m, f, body, bodyErr)
	})
	switch {
	case err != nil:
		return err
	case gap:
		return fmt.Errorf("%w: a message is missing", ErrProtocol)
	case answer != nil:
		return c.fault(answer)
	}
	if f.Seq != 0 {
		c.sock.poke() // to acknowledge
	}
	return nil
}

// fault answers a message that was refused. One who sends nonsense again and
// again is cut off.
func (c *visit) fault(b *errorBody) error {
	if !slices.Contains([]Code{CodeNoSuchMember, CodeLimit}, b.Code) { // these may happen to anyone
		if c.faults++; c.faults >= maxFaults {
			return fmt.Errorf("%w: %s", ErrProtocol, b.Message)
		}
	}
	tail := encode(TypeError, b)
	return c.room.do(c.member, func() {
		if c.member.sock == c.sock {
			c.room.push(c.member, message{tail: tail})
		}
	})
}

// end notes that the connection is over, on the room's loop. A lost one may
// come back; who broke the protocol may not.
func (c *visit) end(err error) {
	if c.member.sock != c.sock {
		return // has been taken care of
	}
	if errors.Is(err, ErrProtocol) || errors.Is(err, errFault) {
		c.server.cut.Add(1)
		c.room.remove(c.member, LeftFault, "", closeProtocol, err.Error())
		return
	}
	c.sock.close(0, "", nil)
	c.room.detach(c.member, c.sock)
}
