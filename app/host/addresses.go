package host

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"candid/netstack"
	"candid/netstack/ifwatch"
	"candid/netstack/invite"
	"candid/netstack/relay"
	"candid/netstack/signal"

	"github.com/pion/webrtc/v4"
)

// Addresses are what invites lead to, the best first: the domain, names given, then the
// machine's own addresses, then public ones; loopback only where that is asked
// for or all there is.
func (h *Host) Addresses() []string {
	port := strconv.Itoa(h.Port())
	var out []string
	add := func(a string) {
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	if h.certs != nil {
		add(net.JoinHostPort(h.cfg.Certificate.Domain, port))
	}
	for _, n := range h.cfg.Names {
		if _, _, err := net.SplitHostPort(n); err != nil {
			n = net.JoinHostPort(n, port)
		}
		add(n)
	}
	for _, a := range append(h.local(), h.cfg.Public...) {
		add(net.JoinHostPort(a.String(), port))
	}
	h.outsideMu.Lock()
	defer h.outsideMu.Unlock()
	if h.outside.IsValid() {
		add(h.outside.String())
	}
	return out[:min(len(out), invite.MaxAddresses)]
}

// Advertise adds an address to invites made from now on: that at which a router
// passes the port on.
func (h *Host) Advertise(at netip.AddrPort) {
	h.outsideMu.Lock()
	defer h.outsideMu.Unlock()
	h.outside = at
}

// local are the addresses of this machine that others may reach, best first.
func (h *Host) local() []netip.Addr {
	open := h.port.Load().Addrs()
	list, err := h.addrs()
	if err != nil {
		h.log.Warn("addresses of this machine", "err", err)
	}
	best := reachable(list, open)
	if len(best) == 0 {
		slices.SortFunc(open, netip.Addr.Compare) // loopback, IPv4 first
		return open
	}
	return best
}

// reachable sorts those of a machine's addresses that are open by how likely
// another machine reaches them. IPv4 of a network at home or work comes first,
// since everyone there has it; loopback and private bridges are left out.
func reachable(list []ifwatch.Address, open []netip.Addr) []netip.Addr {
	type ranked struct {
		netip.Addr
		rank int
	}
	var all []ranked
	for _, a := range list {
		if a.Bridge || a.IP.IsLoopback() || !slices.Contains(open, a.IP) {
			continue
		}
		all = append(all, ranked{a.IP, rank(a)})
	}
	slices.SortStableFunc(all, func(a, b ranked) int { return a.rank - b.rank })
	var out []netip.Addr
	for _, a := range all {
		if !slices.Contains(out, a.Addr) {
			out = append(out, a.Addr)
		}
	}
	return out
}

func rank(a ifwatch.Address) int {
	r := 0
	if a.IP.Is6() {
		r = 2
		if a.IP.IsPrivate() { // unique local: within one site
			r = 4
		}
	}
	if a.Kind == netstack.VPN { // only its members have it
		r += 8
	}
	return r
}

// own reports whether an address is this machine's, for the relay.
func (h *Host) own(a netip.Addr) bool {
	p := h.port.Load()
	return p != nil && p.Own(a) || slices.Contains(h.cfg.Public, a)
}

// mediaPort is the port of the media server; 0 while it is not open.
func (h *Host) mediaPort() uint16 {
	if p := h.port.Load(); p != nil {
		return uint16(p.Number())
	}
	return 0
}

// mediaAddresses are where members reach the media server, best first.
func (h *Host) mediaAddresses() []netip.AddrPort {
	var out []netip.AddrPort
	for _, a := range append(h.local(), h.cfg.Public...) {
		out = append(out, netip.AddrPortFrom(a, h.mediaPort()))
	}
	return out
}

// advertise gives the address to tell for a relay socket: behind one that is
// mapped to this machine, a private address would be of no use outside.
func (h *Host) advertise(local netip.Addr) netip.Addr {
	if local.IsPrivate() && !h.cfg.Loopback {
		for _, p := range h.cfg.Public {
			if p.Is4() == local.Is4() {
				return p
			}
		}
	}
	return local
}

// iceServers are the STUN and TURN servers for a member, all of them this
// host's one port, with a credential of his own.
func (h *Host) iceServers(v signal.Visitor) ([]webrtc.ICEServer, time.Duration) {
	c, err := h.relay.Issue(relay.Member{Room: v.Room, ID: string(v.ID)}, v.Remote)
	if err != nil {
		h.log.Warn("no relay for a member", "err", err)
		return nil, 0
	}
	stun, turn := urls(reachedBy(v.Host, h.Port()), h.local(), h.Port())
	return []webrtc.ICEServer{
		{URLs: stun},
		{URLs: turn, Username: c.Username, Credential: c.Password},
	}, time.Until(c.Expires)
}

// reached is the address a member's signaling connection went to.
type reached struct {
	host string // IP address or name; empty: unknown
	port int
	ip   netip.Addr // if host is one
}

// reachedBy reads a Host header (RFC 9110 section 7.2). It is the member's own
// word, and used for what is told to that member only.
func reachedBy(header string, port int) reached {
	host, p, err := net.SplitHostPort(header)
	if err != nil {
		host = header
	} else if n, err := strconv.ParseUint(p, 10, 16); err == nil && n != 0 {
		port = int(n)
	}
	r := reached{host: host, port: port}
	if ip, err := netip.ParseAddr(host); err == nil {
		r.ip = ip.Unmap().WithZone("")
		r.host = r.ip.String()
		if r.ip.IsUnspecified() || r.ip.IsMulticast() {
			return reached{port: port}
		}
	} else if !isName(host) {
		return reached{port: port}
	}
	return r
}

// isName reports whether s can be a name in DNS.
func isName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_':
		default:
			return false
		}
	}
	return true
}

// urls are those of the host's STUN and TURN server for a member who reached it
// by r: all transports there, since signaling got through; and UDP at the best
// address of another family, for a direct path in that one. More would only
// cost allocations. This machine's own client comes by loopback, from where
// nothing can be relayed (unless loopback is all there is), and is sent to the
// machine's best address.
func urls(r reached, local []netip.Addr, port int) (stun, turn []string) {
	if r.host == "" || r.ip.IsLoopback() && !slices.Contains(local, r.ip) {
		if len(local) == 0 {
			return nil, nil
		}
		r = reached{local[0].String(), port, local[0]}
	}
	at := net.JoinHostPort(r.host, strconv.Itoa(r.port))
	stun = []string{"stun:" + at}
	turn = []string{
		"turn:" + at + "?transport=udp",
		"turn:" + at + "?transport=tcp",
		"turns:" + at + "?transport=tcp",
	}
	for _, a := range local {
		if r.ip.IsValid() && a.Is4() != r.ip.Is4() && a.IsLoopback() == r.ip.IsLoopback() {
			at := netip.AddrPortFrom(a, uint16(port)).String()
			return append(stun, "stun:"+at), append(turn, "turn:"+at+"?transport=udp")
		}
	}
	return stun, turn
}
