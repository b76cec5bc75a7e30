// Package lan finds rooms on the local network, by multicast DNS and DNS-SD
// (RFC 6762, RFC 6763), service _candid._tcp. A host that its user allows to
// announces the names of its rooms, its port and its pin; never a secret:
// joining takes an invite still. Two hosts with rooms of one name differ by the
// pin. Anybody on the network can announce anything: what is found is a hint,
// and who connects must check the pin.
//
// One room is an instance. Its TXT record holds v=1, room= and pin=; SRV the
// port; A and AAAA the host's addresses. All stand in one message.
package lan

import (
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"candid/netstack/ifwatch"
	"candid/netstack/invite"
)

// Room is a room on the local network.
type Room struct {
	Name string
	Pin  invite.Pin
	Port uint16
	// Addresses of its host, sorted; of no meaning to SetRooms.
	Addresses []netip.Addr
}

// Event is something a Browser reports. The set is closed.
type Event interface{ event() }

type (
	// Found reports a room, or that it is at another place than before.
	Found struct{ Room Room }
	// Gone reports that a room found before is no longer there.
	Gone struct {
		Name string
		Pin  invite.Pin
	}
)

func (Found) event() {}
func (Gone) event()  {}

// Config is common to Announce and Browse; its zero value is fine.
type Config struct {
	// Addresses are those to announce; nil: the machine's own, but for
	// loopback, link-local ones and private bridges.
	Addresses func() []netip.Addr
	Logger    *slog.Logger // nil: slog.Default

	open func() ([]conn, error)
}

// conn is one multicast socket. Its methods may be called at once.
type conn interface {
	// read waits for a packet. After close it returns net.ErrClosed.
	read(p []byte) (n int, from netip.AddrPort, err error)
	// send sends to the group, on every interface.
	send(p []byte) error
	close() error
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Addresses == nil {
		c.Addresses = machineAddresses
	}
	if c.open == nil {
		c.open = openMulticast
	}
	return c
}

// Bounds. Whoever floods the network finds that it stops here.
const (
	maxRooms     = 64 // kept by a browser
	maxPerSource = 16 // of them from one machine
	maxAddresses = 8  // of one room
	maxAnnounced = 32 // by an announcer
	maxPacket    = 9000
	maxRate      = 100 // packets looked at in a second
	queued       = 64  // packets waiting to be looked at
)

// Times, of RFC 6762 where it has them.
const (
	ttl       = 120 * time.Second
	longest   = 10 * time.Minute // that another's time to live is believed
	perSecond = time.Second      // between answers, and between changes of a room
	slowest   = 60 * time.Second // between questions
	expiry    = time.Second
)

func machineAddresses() []netip.Addr {
	list, err := ifwatch.Addresses()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, a := range list {
		if !a.Bridge && a.IP.IsGlobalUnicast() && len(out) < maxAddresses {
			out = append(out, a.IP)
		}
	}
	return out
}

// readInto hands the packets of a socket to take until it is closed.
func readInto(c conn, take func(p []byte, from netip.AddrPort)) {
	buf := make([]byte, maxPacket)
	for failed := 0; failed < 100; {
		n, from, err := c.read(buf)
		if isClosed(err) {
			return
		}
		if err != nil {
			failed++
			continue
		}
		failed = 0
		take(append([]byte(nil), buf[:n]...), from)
	}
}

func closeAll(conns []conn) {
	for _, c := range conns {
		_ = c.close()
	}
}

func open(cfg Config) ([]conn, error) {
	conns, err := cfg.open()
	if err != nil {
		return nil, fmt.Errorf("open multicast DNS: %w", err)
	}
	return conns, nil
}
