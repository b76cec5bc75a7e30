package replay

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"candid/app/call"
	"candid/netstack"
	"candid/netstack/trace"
	"candid/netstack/verdict"
)

// Limits of importing, against hostile files.
const (
	maxDump        = 64 << 20 // bytes
	maxConnections = 64
	maxSeconds     = 24 * 60 * 60 // of one connection
	maxDumpWork    = 20_000_000   // objects times seconds
)

// ErrNotADump means that a file holds no dump of Chrome's webrtc-internals.
var ErrNotADump = errors.New("not a webrtc-internals dump")

// dump is what chrome://webrtc-internals saves. There is no standard for it;
// the statistics in it are those of W3C webrtc-stats.
type dump struct {
	UserAgent       string
	PeerConnections map[string]connection
}

// connection is one RTCPeerConnection. Its configuration and descriptions,
// which hold secrets, are not read.
type connection struct {
	URL       string               `json:"url"`
	Stats     map[string]rawSeries `json:"stats"` // by "ID-name"
	UpdateLog []update             `json:"updateLog"`
}

type rawSeries struct {
	StatsType string          `json:"statsType"`
	StartTime time.Time       `json:"startTime"`
	EndTime   time.Time       `json:"endTime"`
	Values    json.RawMessage `json:"values"` // an array, mostly written as a string
}

// ImportInternals turns a dump of Chrome's webrtc-internals into a trace: each
// connection of it becomes a member of a call. It returns ErrNotADump, wrapped,
// for anything else.
func ImportInternals(w io.Writer, src io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(src, maxDump+1))
	if err != nil {
		return fmt.Errorf("import webrtc-internals: %w", err)
	}
	if len(b) > maxDump {
		return fmt.Errorf("import webrtc-internals: larger than %d MB", maxDump>>20)
	}
	var d dump
	if err := json.Unmarshal(b, &d); err != nil {
		return fmt.Errorf("import webrtc-internals: %w: %w", ErrNotADump, err)
	}
	conns, err := connections(d)
	if err != nil {
		return fmt.Errorf("import webrtc-internals: %w", err)
	}
	enc := trace.NewEncoder(w, trace.Header{Program: browser(d.UserAgent), Start: conns[0].times[0]})
	tellAll(enc, conns, d)
	if err := enc.Close(); err != nil {
		return fmt.Errorf("import webrtc-internals: %w", err)
	}
	return nil
}

// browser names the program of a user agent.
func browser(agent string) string {
	for _, name := range []string{"Edg/", "OPR/", "HeadlessChrome/", "Chrome/"} {
		if _, v, ok := strings.Cut(agent, name); ok {
			version, _, _ := strings.Cut(v, ".")
			return strings.TrimSuffix(name, "/") + " " + version
		}
	}
	return "webrtc-internals"
}

