package portmap

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// pcp speaks RFC 6887.
type pcp struct {
	net    network
	gw     gateway
	nonces map[transport][12]byte // who knows it may change the mapping
}

const (
	pcpVersion  = 2
	pcpAnnounce = 0
	pcpMap      = 1
	pcpHeader   = 24
	pcpMapSize  = pcpHeader + 36
)

// findPCP announces us (RFC 6887 section 14.1), which changes nothing.
func findPCP(ctx context.Context, n network, gw gateway) (client, error) {
	c := &pcp{n, gw, make(map[transport][12]byte)}
	for _, t := range []transport{tcp, udp} {
		var nonce [12]byte
		_, _ = rand.Read(nonce[:]) // never fails
		c.nonces[t] = nonce
	}
	if _, err := c.ask(ctx, c.header(pcpAnnounce, 0)); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *pcp) protocol() Protocol { return PCP }

func (c *pcp) header(op byte, life time.Duration) []byte {
	b := make([]byte, pcpHeader, pcpMapSize)
	b[0], b[1] = pcpVersion, op
	binary.BigEndian.PutUint32(b[4:], uint32(life/time.Second))
	ip := c.gw.local.As16()
	copy(b[8:], ip[:])
	return b
}

func (c *pcp) mapRequest(t transport, inside, outside uint16, life time.Duration) []byte {
	b := c.header(pcpMap, life)[:pcpMapSize]
	m, nonce := b[pcpHeader:], c.nonces[t]
	copy(m, nonce[:])
	m[12] = byte(t)
	binary.BigEndian.PutUint16(m[16:], inside)
	binary.BigEndian.PutUint16(m[18:], outside)
	copy(m[20:], []byte{10: 0xFF, 11: 0xFF, 15: 0}) // ::ffff:0.0.0.0: any IPv4
	return b
}

// pcpAnswer is the answer to MAP or ANNOUNCE (RFC 6887 sections 7.2, 11.1).
type pcpAnswer struct {
	version, op, result byte
	nonce               []byte // of MAP
	transport           transport
	inside              uint16
	lease
}

func parsePCP(p []byte) (a pcpAnswer, ok bool) {
	if len(p) >= 4 && p[0] == 0 && p[1]&0x80 != 0 { // a NAT-PMP router says it does not understand
		return pcpAnswer{version: 0, op: p[1] & 0x7F, result: 1}, true
	}
	if len(p) < pcpHeader || len(p)%4 != 0 || p[1]&0x80 == 0 {
		return a, false
	}
	a.version, a.op, a.result = p[0], p[1]&0x7F, p[3]
	a.life = time.Duration(binary.BigEndian.Uint32(p[4:])) * time.Second
	if a.op != pcpMap || a.result == 1 {
		return a, true
	}
	if len(p) < pcpMapSize {
		return a, false
	}
	m := p[pcpHeader:]
	a.nonce, a.transport = bytes.Clone(m[:12]), transport(m[12])
	a.inside, a.port = binary.BigEndian.Uint16(m[16:]), binary.BigEndian.Uint16(m[18:])
	a.ip = netip.AddrFrom16([16]byte(m[20:36])).Unmap()
	return a, true
}

func (c *pcp) ask(ctx context.Context, request []byte) (pcpAnswer, error) {
	var got pcpAnswer
	err := ask(ctx, c.gw, c.net.pmpPort, request, func(p []byte) bool {
		a, ok := parsePCP(p)
		if !ok || a.version == pcpVersion && a.op != request[1] {
			return false
		}
		if a.nonce != nil && (!bytes.Equal(a.nonce, request[pcpHeader:pcpHeader+12]) ||
			byte(a.transport) != request[pcpHeader+12] || a.inside != binary.BigEndian.Uint16(request[pcpHeader+16:])) {
			return false
		}
		got = a
		return true
	})
	switch {
	case err != nil:
		return got, err
	case got.version != pcpVersion:
		return got, fmt.Errorf("%w in PCP: it knows version %d", errNoAnswer, got.version)
	case got.result != 0:
		err = &refusedError{protocol: PCP, code: int(got.result), text: pcpReason(got.result), conflict: got.result == 11}
	}
	return got, err
}

func pcpReason(code byte) string {
	switch code {
	case 1, 4, 5:
		return "it does not know this request"
	case 2:
		return "it is not allowed, or turned off"
	case 7:
		return "the router has no connection itself"
	case 8, 10:
		return "it has no ports left"
	case 11:
		return "the port is taken outside"
	case 12:
		return "another router stands between"
	}
	return "for a reason it does not tell"
}

func (c *pcp) add(ctx context.Context, t transport, inside, outside uint16, life time.Duration) (lease, error) {
	a, err := c.ask(ctx, c.mapRequest(t, inside, outside, life))
	if err != nil {
		return lease{}, err
	}
	if a.port == 0 || a.life == 0 {
		return lease{}, fmt.Errorf("PCP: %w: it granted nothing", errNoAnswer)
	}
	return a.lease, nil
}

func (c *pcp) remove(ctx context.Context, t transport, inside, outside uint16) error {
	_, err := c.ask(ctx, c.mapRequest(t, inside, outside, 0))
	return err
}

// errOnlyWithMap: PCP tells the address outside with a mapping only.
var errOnlyWithMap = errors.New("PCP tells the address outside with a mapping only")

func (c *pcp) externalIP(context.Context) (netip.Addr, error) { return netip.Addr{}, errOnlyWithMap }
