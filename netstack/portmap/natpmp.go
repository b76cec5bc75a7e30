package portmap

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"
)

// natPMP speaks RFC 6886.
type natPMP struct {
	net network
	gw  gateway
}

// findNATPMP asks for the external address, which every such router answers.
func findNATPMP(ctx context.Context, n network, gw gateway) (client, error) {
	c := &natPMP{n, gw}
	_, err := c.externalIP(ctx)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (c *natPMP) protocol() Protocol { return NATPMP }

// natPMPAnswer is any answer (RFC 6886 sections 3.2, 3.3 and 3.5).
type natPMPAnswer struct {
	op     byte
	result uint16
	ip     netip.Addr // op 0
	inside uint16
	lease
}

func parseNATPMP(p []byte) (a natPMPAnswer, ok bool) {
	if len(p) < 8 || p[0] != 0 || p[1] < 128 || p[1] > 130 {
		return a, false
	}
	a.op, a.result = p[1]-128, binary.BigEndian.Uint16(p[2:])
	switch {
	case a.result != 0: // the rest may be missing
		return a, true
	case a.op == 0 && len(p) >= 12:
		a.ip = netip.AddrFrom4([4]byte(p[8:12]))
		return a, true
	case a.op != 0 && len(p) >= 16:
		a.inside, a.port = binary.BigEndian.Uint16(p[8:]), binary.BigEndian.Uint16(p[10:])
		a.life = time.Duration(binary.BigEndian.Uint32(p[12:])) * time.Second
		return a, true
	}
	return a, false
}

func (c *natPMP) ask(ctx context.Context, request []byte, inside uint16) (natPMPAnswer, error) {
	var got natPMPAnswer
	err := ask(ctx, c.gw, c.net.pmpPort, request, func(p []byte) bool {
		a, ok := parseNATPMP(p)
		if !ok || a.op != request[1] || a.result == 0 && a.op != 0 && a.inside != inside {
			return false
		}
		got = a
		return true
	})
	if err == nil && got.result != 0 {
		err = &refusedError{protocol: NATPMP, code: int(got.result), text: natPMPReason(got.result)}
	}
	return got, err
}

func natPMPReason(code uint16) string {
	switch code {
	case 1:
		return "it does not know this version"
	case 2:
		return "it is not allowed, or turned off"
	case 3:
		return "the router has no connection itself"
	case 4:
		return "it has no ports left"
	case 5:
		return "it does not know this request"
	}
	return "for a reason it does not tell"
}

func (c *natPMP) externalIP(ctx context.Context) (netip.Addr, error) {
	a, err := c.ask(ctx, []byte{0, 0}, 0)
	return a.ip, err
}

func (c *natPMP) request(t transport, inside, outside uint16, life time.Duration) []byte {
	b := make([]byte, 12)
	b[1] = 1
	if t == tcp {
		b[1] = 2
	}
	binary.BigEndian.PutUint16(b[4:], inside)
	binary.BigEndian.PutUint16(b[6:], outside)
	binary.BigEndian.PutUint32(b[8:], uint32(life/time.Second))
	return b
}

func (c *natPMP) add(ctx context.Context, t transport, inside, outside uint16, life time.Duration) (lease, error) {
	a, err := c.ask(ctx, c.request(t, inside, outside, life), inside)
	if err != nil {
		return lease{}, err
	}
	if a.port == 0 || a.life == 0 {
		return lease{}, fmt.Errorf("NAT-PMP: %w: it granted nothing", errNoAnswer)
	}
	return a.lease, nil
}

func (c *natPMP) remove(ctx context.Context, t transport, inside, _ uint16) error {
	_, err := c.ask(ctx, c.request(t, inside, 0, 0), inside)
	return err
}
