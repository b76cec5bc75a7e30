package signal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
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
	s.panics.Guard(s.log, func() { err = fn() }, func() { err = errFault })
	return err
}

var errFault = errors.New("internal error")

// listen handles a member's messages until its connection or the member ends.
func (c *visit) listen() error {
	messages, bytes := newBucket(c.server.rate, messageBurst), newBucket(byteRate, byteBurst)
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
	case TypeState, TypeForce, TypeMute, TypeMuteAll, TypeLowerHand, TypeLock, TypeUnlock, TypeLobbyOn, TypeLobbyOff, TypeForceRoom:
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
		if c.member.Role == Waiting {
			c.room.sendAway(c.member, err)
			return
		}
		c.room.remove(c.member, LeftFault, "", closeProtocol, err.Error())
		return
	}
	c.sock.close(0, "", nil)
	c.room.detach(c.member, c.sock)
}
