package peer

import (
	"fmt"
	"math/rand"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"candid/netstack"

	"github.com/pion/webrtc/v4"
)

const goodPrint = "sha-256 12:34:56:78:90:AB:CD:EF:12:34:56:78:90:AB:CD:EF:12:34:56:78:90:AB:CD:EF:12:34:56:78:90:AB:CD:EF"

func sdpWith(lines ...string) string {
	base := []string{"v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE a0", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 0.0.0.0",
		"a=mid:a0", "a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuvwx", "a=setup:actpass", "a=rtpmap:111 opus/48000/2", "a=sendrecv", "a=rtcp-mux"}
	return strings.Join(append(base, lines...), "\r\n") + "\r\n"
}

func TestRow04ReadSDP(t *testing.T) {
	good := "a=fingerprint:" + goodPrint
	for name, c := range map[string]struct {
		sdp string
		ok  bool
	}{
		"plain":                 {sdpWith(good), true},
		"the same print twice":  {sdpWith(good, good), true},
		"case of the same":      {sdpWith(good, strings.ToLower(good)), true},
		"two prints":            {sdpWith(good, strings.Replace(good, "12:34", "99:34", 1)), false},
		"no print":              {sdpWith(), false},
		"sha-1":                 {sdpWith("a=fingerprint:sha-1 12:34:56:78:90:AB:CD:EF:12:34:56:78:90:AB:CD:EF:12:34:56:78"), false},
		"sha-1 beside sha-256":  {sdpWith(good, "a=fingerprint:sha-1 12:34:56:78:90:AB:CD:EF:12:34:56:78:90:AB:CD:EF:12:34:56:78"), false},
		"empty":                 {"", false},
		"no section":            {"v=0\r\na=ice-ufrag:x\r\n" + good, false},
		"no credentials":        {strings.Replace(sdpWith(good), "a=ice-ufrag:abcd\r\n", "", 1), false},
		"64 sections":           {sdpWith(append([]string{good}, repeat("m=audio 9 UDP/TLS/RTP/SAVPF 111", 63)...)...), true},
		"65 sections":           {sdpWith(append([]string{good}, repeat("m=audio 9 UDP/TLS/RTP/SAVPF 111", 64)...)...), false},
		"5000 sections":         {sdpWith(append([]string{good}, repeat("m=audio 9 x 1", 4000)...)...), false},
		"64 KiB":                {sdpWith(good, "a=x:"+strings.Repeat("x", maxSDP)), false},
		"many lines":            {sdpWith(append([]string{good}, repeat("a=x", 5000)...)...), false},
		"only newlines":         {strings.Repeat("\n", maxSDP), false},
		"a candidate goes over": {sdpWith(good, "a=candidate:1 1 udp 1 192.0.2.1 5 typ host", "a=candidate:1 2 udp 1 192.0.2.1 5 typ host", "a=end-of-candidates"), true},
	} {
		d, err := readSDP(c.sdp)
		if (err == nil) != c.ok {
			t.Errorf("%s: error %v, want ok %v", name, err, c.ok)
		}
		if err == nil && strings.Contains(d.sdp, "candidate") {
			t.Errorf("%s: candidates are left in", name)
		}
		if strings.HasPrefix(name, "a candidate") && (len(d.candidates) != 1 || !strings.HasPrefix(d.candidates[0], "candidate:1 1 ")) {
			t.Errorf("%s: got %q", name, d.candidates)
		}
	}
}

func repeat(s string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = s
	}
	return out
}

func TestResting(t *testing.T) {
	in := "v=0\r\na=inactive-is-no-such-thing\r\nm=audio 9 x\r\na=mid:a0\r\na=inactive\r\nm=video 9 x\r\na=inactive\r\na=mid:a1\r\nm=video 9 x\r\na=mid:a2\r\na=sendrecv\r\n"
	want := "v=0\r\na=inactive-is-no-such-thing\r\nm=audio 9 x\r\na=mid:a0\r\na=inactive\r\nm=video 9 x\r\na=recvonly\r\na=mid:a1\r\nm=video 9 x\r\na=mid:a2\r\na=sendrecv\r\n"
	if got := resting(in, func(mid string) bool { return mid == "a1" || mid == "a2" }); got != want {
		t.Errorf("got %q", got)
	}
}

