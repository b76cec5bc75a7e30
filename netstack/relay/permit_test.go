package relay

import (
	"net/netip"
	"testing"
	"time"
)

// near and far are where members' signaling comes from.
var (
	near = netip.MustParseAddr("192.168.1.20")
	far  = netip.MustParseAddr("93.184.216.34")
)

// TestRow15SpecialList holds the list: the first and last address of each prefix
// are special, ordinary ones are not.
func TestRow15SpecialList(t *testing.T) {
	if len(special) != 26 {
		t.Fatalf("%d prefixes, want 26", len(special))
	}
	for _, p := range special {
		if !isSpecial(p.Addr()) {
			t.Errorf("%v is not special", p.Addr())
		}
	}
	for _, a := range []string{"8.8.8.8", "100.63.255.255", "100.128.0.0", "172.32.0.1", "192.0.1.1", "198.20.0.1", "223.255.255.255", "2606:4700::1111", "2a00::1"} {
		if isSpecial(netip.MustParseAddr(a)) {
			t.Errorf("%s is special", a)
		}
	}
}

func TestRoute(t *testing.T) {
	own := netip.MustParseAddr("192.168.1.2")
	public := netip.MustParseAddr("93.184.216.1") // mapped to this machine one to one
	at := netip.MustParseAddrPort
	for _, tc := range []struct {
		name   string
		from   netip.Addr // of who signals
		signal string
		peer   string
		permit bool
		route  bool
	}{
		{"public", far, "8.8.4.4:5000", "8.8.4.4:5000", true, true},
		{"public, another port", far, "8.8.4.4:5000", "8.8.4.4:6000", true, true},
		{"public, service port", far, "8.8.4.4:5000", "8.8.4.4:53", true, false},
		{"service port signaled", far, "8.8.4.4:53", "8.8.4.4:53", false, false},
		{"public IPv6", far, "[2606:4700::1]:5000", "[2606:4700::1]:5000", true, true},
		{"mapped IPv4", far, "[::ffff:8.8.4.4]:5000", "8.8.4.4:5000", true, true},
		{"not signaled", far, "8.8.4.4:5000", "8.8.8.8:5000", false, false},
		{"LAN of a near member", near, "192.168.1.30:5000", "192.168.1.30:5000", true, true},
		{"LAN, another port", near, "192.168.1.30:5000", "192.168.1.30:5001", true, false},
		{"LAN of a far member", far, "192.168.1.30:5000", "192.168.1.30:5000", false, false},
		{"unique local IPv6", near, "[fd00::7]:5000", "[fd00::7]:5000", true, true},
		{"own address", near, "192.168.1.2:5000", "192.168.1.2:5000", false, false},
		{"own public address", near, "93.184.216.1:5000", "93.184.216.1:5000", false, false},
		{"loopback", near, "127.0.0.1:5000", "127.0.0.1:5000", false, false},
		{"loopback IPv6", near, "[::1]:5000", "[::1]:5000", false, false},
		{"loopback in IPv6", near, "[::ffff:127.0.0.1]:5000", "127.0.0.1:5000", false, false},
		{"IPv4-compatible", near, "[::127.0.0.1]:5000", "[::127.0.0.1]:5000", false, false},
		{"NAT64", near, "[64:ff9b::7f00:1]:5000", "[64:ff9b::7f00:1]:5000", false, false},
		{"local NAT64", near, "[64:ff9b:1::1]:5000", "[64:ff9b:1::1]:5000", false, false},
		{"6to4", near, "[2002:7f00:1::]:5000", "[2002:7f00:1::]:5000", false, false},
		{"link-local, cloud metadata", near, "169.254.169.254:5000", "169.254.169.254:5000", false, false},
		{"link-local IPv6", near, "[fe80::1]:5000", "[fe80::1]:5000", false, false},
		{"multicast", near, "224.0.0.251:5353", "224.0.0.251:5353", false, false},
		{"multicast IPv6", near, "[ff02::fb]:5353", "[ff02::fb]:5353", false, false},
		{"broadcast", near, "255.255.255.255:5000", "255.255.255.255:5000", false, false},
		{"this network", near, "0.1.2.3:5000", "0.1.2.3:5000", false, false},
		{"unspecified", near, "0.0.0.0:5000", "0.0.0.0:5000", false, false},
		{"class E", near, "240.0.0.1:5000", "240.0.0.1:5000", false, false},
	} {
		s := New(Config{Own: func(a netip.Addr) bool { return a == own || a == public }})
		anna, ben := Member{"r", "anna"}, Member{"r", "ben"}
		for m, from := range map[Member]netip.Addr{anna: near, ben: tc.from} {
			if _, err := s.Issue(m, from); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Signaled(ben, at(tc.signal)); err != nil {
			t.Fatal(err)
		}
		m := s.members[anna]
		if got := s.permits(m, at(tc.peer).Addr()); got != tc.permit {
			t.Errorf("%s: permission %v, want %v", tc.name, got, tc.permit)
		}
		if _, got := s.route(m, at(tc.peer)); got != tc.route {
			t.Errorf("%s: route %v, want %v", tc.name, got, tc.route)
		}
	}
}

// At the machine's own addresses only the room's relayed addresses are reached.
func TestRouteToRelayed(t *testing.T) {
	own := netip.MustParseAddr("192.168.1.2")
	s := New(Config{Own: func(a netip.Addr) bool { return a == own }})
	add := func(id Member, port uint16) *member {
		if _, err := s.Issue(id, near); err != nil {
			t.Fatal(err)
		}
		m := s.members[id]
		at := netip.AddrPortFrom(own, port)
		m.room.relayed[at] = &allocation{srv: s, relayed: at, member: m}
		return m
	}
	a := add(Member{"r", "anna"}, 50001)
	b := add(Member{"r", "ben"}, 50002)
	c := add(Member{"q", "carol"}, 50003)
	for _, tc := range []struct {
		name string
		m    *member
		port uint16
		want *member
	}{
		{"anna to ben", a, 50002, b},
		{"ben to anna", b, 50001, a},
		{"anna to herself", a, 50001, nil},
		{"to another room", a, 50003, nil},
		{"to a port that is not relayed", a, 50004, nil},
		{"carol to anna", c, 50001, nil},
	} {
		target, ok := s.route(tc.m, netip.AddrPortFrom(own, tc.port))
		if ok != (tc.want != nil) || ok && target.member != tc.want {
			t.Errorf("%s: %v", tc.name, ok)
		}
	}
	if !s.permits(a, own) || s.permits(c, own) {
		t.Error("a permission for the own address follows from others' allocations in the room")
	}
}

// Who moves to another network takes his place among the near with him.
func TestPlaces(t *testing.T) {
	s := New(Config{})
	id := Member{"r", "anna"}
	for _, from := range []netip.Addr{near, far, near} {
		if _, err := s.Issue(id, from); err != nil {
			t.Fatal(err)
		}
		if got := s.members[id].near; got != (from == near) {
			t.Errorf("from %v: near is %v", from, got)
		}
	}
	if len(s.sources) != 1 {
		t.Errorf("%d sources of one member", len(s.sources))
	}
	for range 10 {
		if _, err := s.Issue(id, near); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.users) != keptCredentials {
		t.Errorf("%d credentials kept, want %d", len(s.users), keptCredentials)
	}
	s.Revoke(id)
	if len(s.members)+len(s.users)+len(s.rooms)+len(s.sources) != 0 {
		t.Error("something is left of a member who left")
	}
}

func TestBucket(t *testing.T) {
	now := time.Unix(1000, 0)
	b := newBucket(100, 50)
	for i, tc := range []struct {
		after time.Duration
		n     float64
		want  bool
	}{
		{0, 50, true},
		{0, 1, false},
		{100 * time.Millisecond, 10, true},
		{0, 1, false},
		{-time.Hour, 1, false}, // a clock set back gives nothing
		{2 * time.Hour, 51, false},
		{0, 50, true},
	} {
		now = now.Add(tc.after)
		if got := b.take(tc.n, now); got != tc.want {
			t.Errorf("step %d: %v, want %v", i, got, tc.want)
		}
	}
}

func TestLimiterCountsByNetwork(t *testing.T) {
	l := newLimiter(3)
	now := time.Unix(1000, 0)
	n := 0
	for i := range 20 {
		a := netip.MustParseAddr("2001:db8::").As16()
		a[15] = byte(i)
		if l.allow(netip.AddrFrom16(a), now) {
			n++
		}
	}
	if n != 3 {
		t.Errorf("one /64 got %d replies, want 3", n)
	}
	if !l.allow(netip.MustParseAddr("192.0.2.1"), now) {
		t.Error("another source got none")
	}
}
