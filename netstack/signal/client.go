package signal

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"candid/netstack"
	"candid/netstack/identity"
	"candid/netstack/invite"
	"candid/netstack/unbounded"
)

// ClientConfig says which room to join, and as whom.
type ClientConfig struct {
	Invite       invite.Invite
	Name         string
	State        State
	Capabilities Capabilities
	// OnWaiting is called when the room has a lobby and this client waits in it
	// to be let in. It must not block nor call the client. Nil: nobody cares.
	OnWaiting func()

	// Rehearse tries the line to the members without joining: they are not told,
	// and the client is cut after 20 s. It does not come back by itself.
	Rehearse bool

	// Roots are the authorities trusted for hosts known by their name; nil means
	// the system's.
	Roots *x509.CertPool

	// DialContext makes TCP connections; nil means a net.Dialer.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// Backoff is how long to wait before the n-th attempt to come back,
	// counted from 0; nil means 0, 0.3, 1.2, 2.7, 4.8 and then every 7 s.
	Backoff func(n int) time.Duration
	Logger  *slog.Logger // nil: slog.Default
}

// Client is a member's connection to a room. It is a netstack.Signaler. It
// reconnects by itself and is done when a RoomClosed event says so, or after
// Close. Its methods may be called from any goroutine.
type Client struct {
	cfg    ClientConfig
	log    *slog.Logger
	key    string // proves that the id is ours, also to a host that was restarted
	events *unbounded.Channel[Event]
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	hurry  chan struct{} // Wake

	out      *outbox
	received atomic.Uint64
	waited   atomic.Bool // has been in the lobby

	once sync.Once
	mu   sync.Mutex
	view // what is known of the room
	done bool
}

// leaveTimeout bounds how long Leave waits for the host to hear it.
const leaveTimeout = time.Second

// Dial joins the room of an invite. It tries all addresses and returns when
// the host has let the client in, with Welcomed as the first event, or with
// the reason why not: a *DialError, ErrWrongSecret, ErrExpired, ErrRoomFull,
// ErrLocked, ErrDenied, ErrNotEncrypted, a *VersionError, a *WaitError, ErrBusy, ErrNotAHost,
// ErrRemoved or the context's error. Close must be called.
func Dial(ctx context.Context, cfg ClientConfig) (*Client, error) {
	if err := cfg.Invite.Check(); err != nil {
		return nil, fmt.Errorf("join a room: %w", err)
	}
	if cfg.DialContext == nil {
		cfg.DialContext = (&net.Dialer{}).DialContext
	}
	if cfg.Backoff == nil {
		cfg.Backoff = backoff
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	c := &Client{
		cfg: cfg, log: cfg.Logger, key: invite.NewSecret(), events: unbounded.New[Event](),
		hurry: make(chan struct{}, 1), out: &outbox{},
	}
	c.view = view{invite: cfg.Invite, state: cfg.State, numbers: make(map[netstack.PeerID]uint64)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	s, err := c.first(ctx)
	if err != nil {
		c.cancel()
		c.events.Close()
		return nil, err
	}
	c.wg.Go(func() { c.run(s) })
	return c, nil
}

// first connects. Once in the lobby, a lost connection is no reason to give
// up, and neither is that the room has moved.
func (c *Client) first(ctx context.Context) (*socket, error) {
	for n := 0; ; n++ {
		s, err := c.connect(ctx)
		var moved *MovedError
		again := errors.As(err, &moved) && n == 0 || c.waited.Load() && !final(err)
		if err == nil || !again {
			return s, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(c.cfg.Backoff(n)):
		}
	}
}

// Events yields what happened, in order. It is closed after RoomClosed and
// after Close.
func (c *Client) Events() <-chan Event { return c.events.Out() }

// ID returns the client's own id. It stays the same.
func (c *Client) ID() netstack.PeerID {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.id
}

// TLS returns a configuration for connections to the host, wherever the room is
// by then.
func (c *Client) TLS() *tls.Config { return identity.ClientConfigBy(c.trust) }

func (c *Client) trust() identity.Trust {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := TrustOf(c.invite)
	t.Roots = c.cfg.Roots
	return t
}

// TrustOf is whom an invite leads to.
func TrustOf(i invite.Invite) identity.Trust { return identity.Trust{Pin: i.Pin, Name: i.Name()} }

// Members returns who is in the room as of the newest event, the client itself
// included.
func (c *Client) Members() []Member {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.members)
}

// Servers returns the newest ICE servers.
func (c *Client) Servers() []webrtc.ICEServer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.servers)
}

// Send queues an envelope for another member or netstack.HostID. It does not
// block. The envelope arrives once and in order, also when the connection or
// the host fails in between; the error says why it never will.
func (c *Client) Send(_ context.Context, e netstack.Envelope) error {
	e.From = "" // the host knows
	if err := checkEnvelope(e); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent++
	return c.queueLocked(e.To, tailOf(e, c.sent))
}

// SetState tells everyone. It does not block.
func (c *Client) SetState(s State) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state = s
	return c.queueLocked("", encode(TypeState, s))
}

// Chat sends a line of text to everyone; it comes back as ChatReceived. It
// does not block.
func (c *Client) Chat(text string) error {
	raw, err := json.Marshal(struct {
		Text string `json:"text"`
	}{text})
	if err != nil {
		return fmt.Errorf("send a line of chat: %w", err)
	}
	if len(text) > maxChat {
		return fmt.Errorf("chat of %d bytes, %d are allowed: %w", len(text), maxChat, ErrTooLarge)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent++
	return c.queueLocked("", tailOf(netstack.Envelope{Type: TypeChat, Body: raw}, c.sent))
}

// queueLocked queues a message, or holds it for a member who is expected back.
func (c *Client) queueLocked(to netstack.PeerID, tail []byte) error {
	if c.done {
		return ErrClosed
	}
	if g := c.ghosts[to]; g != nil {
		if len(g.held) >= maxUnackedFrom {
			return ErrQueueFull
		}
		g.held = append(g.held, tail)
		return nil
	}
	if c.out.push(message{peer: to, tail: tail}) != nil {
		return ErrQueueFull
	}
	return nil
}

// Wake makes a client that waits to try again do so now. Call it when the
// network has changed.
func (c *Client) Wake() {
	select {
	case c.hurry <- struct{}{}:
	default:
	}
}

// Leave leaves the room with some words for the others, which may be empty,
// and closes the client. It waits for everything the client started, and for
// the host at most leaveTimeout.
func (c *Client) Leave(said string) error {
	c.once.Do(func() {
		c.mu.Lock()
		if !c.done && c.out.push(message{tail: encode(TypeLeave, leaveBody{Said: said})}) != nil {
			c.cancel() // no room for one more
		}
		c.done = true
		if c.sock == nil {
			c.cancel() // the host is away and will find out
		}
		c.mu.Unlock()
		t := time.AfterFunc(leaveTimeout, c.cancel)
		c.wg.Wait()
		t.Stop()
		c.cancel()
		c.events.Close()
	})
	return nil
}

// Close is Leave without words.
func (c *Client) Close() error { return c.Leave("") }

// backoff is the wait before the n-th attempt to come back.
func backoff(n int) time.Duration {
	waits := [...]time.Duration{0, 300, 1200, 2700, 4800, 7000}
	return waits[min(n, len(waits)-1)] * time.Millisecond
}

// final reports whether an error is one that trying again does not mend.
func final(err error) bool {
	for _, e := range []error{ErrWrongSecret, ErrExpired, ErrLocked, ErrDenied, ErrNotEncrypted, ErrTooOld, ErrHostGone, ErrRemoved, ErrReplaced, ErrClosed} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
