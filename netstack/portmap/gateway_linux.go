package portmap

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// defaultGateway reads the kernel's IPv4 routes.
func defaultGateway() (netip.Addr, error) {
	f, err := os.Open("/proc/net/route")
	if err != nil {
		return netip.Addr{}, fmt.Errorf("read the routes: %w", err)
	}
	defer f.Close()
	return parseRoutes(f)
}

var errNoRoute = errors.New("no default route")

// parseRoutes returns the gateway of the default route with the lowest metric.
// Addresses stand there as hexadecimal numbers in the machine's byte order.
func parseRoutes(r io.Reader) (netip.Addr, error) {
	const up, viaGateway = 1, 2 // RTF_UP, RTF_GATEWAY of linux/route.h
	var best netip.Addr
	lowest := uint64(1 << 63)
	s := bufio.NewScanner(io.LimitReader(r, 1<<20))
	for s.Scan() {
		f := strings.Fields(s.Text())
		if len(f) < 8 || f[1] != "00000000" || f[7] != "00000000" {
			continue
		}
		gw, err1 := strconv.ParseUint(f[2], 16, 32)
		flags, err2 := strconv.ParseUint(f[3], 16, 32)
		metric, err3 := strconv.ParseUint(f[6], 10, 32)
		if err1 != nil || err2 != nil || err3 != nil || flags&(up|viaGateway) != up|viaGateway || metric >= lowest {
			continue
		}
		var b [4]byte
		binary.NativeEndian.PutUint32(b[:], uint32(gw))
		if ip := netip.AddrFrom4(b); ip.IsGlobalUnicast() || ip.IsLinkLocalUnicast() {
			best, lowest = ip, metric
		}
	}
	if err := s.Err(); err != nil {
		return netip.Addr{}, fmt.Errorf("read the routes: %w", err)
	}
	if !best.IsValid() {
		return netip.Addr{}, errNoRoute
	}
	return best, nil
}
