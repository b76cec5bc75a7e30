package signal

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// Times of a connection.
const (
	writeTimeout   = 500 * time.Millisecond // a write that blocks longer: nobody reads
	messageTimeout = 15 * time.Second       // from the first byte of a message to its last
	closeTimeout   = 300 * time.Millisecond
	lingerTimeout  = time.Second            // for the other side to close, too
	ackDelay       = 100 * time.Millisecond // acknowledgements wait for a message to ride on
	ackEvery       = 16                     // but not for more than so many
	maxReplies     = 8
)

// Close codes of the websocket, see doc.go.
const (
	textMessage   = websocket.TextMessage
	pingMessage   = websocket.PingMessage
	closeNormal   = websocket.CloseNormalClosure
	closeRoom     = 4000
	closeRefused  = 4001
	closeProtocol = 4002
	closeTooSlow  = 4003
	closeReplaced = 4004
	closeRemoved  = 4005
	closeMoved    = 4006
	closeFault    = 4500
)

// socket is one websocket connection. read is called by one goroutine, and
// writeLoop runs on another; the rest may be called by any and does not block.
type socket struct {
	ws    *websocket.Conn
	since time.Time
	heard atomic.Int64  // when anything last arrived, in ns after since
	wake  chan struct{} // something to do for writeLoop

	pingDue atomic.Bool
	head    []byte // of writeLoop

	mu      sync.Mutex
	replies [][]byte // to be sent unnumbered

	once    sync.Once
	done    chan struct{} // closed by close
	drained chan struct{} // closed when nobody reads any more
	code    int           // what close said
	text    string
	last    []byte
}

// newSocket sets the limits before the first read.
func newSocket(ws *websocket.Conn, limit int64) *socket {
	s := &socket{ws: ws, since: time.Now(), wake: make(chan struct{}, 1), done: make(chan struct{}), drained: make(chan struct{})}
	ws.SetReadLimit(limit)
	s.touch()
	ws.SetPongHandler(func(string) error { s.touch(); return nil })
	ws.SetPingHandler(func(data string) error {
		s.touch()
		err := ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeTimeout))
		if errors.Is(err, websocket.ErrCloseSent) {
			return nil
		}
		return err
	})
	return s
}

func (s *socket) touch() { s.heard.Store(int64(time.Since(s.since))) }

// silence is how long nothing has been heard, by a clock that does not jump.
func (s *socket) silence() time.Duration {
	return time.Since(s.since) - time.Duration(s.heard.Load())
}

// read returns the next message. Whatever happens, a message that has begun
// must end within messageTimeout. Its errors are final.
func (s *socket) read() (frame, error) {
	kind, r, err := s.ws.NextReader()
	if err != nil {
		return frame{}, err
	}
	if kind != textMessage {
		return frame{}, fmt.Errorf("%w: not a text message", ErrProtocol)
	}
	if err := s.ws.SetReadDeadline(time.Now().Add(messageTimeout)); err != nil {
		return frame{}, err
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return frame{}, err
	}
	if err := s.ws.SetReadDeadline(time.Time{}); err != nil {
		return frame{}, err
	}
	s.touch()
	return parseFrame(data)
}

// write sends one message: its head, made here, and its tail.
func (s *socket) write(seq, ack uint64, tail []byte) error {
	s.head = headOf(s.head, seq, ack)
	if err := s.ws.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	w, err := s.ws.NextWriter(textMessage)
	if err != nil {
		return err
	}
	if _, err := w.Write(s.head); err != nil {
		return err
	}
	if _, err := w.Write(tail); err != nil {
		return err
	}
	return w.Close()
}

// askPing makes the writer send a ping.
func (s *socket) askPing() {
	s.pingDue.Store(true)
	s.poke()
}

// reply makes the writer send a message without a number. Who asks faster than
// it takes the answers gets fewer.
func (s *socket) reply(tail []byte) {
	s.mu.Lock()
	if len(s.replies) < maxReplies {
		s.replies = append(s.replies, tail)
	}
	s.mu.Unlock()
	s.poke()
}

func (s *socket) takeReplies() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.replies
	s.replies = nil
	return r
}

func (s *socket) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// close ends the connection: what is queued is still sent, then last, then the
// close code, as far as the other side takes it. With code 0 the connection is
// cut. Only the first call counts.
func (s *socket) close(code int, text string, last []byte) {
	s.once.Do(func() {
		if len(text) > 120 { // RFC 6455 section 5.5: 125 bytes with the code
			text = text[:120]
		}
		s.code, s.text, s.last = code, text, last
		close(s.done)
	})
}

// closing reports whether close was called.
func (s *socket) closing() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// pause waits, and reports whether the connection is still open then.
func (s *socket) pause(d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-s.done:
		return false
	case <-t.C:
		return true
	}
}

// drain takes and drops what still arrives, until the other side or finish
// closes the connection: closing with something unread would reset it, and the
// other side might never see why.
func (s *socket) drain() {
	for {
		if _, _, err := s.ws.NextReader(); err != nil {
			close(s.drained)
			return
		}
	}
}

// finish does what close said, while drain runs. It blocks for at most
// writeTimeout, closeTimeout and lingerTimeout together.
func (s *socket) finish() {
	defer s.cut()
	if s.code == 0 {
		return
	}
	if s.last != nil && s.write(0, 0, s.last) != nil {
		return
	}
	bye := websocket.FormatCloseMessage(s.code, s.text)
	if s.ws.WriteControl(websocket.CloseMessage, bye, time.Now().Add(closeTimeout)) != nil {
		return
	}
	t := time.NewTimer(lingerTimeout)
	defer t.Stop()
	select {
	case <-s.drained:
	case <-t.C:
	}
}

// refuse answers the first message and closes; nobody else uses the socket.
func (s *socket) refuse(err error) {
	b := refusal(err)
	code := closeRefused
	if b.Code == CodeMalformed {
		code = closeProtocol
	}
	s.close(code, b.Message, encode(TypeRefused, b))
	done := make(chan struct{})
	go func() { defer close(done); s.drain() }()
	s.finish()
	<-done
}

// cut ends the connection without a word, at once.
func (s *socket) cut() {
	c := s.ws.NetConn()
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn() // closing TLS properly may wait for the other side
	}
	_ = c.Close()
}

// closeCode returns the code a connection was closed with, or 0.
func closeCode(err error) int {
	var ce *websocket.CloseError
	if errors.As(err, &ce) {
		return ce.Code
	}
	return 0
}