func TestRow06Reachable(t *testing.T) {
	for ip, want := range map[string]bool{
		"192.168.1.5": true, "10.0.0.1": true, "100.64.3.2": true, "203.0.113.5": true, "fd00::1": true, "2001:db8::1": true,
		"127.0.0.1": false, "::1": false, "::ffff:127.0.0.1": false, "0.0.0.0": false, "::": false, "0.1.2.3": false,
		"169.254.169.254": false, "224.0.0.251": false, "239.1.1.1": false, "255.255.255.255": false, "240.0.0.1": false,
		"64:ff9b::7f00:1": false, "2002:7f00:1::": false, "::127.0.0.1": false, "fe80::1": false, "fe80::1%eth0": false, "ff02::fb": false, "192.0.0.8": false,
	} {
		if got := reachable(netip.MustParseAddr(ip), false); got != want {
			t.Errorf("reachable(%s) = %v, want %v", ip, got, want)
		}
	}
	if !reachable(netip.MustParseAddr("127.0.0.1"), true) {
		t.Error("loopback is refused where it is allowed")
	}
	if reachable(netip.Addr{}, true) {
		t.Error("no address is reachable")
	}
}

func TestRow07CandidateRules(t *testing.T) {
	r := candidateRules{allow: func(ip netip.Addr) bool { return reachable(ip, false) }, mdns: true}
	for line, want := range map[string]bool{
		"candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host":                         true,
		"1 1 udp 2130706431 192.0.2.1 5000 typ host":                                   true,
		"candidate:1 1 udp 1 2001:db8::1 5000 typ srflx raddr :: rport 9":              true,
		"candidate:1 1 tcp 1 192.0.2.1 5000 typ host tcptype passive":                  true,
		"candidate:1 1 tcp 1 192.0.2.1 443 typ host tcptype passive":                   true,
		"candidate:1 1 tcp 1 192.0.2.1 22 typ host tcptype passive":                    false,
		"candidate:1 1 tcp 1 127.0.0.1 22 typ host tcptype passive":                    false,
		"candidate:1 1 udp 1 127.0.0.1 5000 typ host":                                  false,
		"candidate:1 1 udp 1 ::ffff:127.0.0.1 5000 typ host":                           false,
		"candidate:1 1 udp 1 169.254.169.254 80 typ host":                              false,
		"candidate:1 1 udp 1 192.0.2.1 0 typ host":                                     false,
		"candidate:1 1 udp 1 192.0.2.1 70000 typ host":                                 false,
		"candidate:1 2 udp 1 192.0.2.1 5000 typ host":                                  false,
		"candidate:1 1 udp 1 example.org 5000 typ host":                                false,
		"candidate:1 1 udp 1 6c0b2a5e-1e1b-4f4e-9d3e-0a1b2c3d4e5f.local 5000 typ host": true,
		"candidate:": false,
		"candidate:1 1 udp 1 192.0.2.1 5000 typ alien":            false,
		"candidate:" + strings.Repeat("1", 600):                   false,
		"candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\na=x:evil": false,
	} {
		if _, err := r.check(line); (err == nil) != want {
			t.Errorf("%q: error %v, want ok %v", line, err, want)
		}
	}
	r.mdns = false
	if _, err := r.check("candidate:1 1 udp 1 x.local 5000 typ host"); err == nil {
		t.Error("an mDNS name is taken although mDNS is off")
	}
}

