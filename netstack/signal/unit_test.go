package signal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"candid/netstack"
)

func netipAddr(s string) netip.Addr { return netip.MustParseAddr(s) }

func TestRow29NamesAreCleaned(t *testing.T) {
	for in, want := range map[string]string{
		"Anna":                   "Anna",
		"  Anna \t Bell\n":       "Anna Bell",
		"":                       nobody,
		"\u202e\u2066\u200b":     nobody,
		"evil\u202egpj.exe":      "evilgpj.exe",
		"a\x00b\x1bc":            "abc",
		"Ａｎｎａ":                   "Anna",
		"Z̸̡̢̧a":                 "Z̸̡a",
		"👩\u200d💻 Ada":           "👩\u200d💻 Ada",
		"An\u200dna":             "Anna",
		"❤\ufe0f":                "❤\ufe0f",
		"\u0301x":                "x",
		strings.Repeat("x", 100): strings.Repeat("x", 32),
		strings.Repeat("中", 100): strings.Repeat("中", 32),
		"bad \xff utf8":          "bad utf8",
		"line\u2028separator":    "line separator",
		"\u3164\u2800\uffa0":     nobody,
		"Anna\u3164":             "Anna",
		"a" + strings.Repeat("\u0336", 500) + "b": "a\u0336\u0336b",
		strings.Repeat("👩\u200d💻", 30):            strings.TrimSuffix(strings.Repeat("👩\u200d💻", 11), "") + "👩",
	} {
		if got := cleanName(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// What people take for the same is the same; what they tell apart is not.
func TestLooks(t *testing.T) {
	for _, same := range [][]string{
		{"Anna", "anna", "АNNА", "Αnna", "Ánna", "An na", "A.n.n.a", "Anna (2)", "𝓐nna", "Ａｎｎａ", "ᴀɴɴᴀ"},
		{"Bill", "BiII", "B1ll", "Biӏl", "Bıll", "Bi|l"},
		{"Mark Owen", "Маrk Оwеn", "rnark owen", "Mark Ovven"},
		{"Ioana", "lоаnа", "1oana"},
		{"Παρος", "Παρος"},
	} {
		for _, name := range same[1:] {
			if Looks(name) != Looks(same[0]) {
				t.Errorf("%q (%q) and %q (%q) are told apart", name, Looks(name), same[0], Looks(same[0]))
			}
		}
	}
	for _, pair := range [][2]string{{"Anna", "Anne"}, {"Tom", "Tim"}, {"🐱", "🐶"}, {"Anna (x)", "Anna"}, {"...", "---"}} {
		if Looks(pair[0]) == Looks(pair[1]) {
			t.Errorf("%q and %q are taken for the same", pair[0], pair[1])
		}
	}
}

// A host that is not what it should be cannot put anything unfit on the screen.
func TestHostsWordsAreCleaned(t *testing.T) {
	if m := (Member{Name: "evil\u202egpj.exe\n"}).cleaned(); m.Name != "evilgpj.exe" {
		t.Errorf("%q", m.Name)
	}
	p := Plan{Why: "a\u2066b\nc", Paths: map[netstack.PeerID]Hop{"x": {Why: strings.Repeat("x", 5000)}}}.cleaned()
	if p.Why != "ab c" || len(p.Paths["x"].Why) != maxLine {
		t.Errorf("%q and %d bytes", p.Why, len(p.Paths["x"].Why))
	}
}

func TestRow29ChatIsCleaned(t *testing.T) {
	if got := cleanText("one\ntwo\u202e\r\nthree\x00", true); got != "one\ntwo \nthree" {
		t.Errorf("got %q", got)
	}
}

func TestRow14Allowed(t *testing.T) {
	all := []string{
		TypeJoin, TypeRehearse, TypeResume, TypeLeave, TypeState, TypePing, TypeWelcome, TypeResumed, TypeRefused, TypeJoined, TypeLeft,
		TypeChanged, TypePlan, TypeServers, TypeError, TypeClosed, TypePong, TypeAck, TypeChat, TypeDescription,
		TypeCandidate, TypeHello, TypeRestart, TypeForce, TypeWaiting, TypeRoom, TypeMoved, TypeLock, TypeUnlock, TypeLobbyOn,
		TypeLobbyOff, TypeAdmit, TypeDeny, TypeMute, TypeMuteAll, TypeRemove, TypeLowerHand, TypeMakeModerator, TypeForceRoom,
		TypeHandOver, "x-own", "", "teleport",
	}
	const (
		inside     = " leave ping ack state chat force description candidate hello restart x-own "
		moderation = " lock unlock lobby-on lobby-off admit deny mute mute-all remove lower-hand make-moderator force-room "
	)
	may := map[Role]string{
		Stranger:   " join rehearse resume ",
		Waiting:    " leave ping ack ",
		Rehearsing: " leave ping ack description candidate hello restart ",
		Ordinary:   inside,
		Moderator:  inside + moderation,
		Owner:      inside + moderation + " hand-over ",
		"forged":   " ",
	}
	for role, types := range may {
		for _, typ := range all {
			if got, want := allowed(role, typ), typ != "" && strings.Contains(types, " "+typ+" "); got != want {
				t.Errorf("%q may %q: %v", role, typ, got)
			}
		}
	}
}

func TestTailAndHeadMakeAFrame(t *testing.T) {
	e := netstack.Envelope{Type: TypeDescription, From: "a", To: "b", Path: netstack.SFU, Body: json.RawMessage(`{"sdp":"x\u0000"}`)}
	data := append(headOf(nil, 7, 9), tailOf(e, 3)...)
	f, err := parseFrame(data)
	if err != nil {
		t.Fatal(err)
	}
	if f.Seq != 7 || f.Ack != 9 || f.N != 3 || f.Type != e.Type || f.From != e.From || f.To != e.To || f.Path != e.Path || !bytes.Equal(f.Body, e.Body) {
		t.Errorf("%s became %+v", data, f)
	}
}

func TestOutboxOverflowsAndShares(t *testing.T) {
	var o outbox
	for range maxUnackedFrom {
		if err := o.push(message{peer: "a", tail: []byte("x")}); err != nil {
			t.Fatal(err)
		}
	}
	if o.share("a") != maxUnackedFrom || o.share("b") != 0 {
		t.Errorf("shares %d and %d", o.share("a"), o.share("b"))
	}
	if err := o.push(message{tail: make([]byte, maxUnackedBytes)}); !errors.Is(err, errOverflow) {
		t.Errorf("got %v", err)
	}
	for range maxUnacked - maxUnackedFrom {
		if err := o.push(message{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.push(message{}); !errors.Is(err, errOverflow) {
		t.Errorf("got %v", err)
	}
}

func TestOutboxKeepsOnlyTheNewestOfATopic(t *testing.T) {
	var o outbox
	s := &socket{wake: make(chan struct{}, 1)}
	push := func(topic, text string) { _ = o.push(message{topic: topic, tail: []byte(text)}) }
	if !o.rewind(s, 0) {
		t.Fatal("cannot begin")
	}
	push("plan", "1")
	if m, ok := o.pull(s); !ok || string(m.tail) != "1" {
		t.Fatalf("got %s", m.tail)
	}
	push("plan", "2") // 1 is under way
	push("", "between")
	push("plan", "3")
	if m, _ := o.pull(s); string(m.tail) != "3" || m.seq != 2 {
		t.Errorf("got %d %s", m.seq, m.tail)
	}
	other := &socket{wake: make(chan struct{}, 1)}
	if !o.rewind(other, 1) { // 1 arrived, 3 did not
		t.Fatal("cannot resume")
	}
	if _, ok := o.pull(s); ok {
		t.Error("the old connection still sends")
	}
	push("plan", "4")
	var got []string
	for m, ok := o.pull(other); ok; m, ok = o.pull(other) {
		got = append(got, fmt.Sprintf("%d:%s", m.seq, m.tail))
	}
	if fmt.Sprint(got) != "[2:4 3:between]" {
		t.Errorf("got %v", got)
	}
	if o.ack(9) || !o.ack(3) || o.pending() != 0 {
		t.Errorf("acknowledgements: %d pending", o.pending())
	}
}

func TestCapabilitiesAreBounded(t *testing.T) {
	c := Capabilities{Client: strings.Repeat("x", 500), Codecs: make([]string, 100), Paths: make([]netstack.Topology, 100)}.bounded()
	if len(c.Client) > 64 || len(c.Codecs) > 16 || len(c.Paths) > 8 {
		t.Errorf("%+v", c)
	}
}

func FuzzParseFrame(f *testing.F) {
	f.Add([]byte(`{"seq":1,"ack":2,"type":"description","to":"abc","path":"P2P","n":4,"body":{"type":"offer","sdp":"v=0\r\nm=audio\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"}}`))
	f.Add([]byte(`{"type":"candidate","to":"host","body":{"candidate":"candidate:1 1 tcp 1 fe80::1%eth0 0 typ host tcptype passive","sdpMid":"0"}}`))
	f.Add([]byte(`{"type":"join","body":{"version":1,"room":"r","secret":"s","key":"k","name":"\u202e"}}`))
	f.Add([]byte(`{"type":"x-","body":[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		fr, err := parseFrame(data)
		if err != nil {
			if !errors.Is(err, ErrProtocol) {
				t.Errorf("untyped error %v", err)
			}
			return
		}
		if b, err := inspect(fr.Body); err == nil && (len(b.addrs) > b.candidates || b.candidates > maxCandidates+1) {
			t.Errorf("found %+v", b)
		}
		again, err := parseFrame(append(headOf(nil, fr.Seq, fr.Ack), tailOf(fr.Envelope, fr.N)...))
		if err != nil || again.Type != fr.Type || again.Seq != fr.Seq || again.N != fr.N || again.To != fr.To || !bytes.Equal(again.Body, fr.Body) {
			t.Errorf("%s\nwas passed on as %+v (%v)", data, again, err)
		}
	})
}

func FuzzCleanName(f *testing.F) {
	f.Add("Anna \u202e👩\u200d💻")
	f.Add("Z̸̡̢̧a")
	f.Fuzz(func(t *testing.T, s string) {
		n := cleanName(s)
		if n == "" || len(n) > maxNameBytes || !utf8.ValidString(n) || strings.ContainsAny(n, "\r\n\t\x00") {
			t.Errorf("%q became %q", s, n)
		}
		for _, r := range n {
			if unicode.In(r, unicode.Cc, unicode.Co) || unicode.Is(unicode.Cf, r) && r != zwj {
				t.Errorf("%q kept %U", s, r)
			}
		}
		if again := cleanName(n); again != n {
			t.Errorf("%q became %q and that %q", s, n, again)
		}
	})
}
