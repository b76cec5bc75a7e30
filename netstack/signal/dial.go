package signal

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"candid/netstack/invite"
)

// Times of connecting.
const (
	stagger        = 150 * time.Millisecond // between the starts of attempts at two addresses
	attemptTimeout = 5 * time.Second        // for TCP and TLS at one address
	connectTimeout = 12 * time.Second       // for everything
)

// reach connects to the first address that answers with the right certificate.
// The others are tried at the same time, each a little after the one before,
// and given up then. The error is a *DialError, or the context's.
func (c *Client) reach(ctx context.Context, addresses []string) (*tls.Conn, string, error) {
	type result struct {
		i    int
		conn *tls.Conn
		err  error
	}
	outer := ctx
	ctx, cancel := context.WithCancel(ctx)
	results := make(chan result, len(addresses))
	var wg sync.WaitGroup
	attempts := make([]Attempt, len(addresses))
	started, failed := 0, 0
	start := func() {
		i := started
		started++
		attempts[i].Address = addresses[i]
		wg.Go(func() {
			conn, err := c.secure(ctx, addresses[i])
			results <- result{i, conn, err}
		})
	}
	defer func() { // close the losers
		cancel()
		wg.Wait()
		close(results)
		for r := range results {
			if r.conn != nil {
				_ = r.conn.NetConn().Close()
			}
		}
	}()
	timer := time.NewTimer(stagger)
	defer timer.Stop()
	for start(); failed < len(addresses); {
		select {
		case r := <-results:
			if r.err == nil {
				return r.conn, addresses[r.i], nil
			}
			attempts[r.i].Err = r.err
			failed++
			if started < len(addresses) {
				start()
			}
		case <-timer.C:
			if started < len(addresses) {
				start()
				timer.Reset(stagger)
			}
		}
	}
	if err := outer.Err(); errors.Is(err, context.Canceled) {
		return nil, "", err
	}
	return nil, "", &DialError{Attempts: attempts}
}

// secure connects to one address by TCP and TLS. Nothing is sent over it
// unless the pin is right.
func (c *Client) secure(ctx context.Context, address string) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	raw, err := c.cfg.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	cfg := c.TLS()
	cfg.NextProtos = []string{"http/1.1"}
	conn := tls.Client(raw, cfg)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return conn, nil
}

// open makes a websocket connection to the host.
func (c *Client) open(ctx context.Context) (*socket, string, error) {
	c.mu.Lock()
	addresses := slices.Clone(c.invite.Addresses)
	if i := slices.Index(addresses, c.address); i > 0 { // the one that worked goes first
		addresses = slices.Insert(slices.Delete(addresses, i, i+1), 0, c.address)
	}
	c.mu.Unlock()
	conn, address, err := c.reach(ctx, addresses)
	if err != nil {
		return nil, "", err
	}
	d := websocket.Dialer{
		NetDialTLSContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil },
		HandshakeTimeout:  attemptTimeout,
		ReadBufferSize:    4096,
		WriteBufferSize:   4096,
		Subprotocols:      []string{Subprotocol},
	}
	ws, resp, err := d.DialContext(ctx, "wss://"+address+Path, nil)
	if err != nil {
		_ = conn.NetConn().Close()
		return nil, "", notAHost(address, resp, err)
	}
	return newSocket(ws, maxToClient), address, nil
}

// notAHost explains a websocket handshake that failed.
func notAHost(address string, resp *http.Response, err error) error {
	if !errors.Is(err, websocket.ErrBadHandshake) {
		return &DialError{Attempts: []Attempt{{address, fmt.Errorf("websocket: %w", err)}}}
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return fmt.Errorf("%s: %w", address, ErrBusy)
	}
	return fmt.Errorf("%s: %w (it says %s)", address, ErrNotAHost, resp.Status)
}