// What cannot be a message of ours is refused and changes nothing: the call is
// made afterwards all the same.
func TestRubbishIsRefused(t *testing.T) {
	a, b := newSide(t, "anna", "bert", local()), newSide(t, "bert", "anna", local())
	bomb := sdpWith(append([]string{"a=fingerprint:" + goodPrint}, repeat("m=audio 9 x 1", 4000)...)...)
	for _, s := range []*side{a, b} {
		for _, body := range []string{"", "null", "[]", "{", `"x"`, `{"session":5}`, `{"session":""}`, strings.Repeat("[", 10000),
			`{"session":"` + strings.Repeat("x", 100) + `"}`, strings.Repeat("x", maxBody+1)} {
			for _, typ := range []string{TypeDescription, TypeCandidate, TypeHello, TypeRestart, "other"} {
				s.peer.Handle(netstack.Envelope{Type: typ, From: s.peer.Remote(), Body: []byte(body)})
			}
		}
		s.tell(TypeDescription, descriptionBody{webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: bomb}, 1, header{"evil", "nobody"}})
		s.sync()
		if s.peer.neg.remote != "" || len(s.lost) > 0 {
			t.Fatalf("rubbish was taken: session %q, lost %v", s.peer.neg.remote, s.lost)
		}
	}
	join(a, b)
	a.awaitStep(netstack.DTLSConnected)
	b.awaitStep(netstack.DTLSConnected)
}

// However many candidates come, only so many are tried; those not allowed none.
func TestRow08CandidatesAreBounded(t *testing.T) {
	a, b := newSide(t, "anna", "bert", local()), newSide(t, "bert", "anna", local())
	join(a, b)
	b.awaitStep(netstack.DTLSConnected)
	b.sync()
	h := header{a.peer.session, b.peer.session}
	for i := range 10000 {
		line := fmt.Sprintf("candidate:1 1 udp 1 198.18.%d.%d 5000 typ host", i/250, i%250+1)
		b.tell(TypeCandidate, candidateBody{webrtc.ICECandidateInit{Candidate: line}, h})
	}
	for range 100 { // of a description that never comes
		other := "other"
		b.tell(TypeCandidate, candidateBody{webrtc.ICECandidateInit{Candidate: "candidate:1 1 udp 1 192.0.2.1 5000 typ host", UsernameFragment: &other}, h})
	}
	b.tell(TypeCandidate, candidateBody{webrtc.ICECandidateInit{Candidate: "candidate:1 1 tcp 1 127.0.0.1 22 typ host tcptype passive"}, h})
	b.sync()
	// Those learnt from packets (prflx) were not signaled, and are not counted.
	remote := b.saw(func(e netstack.Event) bool {
		f, ok := e.(netstack.CandidateFound)
		return ok && !f.Local && f.Candidate.Type != webrtc.ICECandidateTypePrflx
	})
	if remote > maxRemoteCandidates || b.peer.trickle.taken > maxRemoteCandidates || b.peer.trickle.refused < 9000 {
		t.Errorf("%d candidates reported, %d tried, %d refused; want %d at most", remote, b.peer.trickle.taken, b.peer.trickle.refused, maxRemoteCandidates)
	}
	if n := len(b.peer.trickle.stash); n > maxRemoteCandidates {
		t.Errorf("%d candidates kept for later", n)
	}
}

// The other side may not have us restart for ever.
func TestRestartsAreBounded(t *testing.T) {
	a, b := newSide(t, "anna", "bert", local()), newSide(t, "bert", "anna", local())
	join(a, b)
	b.awaitStep(netstack.DTLSConnected)
	b.sync()
	for range 1000 {
		b.tell(TypeRestart, restartBody{"again\x1b[31m", header{a.peer.session, b.peer.session}})
	}
	b.sync()
	if n := len(b.peer.hold.theirs); n > askedPerMinute {
		t.Errorf("%d restarts admitted in a minute, want %d at most", n, askedPerMinute)
	}
	if n := b.saw(func(e netstack.Event) bool { _, ok := e.(netstack.Restarted); return ok }); n > 1 {
		t.Errorf("%d restarts at once", n)
	}
}

