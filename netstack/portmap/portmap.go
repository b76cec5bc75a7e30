// Package portmap opens one port of this machine, TCP and UDP, in the router
// between it and the internet, for as long as a Mapper lives: by PCP (RFC
// 6887), NAT-PMP (RFC 6886) or UPnP-IGD (versions 1 and 2), whichever the
// router answers first. It asks nobody but the default gateway, believes
// nothing it cannot check, and says what came of it.
//
// It opens IPv4 only: IPv6 needs no mapping but a hole in a firewall, which few
// routers offer by any of these.
package portmap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"
)

// Protocol is how a router is asked.
type Protocol string

// The protocols. The first that answers is used.
const (
	PCP    Protocol = "PCP"
	NATPMP Protocol = "NAT-PMP"
	UPnP   Protocol = "UPnP"
)

// Outcome is what came of asking.
type Outcome string

// The outcomes.
const (
	Trying    Outcome = "trying"
	Mapped    Outcome = "mapped"     // people outside reach State.External
	DoubleNAT Outcome = "double-nat" // mapped, but the router has no public address itself
	Refused   Outcome = "refused"    // the router says no
	NoAnswer  Outcome = "no-answer"  // no router speaks any of the protocols
	NoRouter  Outcome = "no-router"  // this machine has no IPv4 gateway, or it is not known
	Closed    Outcome = "closed"
)

// State is how a mapping stands. It is a value and can be compared.
type State struct {
	Outcome  Outcome  `json:"outcome"`
	Protocol Protocol `json:"protocol,omitempty"`
	// External is the address and port outside, by the router's word. The port
	// may be another than inside. The address is zero if the router did not
	// tell one.
	External netip.AddrPort `json:"external,omitzero"`
	Until    time.Time      `json:"until,omitzero"` // end of the lease, if it has one
	// Code and Text are the router's own reason for Refused.
	Code int    `json:"code,omitempty"`
	Text string `json:"text,omitempty"`
}

// Sentence says it in words.
func (s State) Sentence() string {
	switch s.Outcome {
	case Mapped:
		if !s.External.Addr().IsValid() || s.External.Addr().IsUnspecified() {
			return fmt.Sprintf("The router opened port %d by %s, but did not tell its address.", s.External.Port(), s.Protocol)
		}
		return fmt.Sprintf("People outside your network can reach you at %s (port opened by %s).", s.External, s.Protocol)
	case DoubleNAT:
		return fmt.Sprintf("The router opened port %d by %s, but its own address, %s, is not a public one: another router, or your provider's, stands before it.", s.External.Port(), s.Protocol, s.External.Addr())
	case Refused:
		return fmt.Sprintf("The router was asked by %s to open the port and said no: %s.", s.Protocol, s.Text)
	case NoAnswer:
		return "The router does not open ports when asked: turn on UPnP or NAT-PMP in its settings, or forward the port there by hand."
	case NoRouter:
		return "This computer has no router to ask: no IPv4 gateway was found."
	case Closed:
		return "No port is open in the router any more."
	}
	return "Asking the router to open the port."
}

// Times, in the router's favour: it is a small machine.
const (
	defaultLease   = time.Hour
	defaultTimeout = 3 * time.Second
	retryAfter     = 10 * time.Minute // somebody may turn it on meanwhile
	shortestRenew  = 15 * time.Second // whatever lease a router grants
	lastWord       = 2 * time.Second  // for deleting on Close
)

// Config says what to open. The zero value of all but Port is fine.
type Config struct {
	Port    uint16        // inside, and outside if the router has it free
	Lease   time.Duration // to ask for; an hour
	Timeout time.Duration // for finding a router that answers; 3 s
	// Changed is told of every new State, one after the other. It must not
	// call Close.
	Changed func(State)
	Logger  *slog.Logger // nil: slog.Default

	net network
}

// Mapper keeps a port open. Its methods may be called from any goroutine.
type Mapper struct {
	cfg    Config
	log    *slog.Logger
	ctx    context.Context
	cancel context.CancelFunc
	again  chan struct{}
	first  chan struct{} // closed with the first outcome
	done   chan struct{}

	mu    sync.Mutex
	state State
}

