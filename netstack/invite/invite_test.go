package invite

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"testing/quick"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	aSecret = "kJv0d8Q2mXn4rT6yB1cZ7w"
	aPin    = "3xQeAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxw"
	aLink   = "candid://192.168.1.20:7788/brave-otter?a=203.0.113.5:7788#t=" + aSecret + "&pin=" + aPin
)

func parsed(t *testing.T) Invite {
	t.Helper()
	i, err := Parse(aLink)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestParse(t *testing.T) {
	i := parsed(t)
	if want := []string{"192.168.1.20:7788", "203.0.113.5:7788"}; !reflect.DeepEqual(i.Addresses, want) {
		t.Errorf("addresses %q, want %q", i.Addresses, want)
	}
	if i.Room != "brave-otter" || i.Secret != aSecret || i.Pin.String() != aPin {
		t.Errorf("got room %q, secret %q, pin %s", i.Room, i.Secret, i.Pin)
	}
	if i.String() != aLink {
		t.Errorf("written as %s", i)
	}
}

func TestParseAsPassedOn(t *testing.T) {
	broken := aLink[:30] + "\r\n" + aLink[30:90] + "\n  " + aLink[90:]
	for name, s := range map[string]string{
		"spaces":            "  \t" + aLink + " \n",
		"quotes":            `"` + aLink + `"`,
		"typographic":       "„" + aLink + "“",
		"guillemets":        "« " + aLink + " »",
		"angle brackets":    "<" + aLink + ">",
		"line breaks":       broken,
		"words before":      "Join my call: " + aLink,
		"words after":       aLink + "\n\nSee you at five!",
		"full stop":         aLink + ".",
		"markdown":          "[call](" + aLink + ")",
		"HTML":              strings.ReplaceAll(aLink, "&", "&amp;"),
		"escaped hash":      strings.Replace(aLink, "#", "%23", 1),
		"zero-width space":  aLink[:20] + "\u200b" + aLink[20:],
		"byte order mark":   "\ufeff" + aLink,
		"capital scheme":    "CANDID" + aLink[6:],
		"new parameters":    strings.Replace(aLink, "?", "?v=2&", 1) + "&later=1",
		"parameters turned": strings.Replace(aLink, "#t="+aSecret+"&pin="+aPin, "#pin="+aPin+"&t="+aSecret, 1),
	} {
		i, err := Parse(s)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !i.Equal(parsed(t)) {
			t.Errorf("%s: read as %v", name, i)
		}
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	frag := "#t=" + aSecret + "&pin=" + aPin
	for _, c := range []struct {
		in   string
		want Problem
	}{
		{"", Empty},
		{" \n\u200b", Empty},
		{"hello", WrongScheme},
		{"https://example.org/room" + frag, WrongScheme},
		{"candid:" + aLink[9:], WrongScheme},
		{"candid://" + strings.Repeat("a", 3000), TooLong},
		{strings.Repeat(" ", 10000), TooLong},
		{"candid://", NoAddress},
		{"candid:///room" + frag, NoAddress},
		{"candid://1.2.3.4:0/room" + frag, BadAddress},
		{"candid://1.2.3.4:70000/room" + frag, BadAddress},
		{"candid://1.2.3.400:7788/room" + frag, BadAddress},
		{"candid://0.0.0.0:7788/room" + frag, BadAddress},
		{"candid://[fe80::1%25eth0]:7788/room" + frag, BadAddress},
		{"candid://fd00::1:7788/room" + frag, BadAddress},
		{"candid://[::ffff:1.2.3.4]:7788/room" + frag, BadAddress},
		{"candid://-x.example:7788/room" + frag, BadAddress},
		{"candid://a@b:7788/room" + frag, BadAddress},
		{"candid://h:1/room?a=" + frag, BadAddress},
		{"candid://h:1/room?" + strings.Repeat("a=h:2&", 9) + frag, TooManyAddresses},
		{"candid://h:1" + frag, NoRoom},
		{"candid://h:1/" + frag, NoRoom},
		{"candid://h:1/a%00b" + frag, BadRoom},
		{"candid://h:1/a%zzb" + frag, BadRoom},
		{"candid://h:1/" + strings.Repeat("r", 65) + frag, BadRoom},
		{"candid://h:1/room", NoSecret},
		{"candid://h:1/room#pin=" + aPin, NoSecret},
		{"candid://h:1/room#t=short&pin=" + aPin, BadSecret},
		{"candid://h:1/room#t=" + aSecret, NoPin},
		{"candid://h:1/room#t=" + aSecret + "&pin=" + aPin[:40], BadPin},
		{"candid://203.0.113.5:443/room#t=" + aSecret + "&ca=1", NoName},
		{"candid://[fd00::1]:443/room?a=call.example.org#t=" + aSecret + "&ca=1", NoName},
		{"candid://anna-pc.local/room#t=" + aSecret + "&ca=1", NoName},
		{"candid://localhost/room#t=" + aSecret + "&ca=1", NoName},
		{"candid://h:1/room#t=" + aSecret + "&pin=" + strings.Repeat("?", 43), NoPin},
		{"candid://h:1/room#t=" + aSecret + "&pin=" + strings.Repeat("%", 43), BadPin},
	} {
		_, err := Parse(c.in)
		var e *Error
		if !errors.As(err, &e) || e.Problem != c.want {
			t.Errorf("%q: got %v, want %v", c.in, err, c.want)
			continue
		}
		if strings.Contains(err.Error(), aSecret) {
			t.Errorf("the error holds the secret: %v", err)
		}
	}
}

func TestAddressForms(t *testing.T) {
	for in, want := range map[string]string{
		"192.168.1.20":         "192.168.1.20:7788",
		"[FD00:0:0::1]:0443":   "[fd00::1]:443",
		"[fd00::1]":            "[fd00::1]:7788",
		"%5Bfd00::1%5D:7788":   "[fd00::1]:7788",
		"Anna-PC.local:7788":   "anna-pc.local:7788",
		"call.example.org":     "call.example.org:7788",
		"xn--bcher-kva.ch:443": "xn--bcher-kva.ch:443",
	} {
		if got, ok := parseAddress(in); !ok || got != want {
			t.Errorf("%s: got %s, %v; want %s", in, got, ok, want)
		}
	}
}

func TestShortEnoughForAQRCode(t *testing.T) {
	i := parsed(t)
	i.Addresses = []string{"192.168.178.120:7788", "[2001:db8:1234:5678:9abc:def0:1234:5678]:7788"}
	i.Secret, i.EndToEnd = NewSecret(), true
	if n := len(i.String()); n > 200 {
		t.Errorf("%d characters: %s", n, i)
	}
}

// Whether media is encrypted is said by the link, and an old link leaves it open.
func TestEncryptionIsInTheLink(t *testing.T) {
	i := parsed(t)
	if i.EndToEnd {
		t.Error("an old link asks for encryption")
	}
	i.EndToEnd = true
	if j, err := Parse(i.String() + ". See you!"); err != nil || !j.EndToEnd || j.Pin != i.Pin {
		t.Errorf("%s: read as %+v, %v", i, j, err)
	}
	if u, err := url.Parse(i.String()); err != nil || strings.Contains(u.RequestURI(), "e2e") {
		t.Errorf("would be sent: %s, %v", u.RequestURI(), err)
	}
}

// A host with a domain needs no pin; one that is there all the same counts.
func TestHostByName(t *testing.T) {
	i, err := Parse("candid://call.example.org:443/tea?a=203.0.113.5:443#t=" + aSecret + "&ca=1. See you!")
	if err != nil || !i.ByName || i.Name() != "call.example.org" || i.Check() != nil {
		t.Errorf("read as %+v, %v", i, err)
	}
	i, err = Parse("candid://call.example.org:443/tea#t=" + aSecret + "&ca=1&pin=" + aPin)
	if err != nil || i.ByName || i.Pin.String() != aPin || i.Name() != "" {
		t.Errorf("read as %+v, %v", i, err)
	}
}

func TestLogsHoldNoSecret(t *testing.T) {
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("joining", "invite", parsed(t))
	for _, s := range []string{aSecret, aPin, "192.168", "otter"} {
		if strings.Contains(b.String(), s) {
			t.Errorf("log holds %s: %s", s, &b)
		}
	}
}

func TestSecretsAndPinStayInTheFragment(t *testing.T) {
	u, err := url.Parse(aLink)
	if err != nil {
		t.Fatal(err)
	}
	sent := u.Host + u.RequestURI()
	if strings.Contains(sent, aSecret) || strings.Contains(sent, aPin) {
		t.Errorf("would be sent: %s", sent)
	}
}

// Generate makes testing/quick produce invites of every kind.
func (Invite) Generate(r *rand.Rand, size int) reflect.Value {
	i := Invite{Room: randomRoom(r), Secret: NewSecret(), EndToEnd: r.Intn(2) == 0}
	for range 1 + r.Intn(MaxAddresses) {
		var host string
		switch r.Intn(3) {
		case 0:
			host = netip.AddrFrom4([4]byte{byte(1 + r.Intn(200)), byte(r.Intn(256)), 3, byte(r.Intn(256))}).String()
		case 1:
			host = fmt.Sprintf("[2001:db8::%x:%x]", 1+r.Intn(65535), 1+r.Intn(65535))
		default:
			host = fmt.Sprintf("host-%d.local", r.Intn(1000))
		}
		a := fmt.Sprintf("%s:%d", host, 1+r.Intn(65535))
		i.Addresses = append(i.Addresses, a)
	}
	if i.ByName = r.Intn(4) == 0; i.ByName {
		i.Addresses[0] = fmt.Sprintf("call-%d.example.org:%d", r.Intn(1000), 1+r.Intn(65535))
	} else {
		r.Read(i.Pin[:])
	}
	return reflect.ValueOf(i)
}

func randomRoom(r *rand.Rand) string {
	alphabet := []rune("abcXYZ019-_. #?&%/+=äß中🦦")
	for {
		room := make([]rune, 1+r.Intn(15))
		for i := range room {
			room[i] = alphabet[r.Intn(len(alphabet))]
		}
		if IsRoom(string(room)) {
			return string(room)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	same := func(i Invite) bool {
		j, err := Parse(i.String())
		return err == nil && i.Equal(j) && i.Check() == nil
	}
	if err := quick.Check(same, &quick.Config{MaxCount: 2000}); err != nil {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(aLink)
	f.Add(`"<candid://[fd00::1]:7788/a%20b?a=x.local#pin=` + aPin + "&t=" + aSecret + `>"`)
	f.Add("candid://h/r%23t=" + aSecret)
	f.Add(strings.Replace(aLink, "&pin", "&e2e=1&pin", 1))
	f.Fuzz(func(t *testing.T, s string) {
		i, err := Parse(s)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Error() == "" {
				t.Errorf("untyped error %v", err)
			}
			return
		}
		j, err := Parse(i.String())
		if err != nil || !i.Equal(j) {
			t.Errorf("%q was read as %v, and that as %v (%v)", s, i, j, err)
		}
	})
}
