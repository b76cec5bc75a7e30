// Package oneport serves everything a host offers on one port number, TCP and
// UDP, IPv4 and IPv6, so that its user has one thing to open in a router.
//
// TCP: the first bytes of a connection say what it is. TLS is ended here with
// the host's certificate and looked into again; what comes out is an HTTP
// connection (signaling) or a TURN one, each handed out by a net.Listener.
//
// UDP: there is one socket for each local address, not one for all. A reply
// then leaves from the address that was asked without any control messages,
// the relay knows an address its client can reach, and pion/ice can take the
// socket as it is. The price is that sockets must follow the machine's
// addresses, which they do. Packets go to one of two sinks by their
// first bytes, on the reading goroutine, without a copy.
package oneport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Sink takes the packets of one kind that arrive at one Socket.
type Sink interface {
	// Packet is called on the socket's reading goroutine and must not block.
	// p may be changed, also written over in place, but not kept.
	Packet(p []byte, from netip.AddrPort)
	// Close is called once, after the last Packet.
	Close() error
}

// Config says what to serve. The zero value of each limit stands for its
// default.
type Config struct {
	// Port is the number, TCP and UDP; 0 takes any free one.
	Port int
	// NextFree, when Port is taken, is how many numbers after it to try.
	NextFree int
	// Bind, if not empty, limits the port to these local addresses; else it is
	// open on all of them, and on those that appear later.
	Bind []netip.Addr
	// TLS serves both signaling and TURN; it must hold a certificate.
	TLS *tls.Config

	// Relay and Media make the sinks of a new socket; nil drops the packets.
	Relay, Media func(*Socket) Sink

	// Addrs lists the machine's addresses, and Watch calls back whenever they
	// change until ctx ends. Nil asks the system.
	Addrs func() ([]netip.Addr, error)
	Watch func(ctx context.Context, changed func([]netip.Addr))

	Limits Limits
	Logger *slog.Logger // nil: slog.Default
}

// Limits bound what strangers can make the port hold.
type Limits struct {
	Peek    time.Duration // for first bytes and TLS handshake together (10 s)
	Pending int           // connections that have not said what they are (128); the oldest gives way
	PerIP   int           // connections of one IPv4 address or IPv6 /64 (40)
	Total   int           // connections in all (400)
}

func (l Limits) withDefaults() Limits {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	if l.Peek == 0 {
		l.Peek = 10 * time.Second
	}
	def(&l.Pending, 128)
	def(&l.PerIP, 40)
	def(&l.Total, 400)
	return l
}

// InUseError says that another program has the port.
type InUseError struct {
	Port  int
	Tried int // how many numbers from Port on were tried
	Err   error
}

func (e *InUseError) Error() string {
	if e.Tried > 1 {
		return fmt.Sprintf("open port %d: it and the %d after it are used by other programs", e.Port, e.Tried-1)
	}
	return fmt.Sprintf("open port %d: another program uses it", e.Port)
}

func (e *InUseError) Unwrap() error { return e.Err }

// NotAllowedError says that the system does not let this user open the port.
type NotAllowedError struct {
	Port int
	Err  error
}

func (e *NotAllowedError) Error() string {
	return fmt.Sprintf("open port %d: not allowed for this user; numbers from 1024 on are", e.Port)
}

func (e *NotAllowedError) Unwrap() error { return e.Err }

// Port is the open port. Its methods may be called from any goroutine.
type Port struct {
	cfg    Config
	log    *slog.Logger
	number int

	listeners   []net.Listener
	http, relay *listener
	accept      *acceptor

	own atomic.Pointer[map[netip.Addr]bool] // of this machine, bound or not

	mu       sync.Mutex
	sockets  map[netip.Addr]*Socket
	unusable map[netip.Addr]bool // could not be bound, and said so

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	once   sync.Once
	wg     sync.WaitGroup
}

// attempts to find a number that is free for TCP and UDP when any will do.
const attempts = 16

