package verdict_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"candid/netstack"
	"candid/netstack/verdict"

	"github.com/pion/webrtc/v4"
)

// What a network is like, put together by the tests.
type trait func(*verdict.Evidence)

func network(ts ...trait) (e verdict.Evidence) {
	for _, t := range ts {
		t(&e)
	}
	return e
}

func udp(on bool) trait { return func(e *verdict.Evidence) { e.UDP = netstack.Some(on) } }
func router(mapping, filtering string) trait {
	return func(e *verdict.Evidence) {
		e.UDP, e.NAT, e.Mapping, e.Filtering = netstack.Some(true), netstack.Some(true), mapping, filtering
	}
}
func families(v4, v6 bool) trait {
	return func(e *verdict.Evidence) {
		e.UDP, e.IPv4, e.IPv6 = netstack.Some(true), netstack.Some(v4), netstack.Some(v6)
	}
}
func noNAT(e *verdict.Evidence)   { e.UDP, e.NAT = netstack.Some(true), netstack.Some(false) }
func opens(e *verdict.Evidence)   { e.PortMapping = netstack.Some(true) }
func onVPN(e *verdict.Evidence)   { e.VPN = netstack.Some(true) }
func metered(e *verdict.Evidence) { e.Metered = netstack.Some(true) }
func captive(e *verdict.Evidence) { e.CaptivePortal = netstack.Some(true) }
func says(codes ...int) trait {
	return func(e *verdict.Evidence) {
		for i, c := range codes {
			e.Servers = append(e.Servers, verdict.Answer{Kind: "turn", Protocol: []string{"udp", "tcp", "tls"}[i], Code: c})
		}
	}
}

const ei, apd = "endpoint-independent", "address-and-port-dependent"

