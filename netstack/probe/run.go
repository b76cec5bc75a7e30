package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"candid/netstack"
	"candid/netstack/ifwatch"
	"candid/netstack/portmap"

	"github.com/pion/stun/v3"
)

// evidence is what the steps found; conclude makes the Report of it.
type evidence struct {
	addresses []ifwatch.Address
	servers   []Server // those of one step together, in the order of the plan
	signaling []Endpoint
	seen      []seen
	filters   []filters
	hairpin   netstack.Opt[bool]
	router    portmap.Available
	source    netip.Addr // ours on the way to the first server or host
}

// run is a probe under way.
type run struct {
	cfg   Config
	steps []step

	base4, base6 *udpSocket

	mu      sync.Mutex
	servers [][]Server // by step
	signal  []Endpoint // by step
	ev      evidence
	hair    sync.Once
}

// Run probes. It blocks until all is known or Config.Timeout is over, whatever
// the servers do; ctx may end it earlier. What is not known by then stays
// unknown.
func Run(ctx context.Context, cfg Config) Report {
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	cfg.net = cfg.net.withDefaults()
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, cfg.Timeout)
	defer cancel()

	r := &run{cfg: cfg, steps: plan(cfg)}
	r.servers, r.signal = make([][]Server, len(r.steps)), make([]Endpoint, len(r.steps))
	list, err := cfg.net.addresses()
	if err != nil {
		cfg.Logger.Warn("addresses of this machine", "err", err)
	}
	r.ev.addresses = list
	r.open()
	var wg sync.WaitGroup
	for i := range r.steps {
		wg.Go(func() { r.do(ctx, i) })
	}
	wg.Wait()
	for _, s := range []*udpSocket{r.base4, r.base6} {
		if s != nil {
			s.close()
		}
	}
	for i, s := range r.steps {
		r.ev.servers = append(r.ev.servers, r.servers[i]...)
		if s.kind == askSignal {
			r.ev.signaling = append(r.ev.signaling, r.signal[i])
		}
	}
	rep := conclude(r.ev)
	rep.At, rep.Duration = start, time.Since(start)
	cfg.Logger.Debug("probed", "report", rep.String())
	return rep
}

// open opens the sockets that all STUN servers are asked from. A family that
// the machine does not have stays nil.
func (r *run) open() {
	if !slices.ContainsFunc(r.steps, func(s step) bool { return s.protocol == "udp" }) {
		return
	}
	r.base4, _ = r.cfg.net.openUDP(netip.IPv4Unspecified())
	r.base6, _ = r.cfg.net.openUDP(netip.IPv6Unspecified())
}

func (r *run) base(a netip.Addr) *udpSocket {
	if a.Is4() {
		return r.base4
	}
	return r.base6
}

// do does one step.
func (r *run) do(ctx context.Context, i int) {
	s := r.steps[i]
	switch s.kind {
	case unusable:
		r.servers[i] = []Server{{URL: s.url, Protocol: s.protocol, Outcome: NotTried, Text: s.why}}
	case askRouter:
		ctx, cancel := context.WithTimeout(ctx, portMappingWait)
		defer cancel()
		a := r.cfg.net.router(ctx)
		r.mu.Lock()
		r.ev.router = a
		r.mu.Unlock()
	case askSignal:
		r.signal[i] = r.signaling(ctx, s)
	case askSTUN, askTURN, testNAT:
		r.server(ctx, i)
	}
}

// server finds the addresses of a server, one of each family, and asks there.
func (r *run) server(ctx context.Context, i int) {
	s := r.steps[i]
	at, err := r.resolve(ctx, s.host)
	if err != nil {
		if s.kind != testNAT {
			r.servers[i] = []Server{failed(Server{URL: s.url, Protocol: s.protocol}, err)}
		}
		return
	}
	out := make([]Server, len(at))
	var wg sync.WaitGroup
	for k, a := range at {
		wg.Go(func() {
			r.way(a)
			switch s.kind {
			case testNAT:
				r.nat(ctx, s, a)
			case askSTUN:
				out[k] = r.stun(ctx, s, a)
			case askTURN:
				out[k] = r.turn(ctx, s, a)
			}
		})
	}
	wg.Wait()
	if s.kind != testNAT {
		r.servers[i] = out
	}
}

// way notes our address on the way to the first place asked.
func (r *run) way(to netip.AddrPort) {
	a := r.cfg.net.source(to)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ev.source.IsValid() || a.Is4() && r.ev.source.Is6() {
		r.ev.source = a
	}
}

// resolve returns one address of each family that a host has.
func (r *run) resolve(ctx context.Context, hostPort string) ([]netip.AddrPort, error) {
	host, p, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, err
	}
	port, err := net.LookupPort("tcp", p)
	if err != nil {
		return nil, err
	}
	ips := []netip.Addr{}
	if ip, err := netip.ParseAddr(host); err == nil {
		ips = append(ips, ip)
	} else if ips, err = r.cfg.net.lookup(ctx, "ip", host); err != nil {
		var dns *net.DNSError
		if !errors.As(err, &dns) {
			err = &net.DNSError{Err: err.Error(), Name: host}
		}
		return nil, err
	}
	var out []netip.AddrPort
	for _, ip := range ips {
		ip = ip.Unmap()
		if !slices.ContainsFunc(out, func(a netip.AddrPort) bool { return a.Addr().Is4() == ip.Is4() }) {
			out = append(out, netip.AddrPortFrom(ip, uint16(port)))
		}
	}
	if len(out) == 0 {
		return nil, &net.DNSError{Err: "no addresses", Name: host, IsNotFound: true}
	}
	return out, nil
}

