package probe

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"candid/netstack/ifwatch"
	"candid/netstack/portmap"

	"github.com/pion/logging"
	"github.com/pion/stun/v3"
	"github.com/pion/transport/v4/vnet"
	"github.com/pion/webrtc/v4"
)

const serverA, serverB = "198.51.100.10", "198.51.100.11"

// stunServer is a server as of RFC 5780, with as many addresses and ports as
// wanted.
type stunServer struct {
	t     *testing.T
	conns map[netip.AddrPort]net.PacketConn
	wg    sync.WaitGroup
}

func (s *stunServer) listen(n *vnet.Net, at string) {
	c, err := n.ListenPacket("udp4", at)
	if err != nil {
		s.t.Fatal(err)
	}
	s.conns[ap(at)] = c
}

// run answers; the other address and port are told if there are any.
func (s *stunServer) run() {
	for at, c := range s.conns {
		s.wg.Go(func() {
			buf := make([]byte, 1500)
			for {
				n, from, err := c.ReadFrom(buf)
				if err != nil {
					return
				}
				m := &stun.Message{Raw: append([]byte(nil), buf[:n]...)}
				if m.Decode() == nil && m.Type == stun.BindingRequest {
					s.answer(at, m, from)
				}
			}
		})
	}
}

func (s *stunServer) answer(at netip.AddrPort, m *stun.Message, to net.Addr) {
	otherIP := netip.MustParseAddr(serverB)
	if at.Addr() == otherIP {
		otherIP = netip.MustParseAddr(serverA)
	}
	otherPort := uint16(3478 + 3479 - int(at.Port()))
	from := at
	if v, ok := m.Attributes.Get(stun.AttrChangeRequest); ok {
		if v.Value[3]&changeIP != 0 {
			from = netip.AddrPortFrom(otherIP, from.Port())
		}
		if v.Value[3]&changePort != 0 {
			from = netip.AddrPortFrom(from.Addr(), otherPort)
		}
	}
	out := s.conns[from]
	if out == nil {
		return
	}
	u := to.(*net.UDPAddr)
	set := []stun.Setter{m, stun.BindingSuccess, &stun.XORMappedAddress{IP: u.IP, Port: u.Port}}
	other := netip.AddrPortFrom(otherIP, otherPort)
	if s.conns[netip.AddrPortFrom(otherIP, at.Port())] == nil {
		other = netip.AddrPortFrom(at.Addr(), otherPort)
	}
	if s.conns[netip.AddrPortFrom(at.Addr(), otherPort)] != nil {
		set = append(set, &stun.ResponseOrigin{IP: from.Addr().AsSlice(), Port: int(from.Port())}, &stun.OtherAddress{IP: other.Addr().AsSlice(), Port: int(other.Port())})
	}
	if r, err := stun.Build(set...); err == nil {
		_, _ = out.WriteTo(r.Raw, to)
	}
}

// building: vnet counts its MAC addresses in one variable.
var building sync.Mutex

// world is a machine behind a NAT, and another with two public addresses.
func world(t *testing.T, nat vnet.NATType) (wan *vnet.Router, here, there *vnet.Net) {
	t.Helper()
	building.Lock()
	defer building.Unlock()
	quiet := logging.NewDefaultLoggerFactory()
	quiet.DefaultLogLevel = logging.LogLevelDisabled
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	wan, err := vnet.NewRouter(&vnet.RouterConfig{CIDR: "0.0.0.0/0", MinDelay: 5 * time.Millisecond, LoggerFactory: quiet, QueueSize: 1000})
	check(err)
	there, err = vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{serverA, serverB}})
	check(err)
	check(wan.AddNet(there))
	lan, err := vnet.NewRouter(&vnet.RouterConfig{CIDR: "192.168.1.0/24", StaticIPs: []string{"203.0.113.1"}, NATType: &nat, LoggerFactory: quiet, QueueSize: 1000})
	check(err)
	here, err = vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{"192.168.1.5"}})
	check(err)
	check(lan.AddNet(here))
	check(wan.AddRouter(lan))
	check(wan.Start())
	return wan, here, there
}