// Open opens the port: one TCP listener and a UDP socket per address. It
// returns an *InUseError or a *NotAllowedError where one is the reason.
func Open(cfg Config) (*Port, error) {
	if cfg.TLS == nil {
		return nil, errors.New("open port: no certificate given")
	}
	if cfg.Port < 0 || cfg.Port > 65535 {
		return nil, fmt.Errorf("open port %d: want 1 to 65535, or 0 for any", cfg.Port)
	}
	cfg.Limits = cfg.Limits.withDefaults()
	if cfg.Addrs == nil {
		cfg.Addrs = systemAddrs
	}
	if cfg.Watch == nil {
		cfg.Watch = systemWatch
	}
	tries := 1 + cfg.NextFree
	if cfg.Port == 0 {
		tries = attempts
	}
	var err error
	for i := range tries {
		number := cfg.Port
		if number != 0 {
			if number += i; number > 65535 {
				break
			}
		}
		var p *Port
		if p, err = open(cfg, number); err == nil {
			p.start()
			return p, nil
		}
		if !inUse(err) {
			break
		}
	}
	switch {
	case inUse(err):
		err = &InUseError{Port: cfg.Port, Tried: tries, Err: err}
	case notAllowed(err):
		err = &NotAllowedError{Port: cfg.Port, Err: err}
	default:
		err = fmt.Errorf("open port %d: %w", cfg.Port, err)
	}
	return nil, err
}

// open opens the listeners and sockets of one number, or nothing.
func open(cfg Config, number int) (*Port, error) {
	p := &Port{
		cfg: cfg, log: cfg.Logger, number: number,
		sockets:  make(map[netip.Addr]*Socket),
		unusable: make(map[netip.Addr]bool),
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	if p.log == nil {
		p.log = slog.Default()
	}
	if err := p.listen(); err != nil {
		p.shut()
		return nil, err
	}
	all, err := p.cfg.Addrs()
	if err == nil {
		err = p.bind(p.note(all), true)
	}
	if err == nil && len(p.sockets) == 0 {
		err = errors.New("no local address could be bound")
	}
	if err != nil {
		p.shut()
		return nil, err
	}
	p.http, p.relay = newListener(p), newListener(p)
	p.accept = newAcceptor(p)
	return p, nil
}

// listen opens TCP, first of all: it settles the number when any will do.
func (p *Port) listen() error {
	hosts := []string{""} // IPv4 and IPv6
	if len(p.cfg.Bind) > 0 {
		hosts = hosts[:0]
		for _, a := range p.cfg.Bind {
			hosts = append(hosts, a.String())
		}
	}
	for _, h := range hosts {
		l, err := net.Listen("tcp", net.JoinHostPort(h, fmt.Sprint(p.number)))
		if unavailable(err) {
			continue
		}
		if err != nil {
			return err
		}
		p.listeners = append(p.listeners, l)
		p.number = l.Addr().(*net.TCPAddr).Port
	}
	if len(p.listeners) == 0 {
		return errors.New("no local address could be bound")
	}
	return nil
}

func (p *Port) start() {
	for _, l := range p.listeners {
		p.wg.Go(func() { p.accept.run(l) })
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.sockets {
		p.wg.Go(func() { s.run(&p.cfg) })
	}
	if len(p.cfg.Bind) == 0 {
		p.wg.Go(func() { p.cfg.Watch(p.ctx, p.rescan) })
	}
}

// Number is the port number, TCP and UDP.
func (p *Port) Number() int { return p.number }

// HTTP hands out the connections that came as TLS and speak HTTP inside.
func (p *Port) HTTP() net.Listener { return p.http }

// Relay hands out the connections that speak STUN or TURN. Those are *Conn,
// which tell whether they came through TLS.
func (p *Port) Relay() net.Listener { return p.relay }

// Addrs are the local addresses UDP is open on at the moment.
func (p *Port) Addrs() []netip.Addr {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]netip.Addr, 0, len(p.sockets))
	for a := range p.sockets {
		out = append(out, a)
	}
	return out
}

// Own reports whether a is an address of this machine, bound here or not, as
// of the last look.
func (p *Port) Own(a netip.Addr) bool { return (*p.own.Load())[a.Unmap().WithZone("")] }

// Close closes the port and every connection that came through it, and waits
// until nothing runs any more.
func (p *Port) Close() error {
	p.once.Do(func() {
		p.shut()
		p.accept.closeAll()
	})
	p.wg.Wait()
	return nil
}

// shut closes listeners and sockets; their goroutines end by it.
func (p *Port) shut() {
	p.cancel()
	for _, l := range p.listeners {
		_ = l.Close()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.sockets {
		_ = s.conn.Close()
	}
}
