package trace

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
)

func TestSecretsAreNotWritten(t *testing.T) {
	v, err := tree(map[string]any{
		"credential": "s3cret", "ice-ufrag": "s3cret", "Invite": "s3cret", "resumeToken": "s3cret", "sdp": "s3cret", "password": 5,
		"deep": []any{map[string]any{"usernameFragment": "s3cret", "url": "turn:anna:s3cret"}},
		"text": "dial candid://host/room?k=s3cret: no, https://anna:s3cret@example.org/x a=ice-pwd:s3cret end",
		"web":  "https://candid.example/j#t=s3cret&pin=1",
		"kept": "at 12:30 it was 5@6",
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"deep":[{"url":"turn:anna:s3cret"}],"kept":"at 12:30 it was 5@6","text":"dial candid:… no, https://…@example.org/x a=…","web":"https://candid.example/j#t=…\u0026pin=1"}`
	if string(b) != want {
		t.Errorf("got  %s\nwant %s", b, want)
	}
}

func TestRedactText(t *testing.T) {
	r := NewRedactor()
	r.Learn(map[string]any{"Name": "Anna", "Others": []any{map[string]any{"name": "Ann"}, map[string]any{"name": "Jörg"}}, "room": "Family", "url": "turn:home.example.org:3478?transport=udp"})
	for in, want := range map[string]string{
		"Anna left":                                "Person 1 left",
		"Annabel and Ann":                          "Annabel and Person 2",
		"Jörg, Jörgs Jörg.":                        "Person 3, Jörgs Person 3.",
		"the room Family":                          "the room Room",
		"at 192.168.1.7.":                          "at 10.0.0.1.",
		"at 192.168.1.7:5000":                      "at 10.0.0.1:5000",
		"from [2a02:1::5]:1 on":                    "from [2001:db8::1]:1 on",
		"fe80::1%eth0 up":                          "fe80::1 up",
		"127.0.0.1 and ::1":                        "127.0.0.1 and ::1",
		"12:30:45 v1.2.3":                          "12:30:45 v1.2.3",
		"turn:home.example.org:3478?transport=udp": "turn:server-1.invalid:3478?transport=udp",
		"no such host home.example.org":            "no such host server-1.invalid",
		"stun:other.example.com":                   "stun:server-2.invalid",
		"1a2b-3c.local":                            "server-3.invalid",
		"::ffff:192.168.1.7":                       "10.0.0.1",
		"stun:8.8.8.8:3478 bad:8.8.8.8":            "stun:198.18.0.1:3478 bad:198.18.0.1",
		"100.64.3.4":                               "100.64.0.1",
	} {
		got := r.Text(in)
		if strings.HasPrefix(want, "server-") || strings.HasPrefix(want, "stun:server") { // in whatever order they come
			if got == in || !strings.Contains(got, ".invalid") {
				t.Errorf("%q gives %q", in, got)
			}
			continue
		}
		if got != want {
			t.Errorf("%q gives %q, not %q", in, got, want)
		}
	}
}

func TestRedactedAddressesKeepTheirKind(t *testing.T) {
	r := NewRedactor()
	seen := map[netip.Addr]bool{}
	for i := range 700 {
		for _, base := range []string{"192.168.0.0", "8.8.0.0", "2a00::", "fc00::", "fe80::5:0"} {
			b := netip.MustParseAddr(base).AsSlice()
			b[len(b)-1], b[len(b)-2] = byte(i), b[len(b)-2]+byte(i>>8)
			from, _ := netip.AddrFromSlice(b)
			if from == netip.MustParseAddr("fe80::5:0") {
				continue
			}
			to := r.Address(from)
			if to != r.Address(from) || to == from || seen[to] {
				t.Fatalf("%v gives %v", from, to)
			}
			seen[to] = true
			if from.Is4() != to.Is4() || from.IsPrivate() != to.IsPrivate() || from.IsLinkLocalUnicast() != to.IsLinkLocalUnicast() {
				t.Fatalf("%v gives %v, of another kind", from, to)
			}
		}
	}
}

func TestRedactTrace(t *testing.T) {
	var in, out bytes.Buffer
	e := NewEncoder(&in, Header{Program: "test 1", Start: start})
	for i := range 150 {
		e.Record("noticed", second(i), map[string]string{"Text": "Anna a is back from 192.168.1.7"})
		e.Sample("line", "a", second(i), lineAt("a", i))
		kind, body := OfEvent(events[0])
		e.Record(kind, second(i), body)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Redact(&out, bytes.NewReader(in.Bytes()), int64(in.Len())); err != nil {
		t.Fatal(err)
	}
	n := 0
	for rec := range open(t, out.Bytes()).All() {
		var v any
		if err := rec.Decode(&v); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		for _, leak := range []string{"Anna", "192.168.1.7", "203.0.113.9", "example"} {
			if bytes.Contains(b, []byte(leak)) {
				t.Fatalf("%q is in %s", leak, b)
			}
		}
		if rec.Kind == "noticed" && !bytes.Contains(b, []byte("Person 1 is back from 10.0.0.1")) {
			t.Fatalf("text is %s", b)
		}
		n++
	}
	if n != 450 {
		t.Errorf("%d of 450 records", n)
	}
}