// natted probes from behind a NAT, the server's sockets being at these
// addresses.
func natted(t *testing.T, nat vnet.NATType, at []string, urls ...string) Report {
	t.Helper()
	wan, here, there := world(t, nat)
	s := &stunServer{t: t, conns: make(map[netip.AddrPort]net.PacketConn)}
	for _, a := range at {
		s.listen(there, a)
	}
	s.run()
	r := Run(context.Background(), Config{
		ICEServers: []webrtc.ICEServer{{URLs: urls}}, Logger: slog.New(slog.DiscardHandler), Timeout: 5 * time.Second,
		net: sockets{
			listen: func(network, address string) (net.PacketConn, error) {
				if network == "udp6" {
					return nil, errNoFamily
				}
				return here.ListenPacket(network, address)
			},
			source:    func(netip.AddrPort) netip.Addr { return home()[0].IP },
			addresses: func() ([]ifwatch.Address, error) { return home(), nil },
			router:    func(context.Context) portmap.Available { return portmap.Available{} },
		},
	})
	for _, c := range s.conns {
		_ = c.Close()
	}
	s.wg.Wait()
	if err := wan.Stop(); err != nil {
		t.Error(err)
	}
	return r
}

// Every NAT is known for what it is, by a server with two addresses; and by
// less only as far as that goes.
func TestNATKinds(t *testing.T) {
	ei, ad, apd := vnet.EndpointIndependent, vnet.EndpointAddrDependent, vnet.EndpointAddrPortDependent
	names := map[vnet.EndpointDependencyType]Behaviour{ei: EndpointIndependent, ad: AddressDependent, apd: AddressAndPortDependent}
	four := []string{serverA + ":3478", serverA + ":3479", serverB + ":3478", serverB + ":3479"}
	ports, plain := four[:2], []string{four[0], four[2]}
	onlyPorts := func(b Behaviour) Behaviour {
		if b == AddressAndPortDependent {
			return b
		}
		return PortIndependent
	}
	for _, nat := range []vnet.NATType{
		{MappingBehavior: ei, FilteringBehavior: ei}, {MappingBehavior: ei, FilteringBehavior: ad}, {MappingBehavior: ei, FilteringBehavior: apd},
		{MappingBehavior: ad, FilteringBehavior: ad}, {MappingBehavior: ad, FilteringBehavior: apd},
		{MappingBehavior: apd, FilteringBehavior: ei}, {MappingBehavior: apd, FilteringBehavior: apd},
	} {
		m, f := names[nat.MappingBehavior], names[nat.FilteringBehavior]
		byTwo := EndpointIndependent
		if m != EndpointIndependent {
			byTwo = Dependent
		}
		for _, tc := range []struct {
			name    string
			at      []string
			urls    []string
			m, f    Behaviour
			mapping bool
		}{
			{"two addresses, two ports", four, []string{"stun:" + four[0]}, m, f, true},
			{"one address, two ports", ports, []string{"stun:" + four[0]}, onlyPorts(m), onlyPorts(f), true},
			{"two plain servers", plain, []string{"stun:" + four[0], "stun:" + four[2]}, byTwo, "", true},
			{"one plain server", four[:1], []string{"stun:" + four[0]}, "", "", true},
		} {
			t.Run(string(m)+" "+string(f)+"/"+tc.name, func(t *testing.T) {
				t.Parallel()
				r := natted(t, nat, tc.at, tc.urls...)
				if r.NAT != some(true) || r.UDP != some(true) || r.Mapping != tc.m || r.Filtering != tc.f {
					t.Errorf("%s: want mapping %q, filtering %q", r, tc.m, tc.f)
				}
				if len(r.Public) != 1 || r.Public[0].String() != "203.0.113.1" {
					t.Errorf("public %v", r.Public)
				}
			})
		}
	}
}
