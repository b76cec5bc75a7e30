package ifwatch

import (
	"net"
	"os"
	"path/filepath"
	"strings"

	"candid/netstack"
)

// ARPHRD_ETHER and ARPHRD_NONE of linux/if_arp.h, as /sys prints them.
const (
	arpEther = "1"
	arpNone  = "65534"
)

// kindOf reads what the kernel says of the interface.
func kindOf(i net.Interface) netstack.NetworkKind {
	return kindIn("/sys/class/net", i)
}

func kindIn(sys string, i net.Interface) netstack.NetworkKind {
	if i.Flags&net.FlagLoopback != 0 {
		return netstack.Loopback
	}
	dir := filepath.Join(sys, i.Name)
	exists := func(name string) bool { _, err := os.Stat(filepath.Join(dir, name)); return err == nil }
	read := func(name string) string {
		b, _ := os.ReadFile(filepath.Join(dir, name))
		return strings.TrimSpace(string(b))
	}
	devtype := ""
	for line := range strings.Lines(read("uevent")) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "DEVTYPE="); ok {
			devtype = v
		}
	}
	arp := read("type")
	switch {
	case exists("wireless"), exists("phy80211"), devtype == "wlan":
		return netstack.WiFi
	case devtype == "wwan", strings.HasPrefix(i.Name, "wwan"), strings.HasPrefix(i.Name, "rmnet"):
		return netstack.Cellular
	case devtype == "wireguard", exists("tun_flags"), arp == arpNone, strings.HasPrefix(i.Name, "ppp"):
		return netstack.VPN
	case arp == arpEther:
		return netstack.Ethernet
	}
	return kindByFlags(i)
}
