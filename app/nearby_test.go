//go:build !headless

package app

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"candid/app/config"
	"candid/app/ui"
	"candid/netstack/invite"
	"candid/netstack/lan"
)

func nearbyRoom(name string, pin byte, addresses ...string) lan.Room {
	r := lan.Room{Name: name, Pin: invite.Pin{pin}, Port: 7788}
	for _, a := range addresses {
		r.Addresses = append(r.Addresses, netip.MustParseAddr(a))
	}
	return r
}

func TestHeard(t *testing.T) {
	var rooms []lan.Room
	for _, step := range []struct {
		ev   lan.Event
		want string
	}{
		{lan.Found{Room: nearbyRoom("tea", 2)}, "tea2"},
		{lan.Found{Room: nearbyRoom("tea", 1)}, "tea1 tea2"},
		{lan.Found{Room: nearbyRoom("chess", 9)}, "chess9 tea1 tea2"},
		{lan.Found{Room: nearbyRoom("tea", 2, "192.168.1.2")}, "chess9 tea1 tea2"}, // has moved
		{lan.Gone{Name: "tea", Pin: invite.Pin{1}}, "chess9 tea2"},
		{lan.Gone{Name: "tea", Pin: invite.Pin{7}}, "chess9 tea2"},
	} {
		before := slices.Clone(rooms)
		after := heard(rooms, step.ev)
		for i := range before {
			if before[i].Name != rooms[i].Name || before[i].Pin != rooms[i].Pin {
				t.Fatal("changed what it was given")
			}
		}
		rooms = after
		var got []string
		for _, r := range rooms {
			got = append(got, fmt.Sprint(r.Name, r.Pin[0]))
		}
		if s := strings.Join(got, " "); s != step.want {
			t.Errorf("after %+v: %s, want %s", step.ev, s, step.want)
		}
	}
	if len(rooms[1].Addresses) != 1 {
		t.Error("the room that moved is where it was")
	}
}

// Only an invite of the very room, by name and pin, makes it one to join; its
// secret and its own addresses stay.
func TestNearbyTakesAnInvite(t *testing.T) {
	inv := invite.Invite{Addresses: []string{"203.0.113.5:7788", "192.168.1.20:7788"}, Room: "tea", Secret: invite.NewSecret(), Pin: invite.Pin{1}}
	recent := []config.Recent{{Room: "tea", Hosted: true}, {Room: "tea", Link: "candid://broken"}, {Room: "tea", Link: inv.String()}}
	moved := nearbyRoom("tea", 1, "192.168.1.77", "192.168.1.20", "2001:db8::7")
	got := nearby([]lan.Room{moved, nearbyRoom("tea", 2, "192.168.1.20"), nearbyRoom("chess", 1)}, recent)
	want := inv
	want.Addresses = append(slices.Clone(inv.Addresses), "192.168.1.77:7788", "[2001:db8::7]:7788")
	if !slices.Equal(got, []ui.Nearby{
		{Room: "tea", Address: "192.168.1.77", Link: want.String()}, {Room: "tea", Address: "192.168.1.20"}, {Room: "chess"},
	}) {
		t.Errorf("got %+v", got)
	}
	for i := range 20 { // whoever announces many takes no place of the invite's own
		moved.Addresses = append(moved.Addresses, netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}))
	}
	flooded, err := invite.Parse(nearby([]lan.Room{moved}, recent)[0].Link)
	if err != nil || len(flooded.Addresses) != invite.MaxAddresses || !slices.Equal(flooded.Addresses[:2], inv.Addresses) {
		t.Errorf("%v, %v", flooded.Addresses, err)
	}
}