var errNoFamily = errors.New("this computer has no such addresses")

func (r *run) stun(ctx context.Context, s step, at netip.AddrPort) Server {
	out := Server{URL: s.url, Protocol: s.protocol, Address: at}
	base := r.base(at.Addr())
	if base == nil {
		return failed(out, errNoFamily)
	}
	mapped, _, rtt, err := natTest{net: r.cfg.net}.bind(ctx, base, at)
	if err != nil {
		return failed(out, err)
	}
	r.note(seen{at, mapped})
	out.Outcome, out.Mapped, out.RTT = OK, mapped, netstack.Some(rtt)
	return out
}

func (r *run) turn(ctx context.Context, s step, at netip.AddrPort) Server {
	out := Server{URL: s.url, Protocol: s.protocol, Address: at}
	ask, done, err := r.reach(ctx, s, at)
	if err != nil {
		return failed(out, err)
	}
	defer done()
	a, err := allocate(ctx, ask, s.user, s.pass)
	if a.reached {
		out.RTT = netstack.Some(a.rtt)
	}
	if err != nil {
		return failed(out, err)
	}
	out.Outcome, out.Mapped, out.Relayed = OK, a.mapped, a.relayed
	return out
}

// reach returns a way to exchange messages with a TURN server.
func (r *run) reach(ctx context.Context, s step, at netip.AddrPort) (exchange, func(), error) {
	if s.protocol == "udp" {
		sock, err := r.cfg.net.openUDP(at.Addr()) // an allocation belongs to one socket
		if err != nil {
			return nil, nil, errNoFamily
		}
		return func(ctx context.Context, m *stun.Message) (*stun.Message, time.Duration, error) {
			return sock.ask(ctx, at, m, from(at))
		}, sock.close, nil
	}
	c, err := r.cfg.net.dial(ctx, "tcp", at.String())
	if err != nil {
		return nil, nil, err
	}
	if s.protocol == "tls" {
		host, _, _ := net.SplitHostPort(s.host)
		t := tls.Client(c, r.tls(host))
		if err := t.HandshakeContext(ctx); err != nil {
			_ = c.Close()
			return nil, nil, err
		}
		return over(t), func() { _ = c.Close() }, nil
	}
	return over(c), func() { _ = c.Close() }, nil
}

func (r *run) tls(host string) *tls.Config {
	cfg := &tls.Config{}
	if r.cfg.TLS != nil {
		cfg = r.cfg.TLS.Clone()
	}
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	return cfg
}

func (r *run) nat(ctx context.Context, s step, at netip.AddrPort) {
	base := r.base(at.Addr())
	if base == nil {
		return
	}
	t := natTest{net: r.cfg.net, base: base, server: at, user: s.user, pass: s.pass}
	var wg sync.WaitGroup
	if at.Addr().Is4() {
		r.hair.Do(func() { // once: it tells nothing of the server
			wg.Go(func() {
				if works, ok := (natTest{net: r.cfg.net, server: at}).hairpin(ctx, r.local); ok {
					r.mu.Lock()
					r.ev.hairpin = netstack.Some(works)
					r.mu.Unlock()
				}
			})
		})
	}
	f := t.run(ctx, r.note)
	if at.Addr().Is4() {
		r.mu.Lock()
		r.ev.filters = append(r.ev.filters, f)
		r.mu.Unlock()
	}
	wg.Wait()
}

func (r *run) note(s seen) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ev.seen = append(r.ev.seen, s)
}

// local reports whether an address is this machine's.
func (r *run) local(a netip.Addr) bool { return isLocal(r.ev.addresses, a) }

func (r *run) signaling(ctx context.Context, s step) Endpoint {
	out := Endpoint{Address: s.host}
	start := time.Now()
	c, err := r.cfg.net.dial(ctx, "tcp", s.host)
	if err != nil {
		f := failed(Server{}, err)
		out.TCP, out.Outcome, out.Text = netstack.Some(false), f.Outcome, f.Text
		return out
	}
	defer c.Close()
	if at, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		r.way(at.AddrPort())
	}
	out.TCP, out.RTT, out.Outcome = netstack.Some(true), netstack.Some(time.Since(start)), OK
	if s.protocol != "tls" {
		return out
	}
	host, _, _ := net.SplitHostPort(s.host)
	if err := tls.Client(c, r.tls(host)).HandshakeContext(ctx); err != nil {
		f := failed(Server{}, err)
		out.TLS, out.Outcome, out.Text = netstack.Some(false), f.Outcome, f.Text
		return out
	}
	out.TLS = netstack.Some(true)
	return out
}
