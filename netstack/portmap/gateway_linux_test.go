package portmap

import (
	"strings"
	"testing"
)

const routeHead = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"

func TestParseRoutes(t *testing.T) {
	for _, tc := range []struct{ name, routes, want string }{
		{"one", "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n", "192.168.1.1"},
		{"the lower metric", "wlan0\t00000000\t0102A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\neth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n", "192.168.1.1"},
		{"none", "eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n", ""},
		{"a link without gateway", "ppp0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n", ""},
		{"down", "eth0\t00000000\t0101A8C0\t0002\t0\t0\t0\t00000000\t0\t0\t0\n", ""},
		{"half of everything, by a VPN", "tun0\t00000000\t0101080A\t0003\t0\t0\t0\t00000080\t0\t0\t0\n", ""},
		{"nonsense", "eth0\t00000000\tXYZ\t0003\t0\t0\t0\t00000000\t0\t0\t0\n", ""},
	} {
		got, err := parseRoutes(strings.NewReader(routeHead + tc.routes))
		if (err == nil) != (tc.want != "") || err == nil && got.String() != tc.want {
			t.Errorf("%s: %v, %v", tc.name, got, err)
		}
	}
}

func FuzzRoutes(f *testing.F) {
	f.Add(routeHead + "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n")
	f.Fuzz(func(t *testing.T, s string) {
		if ip, err := parseRoutes(strings.NewReader(s)); err == nil && (!ip.Is4() || ip.IsMulticast() || ip.IsLoopback()) {
			t.Errorf("gateway %v", ip)
		}
	})
}
