package lan

import (
	"log/slog"
	"slices"
	"testing"
	"time"
)

// The real thing, where this machine can do multicast: a host and a browser,
// on one port of one machine.
func TestMulticast(t *testing.T) {
	cfg := Config{Logger: slog.New(slog.DiscardHandler)}
	b, err := Browse(cfg)
	if err != nil {
		t.Skipf("no multicast here: %v", err)
	}
	defer b.Close()
	if !slices.ContainsFunc(b.conns, func(c conn) bool { p, err := question(); return err == nil && c.send(p) == nil }) || len(machineAddresses()) == 0 {
		t.Skip("no interface here takes multicast")
	}
	a, err := Announce(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	room := Room{Name: "otter of " + t.Name(), Pin: otterA.Pin, Port: 7788}
	if err := a.SetRooms(room); err != nil {
		t.Fatal(err)
	}
	next := func() Event {
		for {
			select {
			case e := <-b.Events():
				switch e := e.(type) {
				case Found: // other programs may announce theirs
					if e.Room.Name == room.Name {
						return e
					}
				case Gone:
					return e
				}
			case <-time.After(10 * time.Second):
				t.Fatal("nothing came")
			}
		}
	}
	if f, ok := next().(Found); !ok || f.Room.Port != 7788 || len(f.Room.Addresses) == 0 {
		t.Errorf("%+v", f)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	for {
		if g, ok := next().(Gone); ok && g.Name == room.Name {
			return
		}
	}
}
