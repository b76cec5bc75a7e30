package uitest

import (
	"bytes"
	"time"

	"candid/app/call"
	"candid/app/replay"
	"candid/netstack"
	"candid/netstack/trace"
)

// Story is a call told twice: as it was, second by second, and as a recording.
type Story struct {
	Moments []replay.Moment
	file    []byte
}

// At is when a moment of a story was.
func (s *Story) At(second int) time.Time { return Start.Add(time.Duration(second) * time.Second) }

// Live is the call as it was in a second.
func (s *Story) Live(second int) *Call {
	m := s.Moments[second]
	c := NewCall(m.Snapshot, m.Lines...)
	c.SetGraph(m.Graph...)
	c.SetOutgoing(m.Outgoing...)
	c.SetPathChanges(m.Changes...)
	return c
}

// Recorded opens the recording.
func (s *Story) Recorded() (*replay.Recording, error) {
	return replay.Read(bytes.NewReader(s.file), int64(len(s.file)))
}

// Tell tells of a room of n people on lines of one way, whose numbers move.
func Tell(n int, way Way, seconds int) (*Story, error) {
	var out bytes.Buffer
	enc := trace.NewEncoder(&out, trace.Header{Version: trace.Version, Program: "Candid 0.1.0", Start: Start})
	now := Start
	rec := replay.NewRecorder(enc, func() time.Time { return now })
	s, story := Room(n), &Story{}
	s.Privacy, s.Forced = call.RelayOnly, netstack.SFU
	s.Self.Moderator, s.RoomForced = true, netstack.MCU
	rec.Event(call.StateChanged{State: s.State}, s)
	past := make([][]call.Sample, n)
	for i := range seconds {
		now = story.At(i)
		m := replay.Moment{Snapshot: s, Lines: Lines(n, way, now), Outgoing: Sent(), Changes: Changes(now)}
		for k := range m.Lines {
			moved(&m.Lines[k], i)
			if h := m.Lines[k].History; len(h) > 0 {
				past[k] = append(past[k], h[(i*17+k)%len(h)])
				past[k][i].At = now
				m.Lines[k].History = past[k][: i+1 : i+1]
			}
		}
		m.Graph = Graph(m.Lines, now)
		rec.Lines(m.Snapshot, m.Lines)
		rec.Room(m.Graph, m.Outgoing, m.Changes)
		story.Moments = append(story.Moments, m)
	}
	err := enc.Close()
	story.file = out.Bytes()
	return story, err
}

// moved changes what is measured of a line from second to second.
func moved(l *call.Line, i int) {
	if l.Link.RTT.OK {
		l.Link.RTT.Value += time.Duration(i%9) * time.Millisecond
	}
	for k := range l.Link.In {
		l.Link.In[k].Bitrate.Value += 1000 * (i % 40)
	}
	if l.Picture.OK {
		l.Picture.Value.FramesDecoded += uint64(30 * i)
	}
}
