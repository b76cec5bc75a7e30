package ifwatch

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"candid/netstack"
)

func TestKindFromSys(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		flags net.Flags
		want  netstack.NetworkKind
	}{
		{"lo", map[string]string{"type": "772\n"}, net.FlagLoopback, netstack.Loopback},
		{"eth0", map[string]string{"type": "1\n", "uevent": "INTERFACE=eth0\n"}, 0, netstack.Ethernet},
		{"wlp3s0", map[string]string{"type": "1\n", "uevent": "DEVTYPE=wlan\nINTERFACE=wlp3s0\n"}, 0, netstack.WiFi},
		{"wlan0", map[string]string{"type": "1\n", "wireless/x": ""}, 0, netstack.WiFi},
		{"wg0", map[string]string{"type": "65534\n", "uevent": "DEVTYPE=wireguard\n"}, 0, netstack.VPN},
		{"tap0", map[string]string{"type": "1\n", "tun_flags": "0x1002\n"}, 0, netstack.VPN},
		{"ppp0", map[string]string{"type": "512\n"}, net.FlagPointToPoint, netstack.VPN},
		{"wwan0", map[string]string{"type": "65534\n", "uevent": "DEVTYPE=wwan\n"}, 0, netstack.Cellular},
		{"ib0", map[string]string{"type": "32\n"}, 0, ""},
	} {
		sys := t.TempDir()
		for name, text := range c.files {
			path := filepath.Join(sys, c.name, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got := kindIn(sys, net.Interface{Name: c.name, Flags: c.flags}); got != c.want {
			t.Errorf("%s is %q, want %q", c.name, got, c.want)
		}
	}
}
