package peer

import (
	"cmp"
	"crypto/tls"
	"log/slog"
	"net/netip"
	"time"

	"github.com/pion/transport/v4"
	"github.com/pion/webrtc/v4"
)

// Config is what all peers of a transport share. The zero Config works.
type Config struct {
	// ICEServers are the STUN and TURN servers; Factory.SetICEServers changes
	// them later.
	ICEServers []webrtc.ICEServer
	// Policy says which candidates are used; Factory.SetPolicy changes it later.
	Policy Policy
	// TLS is for connections to turns: servers, so that a self-made
	// certificate can be pinned; nil trusts the system's roots.
	TLS *tls.Config
	// Loopback adds candidates at 127.0.0.1 and ::1, and accepts them from the
	// other side: for demonstrations and tests on one machine.
	Loopback bool
	// HideAddresses replaces the addresses in our host candidates with mDNS
	// names, as browsers do. It helps only with a Net of nil.
	HideAddresses bool
	// NoTCP leaves out ICE-TCP (RFC 6544).
	NoTCP bool
	// RemoteFilter, if not nil, says whether packets may be sent to an address
	// because the other side named it; special-purpose ones never are.
	RemoteFilter func(netip.Addr) bool
	// RelayWait is how long relayed pairs wait for direct ones; 400 ms if 0.
	RelayWait time.Duration
	// Codecs are accepted besides VP8 and Opus, which are always there and
	// preferred.
	Codecs []Codec
	// Bitrate bounds congestion control, in bits per second.
	Bitrate Bitrate
	// Net replaces the machine's network, for tests; nil is the real one.
	Net transport.Net
	// Logger takes what is logged; nil is slog.Default.
	Logger *slog.Logger

	onlyTCP bool // for tests
}

// Policy says which candidates a connection uses.
type Policy uint8

// The policies. RelayOnly shows the other side none of our addresses; DirectOnly
// rather has no connection than a relayed one.
const (
	AllPaths Policy = iota
	RelayOnly
	DirectOnly
)

// ice is the part of a policy that pion knows.
func (p Policy) ice() webrtc.ICETransportPolicy {
	if p == RelayOnly {
		return webrtc.ICETransportPolicyRelay
	}
	return webrtc.ICETransportPolicyAll
}

// Codec is a codec with the kind of media it is for.
type Codec struct {
	webrtc.RTPCodecParameters
	Kind webrtc.RTPCodecType
}

// Bitrate bounds what congestion control estimates; zero fields are the defaults.
type Bitrate struct{ Start, Min, Max int }

// The defaults of Bitrate: start is a 640×360 picture and sound; below min the
// picture is of no use.
const (
	defaultStart = 1_000_000
	defaultMin   = 100_000
	defaultMax   = 8_000_000
)

// How ICE and DTLS wait. Measured: with pion's defaults the first packet comes
// after 1.0 s directly and 2.0 s relayed; with these 0.3 and 0.65 s. A relayed
// pair must not win only because the direct one takes three round trips.
const (
	srflxWait        = 50 * time.Millisecond
	prflxWait        = 100 * time.Millisecond
	defaultRelayWait = 400 * time.Millisecond

	// The other side's silence is told after disconnectedAfter, rounded up to
	// keepAlive: within 5 s. The path is kept for failedAfter more, because one
	// that comes back by itself is back at once.
	disconnectedAfter = 2500 * time.Millisecond
	failedAfter       = 25 * time.Second
	keepAlive         = time.Second

	// A pair is tried every 200 ms; pion's 7 tries give up before a slow
	// phone has answered.
	maxBindingRequests = 25

	// DTLS at 20 % loss takes up to 33 s with pion's 1 s, 2.9 s with this.
	dtlsRetransmit = 200 * time.Millisecond
)

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.RelayWait == 0 {
		c.RelayWait = defaultRelayWait
	}
	c.Bitrate.Start = cmp.Or(c.Bitrate.Start, defaultStart)
	c.Bitrate.Min = cmp.Or(c.Bitrate.Min, defaultMin)
	c.Bitrate.Max = cmp.Or(c.Bitrate.Max, defaultMax)
	return c
}
