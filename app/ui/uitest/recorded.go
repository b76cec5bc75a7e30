package uitest

import (
	"bytes"
	"fmt"
	"time"

	"candid/app/call"
	"candid/app/replay"
	"candid/netstack"
	"candid/netstack/trace"
)

// Recorded is a past call of three, some minutes long: one comes, one is
// relayed at first, one is lost for a while, the room goes through the host.
func Recorded() (*replay.Recording, error) {
	var out bytes.Buffer
	enc := trace.NewEncoder(&out, trace.Header{Version: trace.Version, Program: "Candid 0.1.0", Start: Start})
	now := Start
	rec := replay.NewRecorder(enc, func() time.Time { return now })
	s := Room(2)
	s.Invite = ""
	rec.Event(call.StateChanged{State: call.Connected}, s)
	const seconds = 420
	for i := range seconds {
		now = Start.Add(time.Duration(i) * time.Second)
		way := TwoRouters
		switch {
		case i < 50:
			way = RelayUDP
		case i >= 120:
			way = SFU
		}
		story(rec, &s, i)
		lines := Lines(len(s.Others)+1, way, now)
		if i > 260 && i < 282 {
			lines[0] = Line(1, Lost, now)
		}
		for k := range lines {
			lines[k].History = lines[k].History[len(lines[k].History)-min(i+1, len(lines[k].History)):]
		}
		rec.Lines(s, lines)
		changes := Changes(now)[:0]
		if i > 121 {
			changes = append(changes, call.PathChange{At: Start.Add(120 * time.Second), From: netstack.P2P, To: netstack.SFU, Why: s.Plan.Why, Done: true, ToDone: 640 * time.Millisecond})
		}
		rec.Room(Graph(lines, now), Sent(), changes)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("record the story: %w", err)
	}
	return replay.Read(bytes.NewReader(out.Bytes()), int64(out.Len()))
}

// story is what happens in second i.
func story(rec *replay.Recorder, s *call.Snapshot, i int) {
	switch i {
	case 110:
		s.Others = append(s.Others, MemberAt(2))
		rec.Event(call.MemberJoined{Member: MemberAt(2)}, *s)
	case 115:
		s.Others = append(s.Others, MemberAt(3))
		rec.Event(call.MemberJoined{Member: MemberAt(3)}, *s)
	case 120:
		s.Plan = call.Plan{Revision: 2, Topology: netstack.SFU, Why: "Four people: each sends once to the host, which passes it on."}
		rec.Event(call.PlanChanged{Plan: s.Plan}, *s)
	case 283:
		rec.Event(call.Net{Event: netstack.Restarted{Peer: "p1", Why: "nothing arrived any more"}}, *s)
	case 350:
		gone := s.Others[1]
		s.Others = append(s.Others[:1:1], s.Others[2:]...)
		rec.Event(call.MemberLeft{Member: gone, Why: "left"}, *s)
	}
}
