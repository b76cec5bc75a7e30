package host

import (
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"candid/netstack"
	"candid/netstack/ifwatch"
)

func addrs(list ...string) (out []netip.Addr) {
	for _, s := range list {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

func TestRow41Reachable(t *testing.T) {
	ip := netip.MustParseAddr
	list := []ifwatch.Address{
		{IP: ip("127.0.0.1"), Interface: "lo", Kind: netstack.Loopback},
		{IP: ip("10.8.0.2"), Interface: "wg0", Kind: netstack.VPN},
		{IP: ip("fd00::2"), Interface: "eth0", Kind: netstack.Ethernet},
		{IP: ip("2a00::2"), Interface: "eth0", Kind: netstack.Ethernet},
		{IP: ip("fe80::2"), Interface: "eth0", Kind: netstack.Ethernet},
		{IP: ip("192.168.1.20"), Interface: "eth0", Kind: netstack.Ethernet},
		{IP: ip("172.17.0.1"), Interface: "docker0", Bridge: true},
		{IP: ip("192.168.7.7"), Interface: "wlan0", Kind: netstack.WiFi},
	}
	open := addrs("127.0.0.1", "10.8.0.2", "fd00::2", "2a00::2", "192.168.1.20", "172.17.0.1")
	want := addrs("192.168.1.20", "2a00::2", "fd00::2", "10.8.0.2")
	if got := reachable(list, open); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestURLs(t *testing.T) {
	lan := addrs("192.168.1.20", "2a00::2", "fd00::2")
	turn3 := func(at string) []string {
		return []string{"turn:" + at + "?transport=udp", "turn:" + at + "?transport=tcp", "turns:" + at + "?transport=tcp"}
	}
	for _, tc := range []struct {
		name, header string
		local        []netip.Addr
		stun, turn   []string
	}{
		{"over the LAN", "192.168.1.20:7788", lan,
			[]string{"stun:192.168.1.20:7788", "stun:[2a00::2]:7788"},
			append(turn3("192.168.1.20:7788"), "turn:[2a00::2]:7788?transport=udp")},
		{"over IPv6", "[2a00::2]:7788", lan,
			[]string{"stun:[2a00::2]:7788", "stun:192.168.1.20:7788"},
			append(turn3("[2a00::2]:7788"), "turn:192.168.1.20:7788?transport=udp")},
		{"through a router with another port", "203.0.113.5:9000", lan[:1],
			[]string{"stun:203.0.113.5:9000"}, turn3("203.0.113.5:9000")},
		{"by name", "otter.example.org:7788", lan,
			[]string{"stun:otter.example.org:7788"}, turn3("otter.example.org:7788")},
		{"name without port", "otter.example.org", lan,
			[]string{"stun:otter.example.org:7788"}, turn3("otter.example.org:7788")},
		{"this machine", "127.0.0.1:7788", lan[:1],
			[]string{"stun:192.168.1.20:7788"}, turn3("192.168.1.20:7788")},
		{"loopback mode", "127.0.0.1:7788", addrs("127.0.0.1", "::1"),
			[]string{"stun:127.0.0.1:7788", "stun:[::1]:7788"},
			append(turn3("127.0.0.1:7788"), "turn:[::1]:7788?transport=udp")},
		{"nonsense", "<script>?", lan[:1],
			[]string{"stun:192.168.1.20:7788"}, turn3("192.168.1.20:7788")},
		{"unspecified", "0.0.0.0:7788", lan[:1],
			[]string{"stun:192.168.1.20:7788"}, turn3("192.168.1.20:7788")},
		{"nothing anywhere", "", nil, nil, nil},
	} {
		stun, turn := urls(reachedBy(tc.header, 7788), tc.local, 7788)
		if !reflect.DeepEqual(stun, tc.stun) || !reflect.DeepEqual(turn, tc.turn) {
			t.Errorf("%s:\n got %v %v\nwant %v %v", tc.name, stun, turn, tc.stun, tc.turn)
		}
	}
}

// What the host tells of itself on a network: itself and what is mapped to it,
// and no loopback.
func TestAddresses(t *testing.T) {
	all := []ifwatch.Address{
		{IP: netip.MustParseAddr("127.0.0.1"), Kind: netstack.Loopback},
		{IP: netip.MustParseAddr("127.0.0.9"), Kind: netstack.Ethernet},
	}
	h, err := Start(t.Context(), Config{Port: AnyPort, Bind: addrs("127.0.0.1"), Public: addrs("203.0.113.5"), Names: []string{"otter.example.org", "heron.example.org:443"}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	h.addrs = func() ([]ifwatch.Address, error) { return all, nil }
	port := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(h.Port())).String()[len("127.0.0.1"):]
	want := []string{"otter.example.org" + port, "heron.example.org:443", "127.0.0.1" + port, "203.0.113.5" + port}
	if got := h.Addresses(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if i, err := h.LocalInvite("otter"); err == nil {
		t.Errorf("invite to no room: %v", i)
	}
	if _, err := h.NewRoom("otter"); err != nil {
		t.Fatal(err)
	}
	i, err := h.LocalInvite("otter")
	if err != nil || !slices.Equal(i.Addresses, []string{"127.0.0.1" + port}) {
		t.Errorf("local invite %v, %v", i.Addresses, err)
	}
	for a, want := range map[string]string{"192.168.1.20": "203.0.113.5", "2a00::2": "2a00::2", "93.184.216.34": "93.184.216.34"} {
		if got := h.advertise(netip.MustParseAddr(a)); got.String() != want {
			t.Errorf("a relay at %s is told as %v, want %s", a, got, want)
		}
	}
	if !h.own(netip.MustParseAddr("203.0.113.5")) {
		t.Error("the public address is not our own")
	}
}
