package portmap

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"
)

// transport is what a port is opened for, by IANA's number.
type transport uint8

const (
	tcp transport = 6
	udp transport = 17
)

func (t transport) String() string {
	if t == tcp {
		return "TCP"
	}
	return "UDP"
}

// lease is what a router granted.
type lease struct {
	port uint16        // outside
	ip   netip.Addr    // outside, if told with it
	life time.Duration // 0: until deleted
}

// client speaks one protocol with a router that answered in it.
type client interface {
	protocol() Protocol
	add(ctx context.Context, t transport, inside, outside uint16, life time.Duration) (lease, error)
	remove(ctx context.Context, t transport, inside, outside uint16) error
	externalIP(ctx context.Context) (netip.Addr, error)
}

// held is a mapping, of both transports at one port outside.
type held struct {
	client client
	port   uint16
	ip     netip.Addr
	life   time.Duration
	until  time.Time
}

// acquire finds a router and has it open the port. Protocols are looked for at
// once; then the first that answers is asked, and another only after a no: two
// of them often share one table, where one would delete what the other made.
func acquire(ctx context.Context, cfg Config) (*held, error) {
	gw, err := cfg.net.gateway()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoRouter, err)
	}
	find, stop := context.WithTimeout(ctx, cfg.Timeout)
	answers, left := discover(find, cfg.net, gw), len(finders)
	defer func() {
		for stop(); left > 0; left-- {
			<-answers
		}
	}()
	var no error
	for left > 0 {
		a := <-answers
		left--
		if a.err != nil {
			continue
		}
		ask, cancel := context.WithTimeout(ctx, cfg.Timeout)
		h, err := hold(ask, cfg, a.client)
		cancel()
		if err == nil {
			return h, nil
		}
		var refused *refusedError
		if errors.As(err, &refused) || no == nil {
			no = err
		}
	}
	if no == nil {
		no = errNoAnswer
	}
	return nil, no
}

// attempts at ports that are taken outside, or not free for both transports.
const attempts = 4

// hold opens the port for both transports, at the same port outside: an invite
// names one.
func hold(ctx context.Context, cfg Config, c client) (*held, error) {
	want := cfg.Port
	var err error
	for range attempts {
		var h *held
		if h, err = holdAt(ctx, cfg, c, want); err == nil {
			return h, nil
		}
		var no *refusedError
		if !errors.As(err, &no) || !no.conflict {
			return nil, err
		}
		want = uint16(20000 + rand.IntN(30000))
	}
	return nil, err
}

func holdAt(ctx context.Context, cfg Config, c client, want uint16) (*held, error) {
	u, err := c.add(ctx, udp, cfg.Port, want, cfg.Lease)
	if err != nil {
		return nil, err
	}
	t, err := c.add(ctx, tcp, cfg.Port, u.port, cfg.Lease)
	switch {
	case err != nil:
		undo(c, udp, cfg.Port, u.port)
		return nil, err
	case t.port != u.port:
		undo(c, udp, cfg.Port, u.port)
		undo(c, tcp, cfg.Port, t.port)
		return nil, &refusedError{c.protocol(), 0, "it gives TCP and UDP different ports", true}
	}
	h := &held{client: c, port: u.port}
	h.note(cfg, t, u)
	h.locate(ctx, t.ip)
	return h, nil
}

func undo(c client, t transport, inside, outside uint16) {
	ctx, cancel := context.WithTimeout(context.Background(), lastWord)
	defer cancel()
	_ = c.remove(ctx, t, inside, outside) // it ends with its lease otherwise
}

// note takes the shorter of two leases.
func (h *held) note(cfg Config, a, b lease) {
	h.life = a.life
	if a.life == 0 || b.life != 0 && b.life < a.life {
		h.life = b.life
	}
	h.until = time.Time{}
	if h.life != 0 {
		h.until = cfg.net.now().Add(h.life).Round(0) // states are compared
	}
}

// locate asks for the address outside unless it is known.
func (h *held) locate(ctx context.Context, told netip.Addr) {
	h.ip = told
	if !told.IsValid() {
		h.ip, _ = h.client.externalIP(ctx) // unknown is unknown: the port is open all the same
	}
}

// renewIn is when to renew: after half the lease, as RFC 6886 section 3.3 and
// RFC 6887 section 11.2.1 say; a lease without end after half of what was asked
// for, since a router that restarts forgets it.
func (h *held) renewIn(asked time.Duration) time.Duration {
	d := h.life / 2
	if d == 0 || d > asked/2 {
		d = asked / 2
	}
	return max(d, shortestRenew)
}

func (h *held) renew(ctx context.Context, cfg Config) error {
	u, err := h.client.add(ctx, udp, cfg.Port, h.port, cfg.Lease)
	if err != nil {
		return err
	}
	t, err := h.client.add(ctx, tcp, cfg.Port, h.port, cfg.Lease)
	if err != nil {
		return err
	}
	if u.port != h.port || t.port != h.port {
		return fmt.Errorf("renew port %d: the router gave %d and %d instead", h.port, u.port, t.port)
	}
	h.note(cfg, t, u)
	h.locate(ctx, t.ip)
	return nil
}

func (h *held) release(ctx context.Context, inside uint16) error {
	return errors.Join(h.client.remove(ctx, tcp, inside, h.port), h.client.remove(ctx, udp, inside, h.port))
}

func (h *held) state() State {
	s := State{Outcome: Mapped, Protocol: h.client.protocol(), External: netip.AddrPortFrom(h.ip, h.port), Until: h.until}
	if h.ip.IsValid() && !h.ip.IsUnspecified() && !public(h.ip) {
		s.Outcome = DoubleNAT
	}
	return s
}

// notPublic are addresses that cannot be reached from the internet, besides
// those netip knows: shared by a carrier (RFC 6598), and those no one has.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"),
}

func public(a netip.Addr) bool {
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range notPublic {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
