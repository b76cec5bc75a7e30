package peer

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"candid/netstack/ifwatch"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/transport/v4"
	"github.com/pion/transport/v4/stdnet"
	"github.com/pion/webrtc/v4"
)

// tcpFirstPacket is how long a connection to our ICE-TCP port may keep silent.
const tcpFirstPacket = 5 * time.Second

// Factory makes peers that share a configuration, a certificate and a TCP port.
type Factory struct {
	config      Config
	certificate webrtc.Certificate
	base        transport.Net // under each peer's own network
	logs        logFactory
	tcp         ice.TCPMux // nil: no passive ICE-TCP
	closeTCP    func() error

	ctx    context.Context // ends with Close
	cancel context.CancelFunc

	mu        sync.Mutex
	relayWait time.Duration
	policy    Policy
	servers   []webrtc.ICEServer
	addresses map[netip.Addr]ifwatch.Address
}

// NewFactory prepares to make peers. Close must be called, after all its peers
// are closed.
func NewFactory(c Config) (*Factory, error) {
	f := &Factory{config: c.withDefaults(), addresses: map[netip.Addr]ifwatch.Address{}}
	f.logs = logFactory{f.config.Logger}
	servers, err := checkServers(c.ICEServers)
	if err != nil {
		return nil, err
	}
	f.servers, f.relayWait, f.policy = servers, f.config.RelayWait, f.config.Policy
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a DTLS key: %w", err)
	}
	certificate, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return nil, fmt.Errorf("making a DTLS certificate: %w", err)
	}
	f.certificate = *certificate
	f.base = c.Net
	if f.base == nil {
		if f.base, err = stdnet.NewNet(); err != nil {
			return nil, fmt.Errorf("reading the network interfaces: %w", err)
		}
		if addrs, err := ifwatch.Addresses(); err == nil {
			f.SetAddresses(addrs)
		}
		if !c.NoTCP && c.Policy != RelayOnly {
			f.listenTCP()
		}
	}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f, nil
}

// SetICEServers replaces the STUN and TURN servers. Peers use them from their
// next restart on; the error says which server makes no sense, and nothing is
// changed then.
func (f *Factory) SetICEServers(servers []webrtc.ICEServer) error {
	checked, err := checkServers(servers)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.servers = checked
	return nil
}

// SetRelayWait has connections made from now on wait so long for a direct pair
// before they take a relayed one. Three round trips are right: less takes the
// relay although there is a direct way, more keeps those waiting who have none.
func (f *Factory) SetRelayWait(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.relayWait = d
}

// SetAddresses tells what addresses the machine has, from ifwatch.Watch.
func (f *Factory) SetAddresses(all []ifwatch.Address) {
	m := make(map[netip.Addr]ifwatch.Address, len(all))
	for _, a := range all {
		m[a.IP] = a
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.addresses = m
}

func (f *Factory) address(ip netip.Addr) (ifwatch.Address, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a, ok := f.addresses[ip.Unmap().WithZone("")]
	return a, ok
}

// addressSet returns the addresses packets may leave from, nil if none is known.
func (f *Factory) addressSet() map[netip.Addr]bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.addresses) == 0 {
		return nil
	}
	return usable(slices.Collect(maps.Values(f.addresses)))
}

// usable picks the addresses packets to others may leave from. Those of bridges
// and links come and go with every container.
func usable(all []ifwatch.Address) map[netip.Addr]bool {
	out := map[netip.Addr]bool{}
	for _, a := range all {
		if !a.Bridge && !a.IP.IsLinkLocalUnicast() && !a.IP.IsLoopback() {
			out[a.IP] = true
		}
	}
	return out
}

// iceServers are those to use: a connection without relay asks none for one.
func (f *Factory) iceServers() []webrtc.ICEServer {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.policy != DirectOnly {
		return f.servers
	}
	return withoutRelays(f.servers)
}

// SetPolicy says which candidates are used by peers made from now on.
func (f *Factory) SetPolicy(p Policy) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.policy = p
}

func (f *Factory) currentPolicy() Policy {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.policy
}

// Close frees what peers share.
func (f *Factory) Close() error {
	f.cancel()
	if f.closeTCP == nil {
		return nil
	}
	if err := f.closeTCP(); err != nil {
		return fmt.Errorf("closing the ICE-TCP port: %w", err)
	}
	return nil
}

// settings are pion's for one PeerConnection on network n.
func (f *Factory) settings(n *network, w *wishes) webrtc.SettingEngine {
	s := webrtc.SettingEngine{LoggerFactory: f.logs}
	s.SetNet(n)
	s.SetSrflxAcceptanceMinWait(srflxWait)
	s.SetPrflxAcceptanceMinWait(prflxWait)
	f.mu.Lock()
	s.SetRelayAcceptanceMinWait(f.relayWait)
	f.mu.Unlock()
	s.SetICETimeouts(disconnectedAfter, failedAfter, keepAlive)
	s.SetICEMaxBindingRequests(maxBindingRequests)
	s.SetICEBindingRequestHandler(w.take)
	// For the checks of all pairs alone: pion is to change nothing by itself.
	_ = s.SetICERenomination(webrtc.WithRenominationInterval(neverOnItsOwn))
	s.SetDTLSRetransmissionInterval(dtlsRetransmit)
	s.SetDTLSInsecureSkipHelloVerify(true) // ICE has verified the address: a round trip less
	// A side that leaves says so to the host, or falls silent. pion would close
	// our connection by itself, at a moment of its own.
	s.DisableCloseByDTLS(true)
	s.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80)
	s.SetIncludeLoopbackCandidate(f.config.Loopback)
	s.SetRemoteIPFilter(func(ip net.IP) bool {
		a, ok := netip.AddrFromSlice(ip)
		return ok && f.allow(a)
	})
	s.SetICEMulticastDNSMode(f.mdnsMode())
	s.SetICEProxyDialer(n)
	var types []webrtc.NetworkType
	if !f.config.onlyTCP {
		types = append(types, webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6)
	}
	// Who hides opens no connection of his own to anybody: ICE-TCP would.
	hides := f.currentPolicy() == RelayOnly
	s.DisableActiveTCP(hides)
	if !f.config.NoTCP && f.config.Net == nil && !hides {
		types = append(types, webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6)
	}
	s.SetNetworkTypes(types)
	if f.tcp != nil && !hides {
		s.SetICETCPMux(f.tcp)
	}
	return s
}

// mdnsMode: a browser behind the same router shows its address only as an mDNS
// name, so names of others are asked for; a virtual network has no multicast.
func (f *Factory) mdnsMode() ice.MulticastDNSMode {
	switch {
	case f.config.Net != nil || f.config.Loopback:
		return ice.MulticastDNSModeDisabled
	case f.config.HideAddresses:
		return ice.MulticastDNSModeQueryAndGather
	}
	return ice.MulticastDNSModeQueryOnly
}

// allow reports whether packets may be sent to ip on the other side's word.
func (f *Factory) allow(ip netip.Addr) bool {
	ip = ip.Unmap()
	return reachable(ip, f.config.Loopback) && (f.config.RemoteFilter == nil || f.config.RemoteFilter(ip))
}

func (f *Factory) rules() candidateRules {
	return candidateRules{allow: f.allow, mdns: f.mdnsMode() != ice.MulticastDNSModeDisabled, noRelay: f.currentPolicy() == DirectOnly}
}