// connect makes a connection and resumes the session on it, or joins if there
// is none.
func (c *Client) connect(ctx context.Context) (*socket, error) {
	limited, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	s, address, err := c.open(limited)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, s.cut)
	late := time.AfterFunc(connectTimeout, s.cut)
	err = c.introduce(s, address, func() { late.Stop() })
	late.Stop()
	if !stop() {
		err = errors.Join(ctx.Err(), err)
	}
	var moved *MovedError
	if errors.As(err, &moved) {
		c.mu.Lock()
		err = c.movedLocked(moved.Invite.String())
		c.mu.Unlock()
	}
	if err != nil {
		s.cut()
		return nil, err
	}
	return s, nil
}

// introduce resumes the session or joins. patient is called when that may take
// as long as a moderator likes.
func (c *Client) introduce(s *socket, address string, patient func()) error {
	c.mu.Lock()
	resume := c.resumeLocked()
	c.mu.Unlock()
	if resume != nil {
		var b resumedBody
		err := ask(s, TypeResume, resume, TypeResumed, &b, nil)
		if err == nil {
			return c.resumed(s, address, b)
		}
		if !errors.Is(err, errGone) {
			return err
		}
	}
	c.mu.Lock()
	join := joinBody{
		Version: Version, Room: c.invite.Room, Secret: c.invite.Secret, Key: c.key,
		Name: c.cfg.Name, State: c.state, Capabilities: c.cfg.Capabilities,
	}
	c.mu.Unlock()
	done := make(chan struct{})
	var watch sync.WaitGroup
	defer watch.Wait()
	defer close(done)
	var b welcomeBody
	typ := TypeJoin
	if c.cfg.Rehearse {
		typ = TypeRehearse
	}
	err := ask(s, typ, join, TypeWelcome, &b, func() {
		patient()
		c.waited.Store(true)
		watch.Go(func() { cutSilent(s, done) })
		if c.cfg.OnWaiting != nil {
			c.cfg.OnWaiting()
		}
	})
	if err != nil {
		return err
	}
	return c.welcomed(s, address, b)
}

// cutSilent ends a connection in the lobby over which nothing comes any more.
func cutSilent(s *socket, done <-chan struct{}) {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-done:
			return
		case <-t.C:
			if s.silence() > silentAfter {
				s.cut()
			}
		}
	}
}

// ask sends the first message and reads its answer. held is called once if
// that is to wait in the lobby.
func ask(s *socket, typ string, body any, want string, answer any, held func()) error {
	if err := s.write(0, 0, encode(typ, body)); err != nil {
		return fmt.Errorf("send %s: %w", typ, err)
	}
	waiting := false
	for {
		f, err := s.read()
		if err != nil {
			return fmt.Errorf("wait for %s: %w", want, err)
		}
		switch {
		case f.Type == want:
			return decode(f.Envelope, answer)
		case f.Type == TypeRefused:
			var b refusedBody
			if err := decode(f.Envelope, &b); err != nil {
				return err
			}
			return b.err()
		case f.Type == TypeWaiting && held != nil && !waiting:
			waiting = true
			held()
		case !waiting:
			return fmt.Errorf("%w: %s instead of %s", ErrProtocol, f.Type, want)
		}
	}
}

// err is what a refusal means.
func (b refusedBody) err() error {
	switch b.Code {
	case CodeDenied:
		return ErrWrongSecret
	case CodeFull:
		return ErrRoomFull
	case CodeVersion:
		return &VersionError{Host: b.Version, Client: Version}
	case CodeWait:
		return &WaitError{After: time.Duration(b.After) * time.Second}
	case CodeGone:
		return errGone
	case CodeRemoved:
		return ErrRemoved
	case CodeClosed:
		return ErrHostGone
	case CodeLocked:
		return ErrLocked
	case CodeNotLetIn:
		return ErrDenied
	case CodeExpired:
		return ErrExpired
	case CodeMoved:
		if to, err := invite.Parse(b.Invite); err == nil {
			return &MovedError{to}
		}
	}
	return fmt.Errorf("%w: refused: %s", ErrProtocol, cut(cleanText(b.Message, false), maxSaid, maxSaid))
}