// judged are links with what both sides know of their networks, and what is
// said of them.
func judged() []struct {
	name         string
	link         netstack.Link
	mine, theirs verdict.Evidence
	why, better  string // parts; "-" for none
} {
	ms := netstack.Some(24 * time.Millisecond)
	strict, easy := network(router(apd, apd)), network(router(ei, ei))
	overRelay := link(relay("udp"), srflx("198.51.100.7"), ms)
	overRelay.Local = append(overRelay.Local, host("192.168.1.2")) // so that nothing is hidden
	theirRelay := link(host("192.168.1.2"), relay(""), ms)
	theirRelay.Remote = append(theirRelay.Remote, host("192.168.1.3"))
	overTLS := link(relay("tls"), host("192.168.1.3"), ms)
	hidden := link(relay("udp"), srflx("198.51.100.7"), ms)
	hiddenThere := link(host("192.168.1.2"), relay(""), ms)
	direct := link(host("192.168.1.2"), srflx("198.51.100.7"), ms)
	tcp := host("192.168.1.2")
	tcp.Protocol = "tcp"
	overTCP := link(tcp, host("192.168.1.3"), ms)
	via := func(topology netstack.Topology, l netstack.Link) netstack.Link { l.Topology = topology; return l }
	broken := netstack.Link{State: webrtc.PeerConnectionStateFailed, Pairs: []netstack.Pair{{State: netstack.PairFailed}}}
	checking := netstack.Link{State: webrtc.PeerConnectionStateConnecting, Remote: []netstack.Candidate{host("192.168.1.3")}}
	none := verdict.Evidence{}
	return []struct {
		name         string
		link         netstack.Link
		mine, theirs verdict.Evidence
		why, better  string
	}{
		{"both strict", overRelay, strict, strict, "Not direct: both routers give a new port to every destination.", "Open UDP 7788 at home"},
		{"both strict, mine opens ports", overRelay, network(router(apd, apd), opens), strict, "both routers give", "Host the room on your computer"},
		{"both strict, theirs opens ports", overRelay, strict, network(router(apd, apd), opens), "both routers give", "Let the other side host the room"},
		{"both strict, both open ports", overRelay, network(router(apd, apd), opens), network(router(apd, apd), opens), "both routers give", "one of your computers"},
		{"mine strict, theirs picky", overRelay, strict, network(router(ei, apd)), "your router gives a new port to every destination, and the other side's lets in only ports", "Open UDP 7788"},
		{"theirs strict, mine picky", theirRelay, network(router(ei, apd)), strict, "the other side's router gives a new port to every destination, and yours", "Open UDP 7788"},
		{"mine strict, theirs unknown", overRelay, strict, none, "your router gives a new port to every destination, and the other one", "Open UDP 7788"},
		{"theirs strict, mine unknown", overRelay, none, strict, "the other side's router gives a new port", "Open UDP 7788"},
		{"both easy", overRelay, easy, easy, "though the routers would let the call through", "look for a better way"},
		{"no NAT and easy", overRelay, network(noNAT), easy, "though the routers would let the call through", "look for a better way"},
		{"nothing known", overRelay, none, none, "nothing through directly", "open a UDP port"},
		{"nothing known, their relay", theirRelay, none, none, "can only be reached through it", "its router opened a port"},
		{"UDP blocked here", overTLS, network(udp(false)), easy, "your network blocks UDP, so the call goes over TLS", "on your network"},
		{"UDP blocked here, their relay", theirRelay, network(udp(false)), easy, "your network blocks UDP, so the call goes over TCP", "on your network"},
		{"UDP blocked there", overRelay, easy, network(udp(false)), "the other side's network blocks UDP", "allowed there"},
		{"UDP blocked on both", overTLS, network(udp(false)), network(udp(false)), "both networks block UDP, so the call goes over TLS", "either side"},
		{"over TLS though UDP works", overTLS, easy, easy, "over TLS, like a web page, though UDP gets through", "look for a better way"},
		{"hidden here", hidden, easy, easy, "you hide this computer's addresses", "Without hiding"},
		{"hidden there", hiddenThere, easy, easy, "the other side hides its addresses", "-"},
		{"IPv4 and IPv6", overRelay, network(families(true, false)), network(families(false, true)), "IPv6 only, the other IPv4 only", "both kinds"},
		{"IPv6 and IPv4", overRelay, network(families(false, true)), network(families(true, false)), "IPv6 only, the other IPv4 only", "both kinds"},

		{"direct, mine strict", direct, strict, easy, "your router gives a new port to every destination, but the other side lets it in", "-"},
		{"direct, theirs strict", direct, easy, strict, "the other side's router gives a new port to every destination, but your side", "-"},
		{"direct, no NAT", direct, network(noNAT), network(noNAT), "no router translates addresses on either side", "-"},
		{"direct, my VPN", direct, network(onVPN), easy, "Direct, through your VPN", "Without the VPN"},
		{"direct, their VPN", direct, easy, network(onVPN), "the other side's VPN", "Without the VPN there"},
		{"direct, metered", direct, network(metered), none, "routers on both sides", "mobile connection"},
		{"TCP, blocked here", overTCP, network(udp(false)), easy, "your network blocks UDP", "Let UDP through there"},
		{"TCP, blocked there", overTCP, easy, network(udp(false)), "the other side's network blocks UDP", "Let UDP through there"},
		{"TCP, blocked on both", overTCP, network(udp(false)), network(udp(false)), "both networks block UDP", "Let UDP through there"},

		{"SFU over TCP", via(netstack.SFU, overTCP), none, none, "passes everyone's", "The way to the host is TCP"},
		{"MCU by VPN", via(netstack.MCU, direct), network(onVPN), none, "can see and hear", "Without your VPN"},

		{"checking behind a login", checking, network(captive), none, "Both sides are telling", "log in"},
		{"checking, their login", checking, none, network(captive), "Both sides are telling", "There, a web page"},
		{"failed behind a login", broken, network(captive), none, "seems to want a login first", "log in"},
		{"failed behind their login", broken, none, network(captive), "other side's network seems to want a login", "There, a web page"},
		{"failed, 401", broken, network(says(401, 401)), none, "refuses our credentials (401)", "join again"},
		{"failed, 403", broken, network(says(701, 403)), none, "refuses our credentials (403)", "join again"},
		{"failed, 486", broken, network(says(486)), none, "relay is full (486)", "Try again"},
		{"failed, relay dead", broken, network(says(701, 701)), none, "nothing came through", "its port must be open"},
		{"failed, a relay is there", func() netstack.Link { l := broken; l.Local = []netstack.Candidate{relay("udp")}; return l }(), network(says(701, 0)), none, "nothing came through", "another network"},
		{"failed, UDP blocked here", broken, network(udp(false)), none, "your network blocks UDP, and the host's relay", "its port must be open"},
		{"failed, UDP blocked there", broken, none, network(udp(false)), "the other side's network blocks UDP", "its port must be open"},
		{"failed, UDP blocked on both", broken, network(udp(false)), network(udp(false)), "both networks block UDP", "its port must be open"},
	}
}

