package host_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"candid/app/host"
	"candid/netstack"
	"candid/netstack/sfu"
	"candid/netstack/signal"
	"candid/netstack/topology"
)

// mixer notes what it is told.
type mixer struct{ told chan []host.MixMember }

func (m *mixer) SetMembers(list []host.MixMember) { m.told <- list }
func (m *mixer) Close() error                     { close(m.told); return nil }

func member(t *testing.T, h *host.Host, owner bool, name string) *signal.Client {
	t.Helper()
	i := inviteTo(t, h, "otter")
	if owner {
		var err error
		if i, err = h.LocalInvite("otter"); err != nil {
			t.Fatal(err)
		}
	}
	c, err := signal.Dial(t.Context(), signal.ClientConfig{
		Invite: i, Name: name, Logger: quiet,
		Capabilities: signal.Capabilities{CanHost: true, Paths: []netstack.Topology{netstack.P2P, netstack.SFU, netstack.MCU}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// await waits for an event.
func await[E signal.Event](t *testing.T, c *signal.Client, ok func(E) bool) E {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case e := <-c.Events():
			if e, is := e.(E); is && ok(e) {
				return e
			}
		case <-late:
			t.Fatal("did not happen")
		}
	}
}

// The room is direct for two, goes to the media server with the third, and to
// the mixer when the moderator says so, which is then told for whom to mix.
func TestRoomChoosesPaths(t *testing.T) {
	m := &mixer{make(chan []host.MixMember, 1000)}
	h := start(t, host.Config{Mix: func(*sfu.Room) (host.Mixer, error) { return m, nil }})
	anna, ben := member(t, h, true, "Anna"), member(t, h, false, "Ben")
	await(t, ben, func(w signal.Welcomed) bool { return w.Plan.For(ben.ID()) == netstack.P2P })
	carla := member(t, h, false, "Carla")
	await(t, ben, func(e signal.PlanChanged) bool { return e.Plan.For(ben.ID()) == netstack.SFU })
	if err := anna.ForceRoom(netstack.MCU); err != nil {
		t.Fatal(err)
	}
	await(t, carla, func(e signal.PlanChanged) bool { return e.Plan.For(carla.ID()) == netstack.MCU })
	late := time.After(patience)
	for mixed := 0; mixed < 3; {
		select {
		case list := <-m.told:
			mixed = 0
			for _, x := range list {
				if x.Mixed {
					mixed++
				}
			}
		case <-late:
			t.Fatal("the mixer was not told")
		}
	}
}

// Without a mixer nobody is promised one.
func TestRoomWithoutMixer(t *testing.T) {
	h := start(t, host.Config{})
	anna := member(t, h, true, "Anna")
	ben := member(t, h, false, "Ben")
	if err := ben.Force(netstack.MCU); err != nil {
		t.Fatal(err)
	}
	e := await(t, anna, func(e signal.PlanChanged) bool { return e.Plan.Paths[ben.ID()].Why != "" })
	if got := e.Plan.For(ben.ID()); got == netstack.MCU {
		t.Errorf("planned %v", got)
	}
}

// What members report, everyone gets back as one picture of the room.
func TestGraph(t *testing.T) {
	h := start(t, host.Config{})
	anna, ben := member(t, h, true, "Anna"), member(t, h, false, "Ben")
	for _, c := range []*signal.Client{anna, ben} {
		body, err := json.Marshal(topology.Report{Lines: []topology.ReportLine{{To: netstack.HostID, Path: topology.Direct, RTT: netstack.Some(5 * time.Millisecond)}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Send(t.Context(), netstack.Envelope{Type: topology.TypeReport, To: netstack.HostID, Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	await(t, ben, func(e signal.MessageReceived) bool {
		g, err := topology.ReadGraph(e.Envelope.Body)
		return err == nil && e.Envelope.Type == topology.TypeGraph && e.Envelope.From == netstack.HostID && len(g.Edges) == 2 &&
			slices.ContainsFunc(g.Edges, func(e topology.Edge) bool { return e.From == anna.ID() && e.RTT.Value == 5*time.Millisecond })
	})
}
