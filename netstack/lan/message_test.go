package lan

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"candid/netstack/invite"
)

func TestMessage(t *testing.T) {
	at := []netip.Addr{netip.MustParseAddr("192.168.1.5"), netip.MustParseAddr("fd00::5")}
	for _, name := range []string{"otter", "a.b\\c", strings.Repeat("x", invite.MaxRoom), strings.Repeat("ü", invite.MaxRoom/2)} {
		r := Room{Name: name, Pin: invite.Pin{1, 2, 3}, Port: 7788}
		p, err := announcement(r, at, ttl)
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		h, err := parse(p)
		r.Addresses = at
		if err != nil || len(h.rooms) != 1 || !reflect.DeepEqual(h.rooms[0], heardRoom{r, ttl}) {
			t.Errorf("%q came back as %+v, %v", name, h, err)
		}
	}
	q, err := question()
	if err != nil {
		t.Fatal(err)
	}
	if h, err := parse(q); err != nil || !h.asked {
		t.Errorf("question: %+v, %v", h, err)
	}
	a, b := instance(Room{Name: "a.b"}), instance(Room{Name: "a b"})
	if a == b {
		t.Errorf("two rooms are %q", a)
	}
}

func FuzzParse(f *testing.F) {
	q, err := question()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(q)
	p, err := announcement(Room{Name: "otter", Port: 7788}, []netip.Addr{netip.MustParseAddr("192.168.1.5")}, ttl)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(p)
	f.Fuzz(func(t *testing.T, p []byte) {
		h, err := parse(p)
		if err != nil {
			return
		}
		for _, r := range h.rooms {
			if !invite.IsRoom(r.Name) || r.Port == 0 || len(r.Addresses) > maxAddresses || r.life < 0 || r.life > longest {
				t.Errorf("%+v", r)
			}
		}
	})
}