func TestOfWithEvidence(t *testing.T) {
	for _, c := range judged() {
		why, hint := c.why, c.better
		v := verdict.Of(c.link, c.mine, c.theirs)
		if !strings.Contains(v.Why, why) {
			t.Errorf("%s: %q, want %q", c.name, v.Why, why)
		}
		if hint == "-" && v.Better != "" || hint != "-" && !strings.Contains(v.Better, hint) {
			t.Errorf("%s: better is %q, want %q", c.name, v.Better, hint)
		}
		for _, s := range []string{v.Why, v.Better} {
			if s != "" && (strings.ContainsAny(s, "\n%") || !strings.HasSuffix(s, ".") || strings.Contains(strings.TrimSuffix(s, "."), ". ")) {
				t.Errorf("%s: %q is not one sentence", c.name, s)
			}
		}
	}
}

// TestEvery sentence of the package is said of some link of the tables.
func TestEverySentenceIsHeld(t *testing.T) {
	var said strings.Builder
	for _, c := range judged() {
		v := verdict.Of(c.link, c.mine, c.theirs)
		said.WriteString(v.Why + "\n" + v.Better + "\n")
	}
	for _, l := range links() {
		v := verdict.Of(l.link, verdict.Evidence{}, verdict.Evidence{})
		said.WriteString(v.Why + "\n" + v.Better + "\n")
	}
	verb := regexp.MustCompile(`%[a-z]`)
	n := 0
	for _, file := range []string{"verdict.go", "reasons.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(node ast.Node) bool {
			lit, ok := node.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(lit.Value)
			if err != nil || len(text) < 25 || strings.HasPrefix(text, "github.com/") {
				return true
			}
			n++
			for _, part := range verb.Split(text, -1) {
				if !strings.Contains(said.String(), part) {
					t.Errorf("no link of the tests is said %q of", text)
				}
			}
			return true
		})
	}
	if n < 40 {
		t.Errorf("only %d sentences found", n)
	}
}

func TestReadEvidence(t *testing.T) {
	e := network(router(apd, ei), opens, says(0, 486, 701))
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	back, err := verdict.ReadEvidence(b)
	if err != nil || back.Mapping != apd || !back.PortMapping.Value || len(back.Servers) != 3 || back.IPv6.OK {
		t.Errorf("%+v, %v", back, err)
	}
	for _, bad := range []string{``, `[]`, `{`, `{"udp":"yes"}`, `{"natMapping":"<b>"}`, `{"servers":[{"kind":"http","protocol":"tcp"}]}`,
		`{"servers":[{"kind":"turn","protocol":"udp","errorCode":-1}]}`, `{"servers":[` + strings.Repeat(`{"kind":"turn","protocol":"udp"},`, 16) + `{"kind":"turn","protocol":"udp"}]}`,
		`{"x":"` + strings.Repeat("x", 5000) + `"}`} {
		if got, err := verdict.ReadEvidence([]byte(bad)); err == nil || len(got.Servers) > 0 {
			t.Errorf("%.40s was taken", bad)
		}
	}
}

// FuzzReadEvidence: whatever a member tells, no panic, and what is taken is
// bounded and gives a verdict.
func FuzzReadEvidence(f *testing.F) {
	f.Add([]byte(`{"udp":true,"nat":true,"natMapping":"endpoint-independent","servers":[{"kind":"turn","protocol":"tls","errorCode":486}]}`))
	f.Add([]byte(`{"udp":null,"natFiltering":"port-independent"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := verdict.ReadEvidence(body)
		if err != nil {
			return
		}
		for _, c := range links() {
			if v := verdict.Of(c.link, e, e); v.Why == "" || len(v.Why) > 300 {
				t.Errorf("said %q", v.Why)
			}
		}
	})
}
