package probe

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"time"

	"candid/netstack/ifwatch"
	"candid/netstack/portmap"

	"github.com/pion/stun/v3"
	"github.com/pion/webrtc/v4"
)

// Config says what to ask.
type Config struct {
	// ICEServers are the STUN and TURN servers to try: the room's, as welcome
	// told them, and those the user set.
	ICEServers []webrtc.ICEServer
	// Signaling are addresses of the room's host, host:port.
	Signaling []string
	// TLS is for Signaling and for turns: servers; identity.ClientConfig makes
	// one that pins the host. Nil trusts the system's roots, and leaves
	// Signaling at TCP.
	TLS *tls.Config
	// PortMapping also asks the router whether it opens ports.
	PortMapping bool
	// Timeout for everything; 2.5 s.
	Timeout time.Duration
	Logger  *slog.Logger // nil: slog.Default

	net sockets
}

// Bounds.
const (
	defaultTimeout = 2500 * time.Millisecond
	maxServers     = 16
	maxSignaling   = 8
	// portMappingWait is for the router alone: it is near, and most know only
	// one of the protocols, so that the others are waited for in vain.
	portMappingWait = 1200 * time.Millisecond
)

// sockets is the machine's network, which tests replace.
type sockets struct {
	listen    func(network, address string) (net.PacketConn, error)
	dial      func(ctx context.Context, network, address string) (net.Conn, error)
	lookup    func(ctx context.Context, network, host string) ([]netip.Addr, error)
	source    func(to netip.AddrPort) netip.Addr
	addresses func() ([]ifwatch.Address, error)
	router    func(context.Context) portmap.Available
}

func (n sockets) withDefaults() sockets {
	if n.listen == nil {
		n.listen = net.ListenPacket
	}
	if n.dial == nil {
		n.dial = (&net.Dialer{}).DialContext
	}
	if n.lookup == nil {
		n.lookup = net.DefaultResolver.LookupNetIP
	}
	if n.source == nil {
		n.source = sourceTowards
	}
	if n.addresses == nil {
		n.addresses = ifwatch.Addresses
	}
	if n.router == nil {
		n.router = portmap.Probe
	}
	return n
}

// sourceTowards is our address on the way to somewhere. Nothing is sent.
func sourceTowards(to netip.AddrPort) netip.Addr {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return netip.Addr{}
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap().WithZone("")
}

// kind of a step.
type kind uint8

const (
	askSTUN   kind = iota // a Binding
	askTURN               // an allocation, which is given back
	askSignal             // TCP, then TLS
	testNAT               // mapping, filtering and hairpinning, by one server
	askRouter             // what opens ports
	unusable              // what cannot be asked, with the reason
	stepKinds = iota
)

// step is one thing to do. All steps are done at the same time.
type step struct {
	kind       kind
	url        string // as given
	host       string // host:port
	protocol   string // udp, tcp or tls
	user, pass string
	why        string // of unusable
}

// plan says what to do. It is pure.
func plan(cfg Config) []step {
	var steps []step
	nat := make(map[string]int) // steps by host:port
	for _, s := range cfg.ICEServers {
		pass, _ := s.Credential.(string)
		for _, u := range s.URLs {
			if len(steps)-len(nat) == maxServers {
				break
			}
			st := serverStep(u, s.Username, pass)
			steps = append(steps, st)
			if st.kind == unusable || st.protocol != "udp" {
				continue
			}
			if i, had := nat[st.host]; !had {
				nat[st.host] = len(steps)
				steps = append(steps, step{kind: testNAT, url: u, host: st.host, protocol: "udp", user: st.user, pass: st.pass})
			} else if steps[i].user == "" { // with credentials more can be asked
				steps[i].user, steps[i].pass = st.user, st.pass
			}
		}
	}
	for _, a := range cfg.Signaling[:min(len(cfg.Signaling), maxSignaling)] {
		st := step{kind: askSignal, host: a, protocol: "tcp"}
		if cfg.TLS != nil {
			st.protocol = "tls"
		}
		steps = append(steps, st)
	}
	if cfg.PortMapping {
		steps = append(steps, step{kind: askRouter})
	}
	return steps
}

func serverStep(u, user, pass string) step {
	uri, err := stun.ParseURI(u)
	if err != nil {
		return step{kind: unusable, url: u, why: "not the address of a STUN or TURN server"}
	}
	st := step{url: u, host: net.JoinHostPort(uri.Host, strconv.Itoa(uri.Port)), protocol: "udp"}
	tcp, secure := uri.Proto == stun.ProtoTypeTCP, uri.IsSecure()
	switch {
	case uri.Port < 1 || uri.Port > 65535:
		return step{kind: unusable, url: u, why: "no such port"}
	case secure && !tcp:
		return step{kind: unusable, url: u, protocol: "dtls", why: "DTLS is not tried"}
	case secure:
		st.protocol = "tls"
	case tcp:
		st.protocol = "tcp"
	}
	if uri.Scheme == stun.SchemeTypeTURN || uri.Scheme == stun.SchemeTypeTURNS {
		st.kind, st.user, st.pass = askTURN, user, pass
		return st
	}
	if st.protocol != "udp" {
		return step{kind: unusable, url: u, protocol: st.protocol, why: "STUN over TCP tells nothing of UDP"}
	}
	return st
}