// A certificate other than the one announced: no media, and it is said.
func TestRow25WrongFingerprint(t *testing.T) {
	a, b := newSide(t, "anna", "bert", local()), newSide(t, "bert", "anna", local())
	b.mu.Lock()
	b.mangle = func(e netstack.Envelope) []netstack.Envelope {
		text := string(e.Body)
		if i := strings.Index(text, "a=fingerprint:sha-256 "); i >= 0 {
			i += len("a=fingerprint:sha-256 ")
			wrong := "00"
			if text[i:i+2] == wrong {
				wrong = "11"
			}
			e.Body = []byte(text[:i] + wrong + text[i+2:])
		}
		return []netstack.Envelope{e}
	}
	b.mu.Unlock()
	join(a, b)
	a.await("the end", func() bool { return len(a.lost) == 1 })
	a.await("word of it", func() bool {
		return a.saw(func(e netstack.Event) bool {
			l, ok := e.(netstack.LinkChanged)
			return ok && l.State == webrtc.PeerConnectionStateFailed && strings.Contains(l.Why, "encryption")
		}) == 1
	})
	if n := a.saw(step(netstack.DTLSConnected)); n != 0 {
		t.Error("encryption was set up with a wrong certificate")
	}
}

// Messages of an earlier incarnation, of a stranger or in double do nothing.
func TestStaleMessages(t *testing.T) {
	a, b := newSide(t, "anna", "bert", local()), newSide(t, "bert", "anna", local())
	b.mu.Lock()
	b.mangle = func(e netstack.Envelope) []netstack.Envelope { // everything comes three times
		return []netstack.Envelope{e, e, e}
	}
	b.mu.Unlock()
	join(a, b)
	a.awaitStep(netstack.DTLSConnected)
	b.awaitStep(netstack.DTLSConnected)
	offer := b.firstOffer()
	offer.To = "an earlier incarnation of anna"
	a.tell(TypeDescription, offer)
	a.sync()
	if len(a.lost) != 0 {
		t.Fatalf("lost because of a message for someone else: %v", a.lost)
	}
	answers := 0
	a.mu.Lock()
	for _, e := range a.sent {
		if e.Type == TypeDescription {
			answers++
		}
	}
	a.mu.Unlock()
	if answers != 1 {
		t.Errorf("%d answers to one offer that came three times", answers)
	}
	offer.To, offer.Session = "", "a new incarnation of bert"
	a.tell(TypeDescription, offer)
	a.await("being superseded", func() bool { return len(a.lost) == 1 })
}

// Descriptions mangled at random neither crash nor hang, whatever pion makes
// of them; what it cannot take leaves the Peer usable or given up, never stuck.
func TestRow05MangledDescriptions(t *testing.T) {
	n := 300
	if testing.Short() {
		n = 30
	}
	source := newSide(t, "zoe", "anna", local())
	offer := source.firstOffer()
	random := rand.New(rand.NewSource(1))
	for range n {
		a := newSide(t, "anna", "zoe", local())
		for k := range 3 {
			bad := offer
			bad.SDP, bad.N = mangle(random, offer.SDP), k+1
			a.tell(TypeDescription, bad)
		}
		a.sync()
		if err := a.peer.Close(); err != nil {
			t.Error(err)
		}
	}
}

func mangle(r *rand.Rand, sdp string) string {
	lines := strings.Split(sdp, "\r\n")
	for range 1 + r.Intn(4) {
		i := r.Intn(len(lines))
		switch r.Intn(6) {
		case 0:
			lines = append(lines[:i], lines[i+1:]...)
			if len(lines) == 0 {
				return ""
			}
		case 1:
			lines = append(lines, lines[i])
		case 2:
			j := r.Intn(len(lines))
			lines[i], lines[j] = lines[j], lines[i]
		case 3:
			if n := len(lines[i]); n > 0 {
				b := []byte(lines[i])
				b[r.Intn(n)] = byte(r.Intn(256))
				lines[i] = string(b)
			}
		case 4:
			lines[i] = lines[i][:len(lines[i])/2]
		case 5:
			lines[i] += strings.Repeat("9", r.Intn(50))
		}
	}
	return strings.Join(lines, "\r\n")
}

