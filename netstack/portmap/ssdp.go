package portmap

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxLocations of description documents are followed, maxURL bytes long.
const (
	maxLocations = 4
	maxURL       = 512
)

var errNotOurs = errors.New("leads elsewhere than to the router")

// sameHost parses an address that a router gave and returns it if it leads to
// the router itself, by http and by number: nothing else is ever fetched.
func sameHost(raw string, router netip.Addr) (*url.URL, error) {
	if len(raw) > maxURL {
		return nil, fmt.Errorf("%w: %d bytes long", errNotOurs, len(raw))
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotOurs, err)
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if err != nil || ip.Unmap() != router || u.Scheme != "http" || u.User != nil || u.Opaque != "" {
		return nil, errNotOurs
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return nil, fmt.Errorf("%w: port %q", errNotOurs, p)
		}
	}
	return u, nil
}

// parseSSDP reads the answer to a search (UPnP Device Architecture 2.0, section
// 1.3.3) and returns where the device is described.
func parseSSDP(p []byte, router netip.Addr) (*url.URL, error) {
	head, rest, _ := strings.Cut(string(p), "\n")
	if f := strings.Fields(head); len(f) < 2 || !strings.HasPrefix(f[0], "HTTP/1.") || f[1] != "200" {
		return nil, errors.New("not an answer to a search")
	}
	for line := range strings.Lines(rest) {
		name, value, ok := strings.Cut(line, ":")
		if ok && strings.EqualFold(strings.TrimSpace(name), "location") {
			return sameHost(strings.TrimSpace(value), router)
		}
	}
	return nil, errors.New("an answer that says nothing")
}

// search looks for the router's description. It asks the router itself and,
// since some answer only that, the group; only the router's answers count. It
// calls found for each new place until found returns true or ctx ends.
func search(ctx context.Context, n network, gw gateway, found func(*url.URL) bool) error {
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(gw.local, 0)))
	if err != nil {
		return fmt.Errorf("search for UPnP: %w", err)
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for range 2 { // UDP may lose one
		for _, to := range []netip.AddrPort{netip.AddrPortFrom(gw.ip, n.search), n.ssdp} {
			for version := 1; version <= 2; version++ {
				_, _ = c.WriteToUDPAddrPort(searchFor(to, version), to) // the other may get through
			}
		}
	}
	var seen []string
	buf := make([]byte, 2048)
	for len(seen) < maxLocations {
		k, from, err := c.ReadFromUDPAddrPort(buf)
		var late net.Error
		switch {
		case errors.As(err, &late) && late.Timeout(), ctx.Err() != nil:
			return fmt.Errorf("%w to a UPnP search", errNoAnswer)
		case err != nil, from.Addr().Unmap() != gw.ip:
			continue // the report of an earlier send; or somebody else's answer
		}
		at, err := parseSSDP(buf[:k], gw.ip)
		if err != nil || slices.Contains(seen, at.String()) {
			continue
		}
		seen = append(seen, at.String())
		if found(at) {
			return nil
		}
	}
	return fmt.Errorf("%w by UPnP with anything of use", errNoAnswer)
}

func searchFor(to netip.AddrPort, version int) []byte {
	return fmt.Appendf(nil, "M-SEARCH * HTTP/1.1\r\nHOST: %s\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:%d\r\n\r\n", to, version)
}