// Open begins to ask. It does not wait: see Wait and Config.Changed. Close must
// be called.
func Open(cfg Config) *Mapper {
	m := &Mapper{cfg: cfg.withDefaults(), again: make(chan struct{}, 1), first: make(chan struct{}), done: make(chan struct{}), state: State{Outcome: Trying}}
	m.log = m.cfg.Logger
	m.ctx, m.cancel = context.WithCancel(context.Background())
	go m.run()
	return m
}

func (c Config) withDefaults() Config {
	if c.Lease == 0 {
		c.Lease = defaultLease
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.net = c.net.withDefaults()
	return c
}

// State returns how it stands.
func (m *Mapper) State() State {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state
}

// Wait blocks until there is an outcome, or ctx ends, and returns the state.
func (m *Mapper) Wait(ctx context.Context) State {
	select {
	case <-m.first:
	case <-ctx.Done():
	}
	return m.State()
}

// Again asks anew at once. Call it when the network has changed.
func (m *Mapper) Again() {
	select {
	case m.again <- struct{}{}:
	default:
	}
}

// Close deletes the mapping in the router and waits for that, 2 seconds at
// most: a router that does not answer forgets it when the lease ends.
func (m *Mapper) Close() error {
	m.cancel()
	<-m.done
	return nil
}

// run owns the mapping.
func (m *Mapper) run() {
	defer close(m.done)
	var told sync.Once
	defer told.Do(func() { close(m.first) })
	for {
		h, err := acquire(m.ctx, m.cfg)
		if m.ctx.Err() == nil {
			if err != nil {
				m.set(stateOf(err))
			} else {
				m.set(h.state())
			}
			told.Do(func() { close(m.first) })
		}
		if err == nil {
			m.keep(h)
		} else {
			m.pause(retryAfter)
		}
		if m.ctx.Err() != nil {
			m.set(State{Outcome: Closed})
			return
		}
	}
}

// keep renews the mapping until that fails, the network changes or the Mapper
// is closed; then it deletes it.
func (m *Mapper) keep(h *held) {
	for wait := h.renewIn(m.cfg.Lease); m.pause(wait); {
		ctx, cancel := context.WithTimeout(m.ctx, m.cfg.Timeout)
		err := h.renew(ctx, m.cfg)
		cancel()
		if err == nil {
			m.set(h.state())
			wait = h.renewIn(m.cfg.Lease)
			continue
		}
		if m.ctx.Err() == nil {
			m.log.Info("the router did not renew the port", "protocol", h.client.protocol(), "err", err)
		}
		if errors.As(err, new(*refusedError)) || !m.cfg.net.now().Before(h.until) {
			break
		}
		wait = shortestRenew // it holds yet
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastWord)
	defer cancel()
	if err := h.release(ctx, m.cfg.Port); err != nil {
		m.log.Info("the router did not close the port", "protocol", h.client.protocol(), "err", err)
	}
}

// pause waits and reports whether the time went by undisturbed.
func (m *Mapper) pause(d time.Duration) bool {
	select {
	case <-m.cfg.net.after(d):
		return true
	case <-m.again:
	case <-m.ctx.Done():
	}
	return false
}

func (m *Mapper) set(s State) {
	m.mu.Lock()
	same := m.state == s
	m.state = s
	m.mu.Unlock()
	if !same && m.cfg.Changed != nil {
		m.cfg.Changed(s)
	}
}

// Errors of asking a router.
var (
	errNoRouter = errors.New("no IPv4 gateway is known")
	errNoAnswer = errors.New("the router does not answer")
)

// refusedError is a router's no.
type refusedError struct {
	protocol Protocol
	code     int
	text     string
	conflict bool // another port may be free
}

func (e *refusedError) Error() string {
	return fmt.Sprintf("%s: the router says no: %s (%d)", e.protocol, e.text, e.code)
}

func stateOf(err error) State {
	var no *refusedError
	switch {
	case errors.As(err, &no):
		return State{Outcome: Refused, Protocol: no.protocol, Code: no.code, Text: no.text}
	case errors.Is(err, errNoRouter):
		return State{Outcome: NoRouter}
	}
	return State{Outcome: NoAnswer}
}