func FuzzReadSDP(f *testing.F) {
	f.Add(sdpWith("a=fingerprint:" + goodPrint))
	f.Add("m=\nm=\na=mid:")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := readSDP(text)
		if err != nil {
			return
		}
		if len(d.sdp) > maxSDP || strings.Count(d.sdp, "\nm=") > maxSections || d.ufrag == "" {
			t.Errorf("accepted %q", text)
		}
		resting(d.sdp, func(string) bool { return true })
	})
}

func FuzzCandidate(f *testing.F) {
	f.Add("candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host")
	f.Add("candidate:1 1 tcp 1 x.local 443 typ host tcptype passive")
	r := candidateRules{allow: func(ip netip.Addr) bool { return reachable(ip, false) }, mdns: true}
	f.Fuzz(func(t *testing.T, line string) {
		c, err := r.check(line)
		if err != nil {
			return
		}
		if ip, err := netip.ParseAddr(c.Address()); err == nil && !reachable(ip, false) {
			t.Errorf("%q leads to %s", line, ip)
		}
	})
}

// TestRow06NothingReachesAVictim aims a peer at services of its own machine,
// in every form an address has: none of them hears anything.
func TestRow06NothingReachesAVictim(t *testing.T) {
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	udpPort, tcpPort := udp.LocalAddr().(*net.UDPAddr).Port, tcp.Addr().(*net.TCPAddr).Port

	a, b := newSide(t, "anna", "bert", Config{}), newSide(t, "bert", "anna", Config{})
	noCandidates := func(e netstack.Envelope) []netstack.Envelope { // so that anna tries only what is forged
		if e.Type == TypeCandidate {
			return nil
		}
		return []netstack.Envelope{e}
	}
	a.mangle, b.mangle = noCandidates, noCandidates
	join(a, b)
	a.await("a description", func() bool { return a.saw(step(netstack.AnswerReceived))+a.saw(step(netstack.OfferReceived)) > 0 })
	h := header{b.peer.session, a.peer.session}
	for _, at := range []string{"127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1", "127.1.2.3", "0.0.0.0", "::", "::1", "64:ff9b::7f00:1", "2002:7f00:1::", "localhost"} {
		for _, rest := range []string{
			fmt.Sprintf("udp 2130706431 %s %d typ host", at, udpPort),
			fmt.Sprintf("udp 1 %s %d typ srflx raddr 0.0.0.0 rport 9", at, udpPort),
			fmt.Sprintf("udp 1 %s %d typ relay raddr 0.0.0.0 rport 9", at, udpPort),
			fmt.Sprintf("tcp 1 %s %d typ host tcptype passive", at, tcpPort),
		} {
			a.tell(TypeCandidate, candidateBody{webrtc.ICECandidateInit{Candidate: "candidate:1 1 " + rest}, h})
		}
	}
	a.sync()
	heard := time.Now().Add(1500 * time.Millisecond) // checks would begin at once
	_ = udp.SetReadDeadline(heard)
	if n, from, err := udp.ReadFrom(make([]byte, 1500)); err == nil {
		t.Errorf("%d bytes from %s reached a UDP service", n, from)
	}
	_ = tcp.(*net.TCPListener).SetDeadline(time.Now().Add(100 * time.Millisecond))
	if c, err := tcp.Accept(); err == nil {
		t.Errorf("a TCP service was dialed from %s", c.RemoteAddr())
		_ = c.Close()
	}
	a.sync()
	if n := a.peer.trickle.refused; n != 40 {
		t.Errorf("%d of 40 candidates were refused", n)
	}
}