// connections reads every connection that measured anything, in the order they
// began.
func connections(d dump) ([]*imported, error) {
	if len(d.PeerConnections) > maxConnections {
		return nil, fmt.Errorf("more than %d connections", maxConnections)
	}
	var out []*imported
	for _, name := range slices.Sorted(maps.Keys(d.PeerConnections)) {
		c, err := read(d.PeerConnections[name])
		if err != nil {
			return nil, fmt.Errorf("connection %s: %w", name, err)
		}
		if len(c.times) > 0 {
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: no statistics in it", ErrNotADump)
	}
	slices.SortStableFunc(out, func(a, b *imported) int { return a.times[0].Compare(b.times[0]) })
	for i, c := range out {
		c.member = call.Member{ID: netstack.PeerID(fmt.Sprintf("pc-%d", i+1)), Name: fmt.Sprintf("Connection %d", i+1)}
	}
	return out, nil
}

// tellAll plays the connections to a Recorder as if they were a call.
func tellAll(sink Sink, conns []*imported, d dump) {
	var times []time.Time
	for _, c := range conns {
		times = append(times, c.times...)
	}
	slices.SortFunc(times, time.Time.Compare)
	times = slices.CompactFunc(times, time.Time.Equal)
	now := times[0]
	rec := NewRecorder(sink, func() time.Time { return now })
	s := call.Snapshot{State: call.Connected, Since: now, Self: call.Member{ID: "self", Name: browser(d.UserAgent)}, Room: "webrtc-internals"}
	rec.Event(call.StateChanged{State: call.Connected}, s)
	here := map[netstack.PeerID]bool{}
	for _, now = range times {
		var lines []call.Line
		for _, c := range conns {
			in := !now.Before(c.times[0]) && !now.After(c.times[len(c.times)-1])
			switch id := c.member.ID; {
			case in && !here[id]:
				here[id] = true
				s.Others = append(slices.Clone(s.Others), c.member)
				rec.Event(call.MemberJoined{Member: c.member}, s)
			case !in && here[id]:
				delete(here, id)
				s.Others = slices.DeleteFunc(slices.Clone(s.Others), func(m call.Member) bool { return m.ID == id })
				rec.Event(call.MemberLeft{Member: c.member, Why: "was closed"}, s)
			}
			if in {
				for _, e := range c.eventsUpTo(now) {
					rec.Event(call.Net{Event: e}, s)
				}
				lines = append(lines, c.line(now))
			}
		}
		rec.Lines(s, lines)
	}
}

// line is what the panel shows of the connection at one time.
func (c *imported) line(at time.Time) call.Line {
	l := c.link(at)
	c.history = append(c.history, sampleOf(l))
	if n := len(c.history); n > call.HistoryLength {
		c.history = c.history[n-call.HistoryLength:]
	}
	line := call.Line{Member: c.member, Link: l, Verdict: verdict.Of(l, verdict.Evidence{}, verdict.Evidence{}), History: slices.Clip(c.history)}
	line.Picture, line.Sound = c.playout(at)
	c.before, c.beforeAt = l, at
	return line
}

// sampleOf reduces a link to one point of its graphs: bitrates add up, loss is
// weighed by them, jitter is that of the worst stream.
func sampleOf(l netstack.Link) call.Sample {
	s := call.Sample{At: l.At, RTT: l.RTT}
	add := func(sum *netstack.Opt[int], v netstack.Opt[int]) {
		if v.OK {
			*sum = netstack.Some(sum.Value + v.Value)
		}
	}
	lost, all := 0.0, 0.0
	for _, in := range l.In {
		add(&s.Receive, in.Bitrate)
		if in.FractionLost.OK && in.Bitrate.OK {
			lost += in.FractionLost.Value * float64(in.Bitrate.Value)
			all += float64(in.Bitrate.Value)
		}
		if in.Jitter.OK && in.Jitter.Value >= s.Jitter.Value {
			s.Jitter = in.Jitter
		}
	}
	for _, out := range l.Out {
		add(&s.Send, out.Bitrate)
	}
	if all > 0 {
		s.Loss = netstack.Some(lost / all)
	}
	return s
}

// object is one object of the statistics over time.
type object struct {
	id, kind   string
	start, end time.Time
	series     map[string]series
}

// series are the values of one member of an object, and when each was taken.
type series struct {
	times  []time.Time
	values []any
}

// at returns the newest value that is not later than t.
func (s series) at(t time.Time) any {
	n, _ := slices.BinarySearchFunc(s.times, t, func(a, t time.Time) int {
		if a.After(t) {
			return 1
		}
		return -1
	})
	if n == 0 {
		return nil
	}
	return s.values[n-1]
}

func (o *object) text(name string, t time.Time) string {
	s, _ := o.series[name].at(t).(string)
	return s
}

func (o *object) flag(name string, t time.Time) bool {
	b, _ := o.series[name].at(t).(bool)
	return b
}

func (o *object) number(name string, t time.Time) (float64, bool) {
	v, ok := o.series[name].at(t).(float64)
	return v, ok && !math.IsNaN(v) && !math.IsInf(v, 0)
}

func (o *object) count(name string, t time.Time) uint64 {
	v, ok := o.number(name, t)
	if !ok || v < 0 || v >= math.MaxUint64 {
		return 0
	}
	return uint64(v)
}

// seconds reads a duration, which W3C gives in seconds.
func (o *object) seconds(name string, t time.Time) netstack.Opt[time.Duration] {
	v, ok := o.number(name, t)
	if !ok || math.Abs(v) > 1e9 {
		return netstack.Opt[time.Duration]{}
	}
	return netstack.Some(time.Duration(v * float64(time.Second)))
}

// alive reports whether the object is there at t: the browser asked for it
// about once a second.
func (o *object) alive(t time.Time) bool {
	return !t.Before(o.start.Add(-500*time.Millisecond)) && !t.After(o.end.Add(2500*time.Millisecond))
}
