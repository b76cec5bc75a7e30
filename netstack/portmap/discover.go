package portmap

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"candid/netstack"
)

// network is what tests replace.
type network struct {
	gateway func() (gateway, error)
	after   func(time.Duration) <-chan time.Time
	now     func() time.Time
	pmpPort uint16         // of NAT-PMP and PCP
	ssdp    netip.AddrPort // the multicast group
	search  uint16         // the gateway's SSDP port
}

// gateway is the router, and our own address towards it.
type gateway struct{ ip, local netip.Addr }

func (n network) withDefaults() network {
	if n.gateway == nil {
		n.gateway = findGateway
	}
	if n.after == nil {
		n.after = time.After
	}
	if n.now == nil {
		n.now = time.Now
	}
	if n.pmpPort == 0 {
		n.pmpPort = 5351
	}
	if !n.ssdp.IsValid() {
		n.ssdp = netip.MustParseAddrPort("239.255.255.250:1900")
	}
	if n.search == 0 {
		n.search = 1900
	}
	return n
}

func findGateway() (gateway, error) {
	ip, err := defaultGateway()
	if err != nil {
		return gateway{}, err
	}
	// Nothing is sent: connecting a UDP socket chooses the source address.
	c, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 9)))
	if err != nil {
		return gateway{}, fmt.Errorf("find our address towards the gateway: %w", err)
	}
	defer c.Close()
	return gateway{ip, c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()}, nil
}

// finders look for a router that speaks their protocol.
var finders = [...]func(context.Context, network, gateway) (client, error){findPCP, findNATPMP, findUPnP}

type answer struct {
	client client
	err    error
	which  int
}

// discover starts all finders. As many answers come as there are finders, each
// before ctx ends or a little after.
func discover(ctx context.Context, n network, gw gateway) <-chan answer {
	out := make(chan answer, len(finders))
	for i, f := range finders {
		go func() {
			c, err := f(ctx, n, gw)
			out <- answer{c, err, i}
		}()
	}
	return out
}

// Available says which protocols the router speaks. What was not asked is
// unknown.
type Available struct {
	UPnP   netstack.Opt[bool] `json:"upnp"`
	NATPMP netstack.Opt[bool] `json:"natPmp"`
	PCP    netstack.Opt[bool] `json:"pcp"`
	// External is the router's address outside by its own word, if it told.
	External netip.Addr `json:"external,omitzero"`
}

// Any reports whether a port could be opened; unknown if nothing was asked.
func (a Available) Any() netstack.Opt[bool] {
	for _, o := range []netstack.Opt[bool]{a.UPnP, a.NATPMP, a.PCP} {
		if o.OK && o.Value {
			return o
		}
	}
	return netstack.Opt[bool]{OK: a.UPnP.OK || a.NATPMP.OK || a.PCP.OK}
}

// Probe asks the router what it speaks, without opening anything, and waits for
// all answers until ctx ends. Without a gateway everything is false.
func Probe(ctx context.Context) Available { return probe(ctx, network{}.withDefaults()) }

func probe(ctx context.Context, n network) Available {
	gw, err := n.gateway()
	if err != nil {
		no := netstack.Some(false)
		return Available{UPnP: no, NATPMP: no, PCP: no}
	}
	var a Available
	answers := discover(ctx, n, gw)
	for range finders {
		found := <-answers
		*[...]*netstack.Opt[bool]{&a.PCP, &a.NATPMP, &a.UPnP}[found.which] = netstack.Some(found.err == nil)
		if found.err == nil && !a.External.IsValid() {
			if ip, err := found.client.externalIP(ctx); err == nil {
				a.External = ip
			}
		}
	}
	return a
}

// resend is the first pause before a request is repeated; RFC 6886 section 3.1
// doubles it each time.
const resend = 250 * time.Millisecond

// ask sends a request to the router until take accepts an answer, or ctx ends.
// Only packets from exactly there are looked at.
func ask(ctx context.Context, gw gateway, port uint16, request []byte, take func([]byte) bool) error {
	c, err := net.DialUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(gw.local, 0)), net.UDPAddrFromAddrPort(netip.AddrPortFrom(gw.ip, port)))
	if err != nil {
		return fmt.Errorf("ask the router: %w", err)
	}
	defer c.Close()
	var mu sync.Mutex // a deadline set after ctx ended would undo it
	stop := context.AfterFunc(ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		_ = c.SetReadDeadline(time.Unix(1, 0))
	})
	defer stop()
	buf := make([]byte, 1100) // RFC 6887 section 7: no message is longer
	for pause := resend; ; pause *= 2 {
		mu.Lock()
		if ctx.Err() == nil {
			_ = c.SetReadDeadline(time.Now().Add(pause))
		}
		mu.Unlock()
		if _, err := c.Write(request); err != nil {
			return fmt.Errorf("%w: %w", errNoAnswer, err)
		}
		for {
			k, err := c.Read(buf)
			if err == nil && take(buf[:k]) {
				return nil
			}
			var late net.Error
			if errors.As(err, &late) && late.Timeout() {
				break
			}
			if err != nil { // nothing listens there
				return fmt.Errorf("%w: %w", errNoAnswer, err)
			}
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", errNoAnswer, ctx.Err())
		}
	}
}
