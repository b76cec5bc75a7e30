package replay

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"candid/app/call"
	"candid/netstack"

	"github.com/pion/webrtc/v4"
)

// imported is one connection of a dump.
type imported struct {
	member   call.Member
	times    []time.Time // at which it was measured, one a second
	objects  []*object   // by kind and id
	byID     map[string]*object
	updates  []update // in order
	told     int      // of updates
	state    netstack.Opt[webrtc.PeerConnectionState]
	ice      webrtc.ICEConnectionState
	failures []netstack.CandidateFailed
	steps    map[netstack.Milestone]time.Time
	history  []call.Sample
	before   netstack.Link // the line a second ago
	beforeAt time.Time
}

// read sorts the statistics of a connection into objects.
func read(raw connection) (*imported, error) {
	c := &imported{byID: map[string]*object{}, steps: map[netstack.Milestone]time.Time{}}
	stamps := map[string][]float64{}
	for _, key := range slices.Sorted(maps.Keys(raw.Stats)) {
		i := strings.LastIndexByte(key, '-')
		if i <= 0 || strings.HasPrefix(key[i+1:], "[") { // computed by the page
			continue
		}
		id, name, r := key[:i], key[i+1:], raw.Stats[key]
		values, err := r.parse()
		if err != nil || len(values) == 0 || r.StartTime.IsZero() || r.EndTime.Before(r.StartTime) {
			continue // one series less
		}
		o := c.byID[id]
		if o == nil {
			o = &object{id: id, kind: r.StatsType, start: r.StartTime, end: r.EndTime, series: map[string]series{}}
			c.byID[id] = o
			c.objects = append(c.objects, o)
		}
		o.start, o.end = earlier(o.start, r.StartTime), later(o.end, r.EndTime)
		if name == "timestamp" {
			stamps[id] = numbersOf(values)
			continue
		}
		o.series[name] = series{spread(r.StartTime, r.EndTime, len(values)), values}
	}
	for id, t := range stamps {
		c.byID[id].stamp(t)
	}
	c.updates = sorted(raw.UpdateLog)
	return c, c.raster()
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// parse reads the values: an array, or a string that holds one.
func (r rawSeries) parse() ([]any, error) {
	b := []byte(r.Values)
	var text string
	if json.Unmarshal(b, &text) == nil {
		b = []byte(text)
	}
	var v []any
	err := json.Unmarshal(b, &v)
	return v, err
}

func numbersOf(v []any) []float64 {
	out := make([]float64, 0, len(v))
	for _, v := range v {
		f, ok := v.(float64)
		if !ok || math.Abs(f) > 1e15 {
			return nil
		}
		out = append(out, f)
	}
	return out
}

// spread puts n values evenly between start and end.
func spread(start, end time.Time, n int) []time.Time {
	out := make([]time.Time, n)
	for i := range out {
		out[i] = start
		if n > 1 {
			out[i] = start.Add(time.Duration(float64(end.Sub(start)) * float64(i) / float64(n-1)))
		}
	}
	return out
}

// stamp gives the series the times the browser measured at, in ms, where there
// is one for each value, and they rise within the object's life.
func (o *object) stamp(ms []float64) {
	times := make([]time.Time, len(ms))
	for i, v := range ms {
		times[i] = time.UnixMicro(int64(v * 1000)).UTC()
		if i > 0 && times[i].Before(times[i-1]) || times[i].Before(o.start.Add(-time.Minute)) || times[i].After(o.end.Add(time.Minute)) {
			return
		}
	}
	for name, s := range o.series {
		if len(s.values) == len(times) {
			o.series[name] = series{times, s.values}
		}
	}
}

// raster finds the seconds of the clock in which anything was measured: the
// same for all connections.
func (c *imported) raster() error {
	seen := map[int64]bool{}
	for _, o := range c.objects {
		for _, s := range o.series {
			for _, t := range s.times {
				seen[t.Unix()] = true
			}
		}
		if len(seen) > maxSeconds || len(seen)*len(c.objects) > maxDumpWork {
			return errors.New("too long")
		}
	}
	for _, s := range slices.Sorted(maps.Keys(seen)) {
		c.times = append(c.times, time.Unix(s, int64(999*time.Millisecond)).UTC())
	}
	return nil
}

// update is an entry of the log of events. Chrome has written its time in two
// ways, and the names of events with and without "on".
type update struct {
	Time      string  `json:"time"`
	Timestamp float64 `json:"timestamp"` // Unix time in ms
	Type      string  `json:"type"`
	Value     string  `json:"value"`
	at        time.Time
}

// updateTimes are the ways Time is written.
var updateTimes = []string{time.RFC3339Nano, "1/2/2006, 3:04:05 PM", "1/2/2006, 15:04:05", "2/1/2006, 15:04:05", "2.1.2006, 15:04:05"}

func sorted(log []update) []update {
	var out []update
	for _, u := range log {
		if u.at = u.when(); !u.at.IsZero() {
			out = append(out, u)
		}
	}
	slices.SortStableFunc(out, func(a, b update) int { return a.at.Compare(b.at) })
	return out
}

func (u update) when() time.Time {
	if u.Timestamp > 0 && u.Timestamp < 1e15 {
		return time.UnixMicro(int64(u.Timestamp * 1000)).UTC()
	}
	for _, layout := range updateTimes {
		if t, err := time.Parse(layout, strings.ReplaceAll(u.Time, "\u202f", " ")); err == nil {
			return t
		}
	}
	return time.Time{}
}

// eventsUpTo turns the updates until now into events.
func (c *imported) eventsUpTo(now time.Time) []netstack.Event {
	var out []netstack.Event
	for ; c.told < len(c.updates) && !c.updates[c.told].at.After(now); c.told++ {
		if e := c.event(c.updates[c.told]); e != nil {
			out = append(out, e)
		}
	}
	return out
}

func (c *imported) event(u update) netstack.Event {
	id := c.member.ID
	step := func(m netstack.Milestone) netstack.Event {
		if _, ok := c.steps[m]; ok {
			return nil
		}
		c.steps[m] = u.at
		return netstack.MilestoneReached{Peer: id, Step: m, At: u.at}
	}
	value := strings.Trim(u.Value, `"`)
	switch strings.TrimPrefix(u.Type, "on") {
	case "connectionstatechange":
		c.state = netstack.Some(stateOf(value))
		return netstack.LinkChanged{Peer: id, State: c.state.Value}
	case "iceconnectionstatechange":
		c.ice = webrtc.NewICEConnectionState(value)
		if c.ice == webrtc.ICEConnectionStateConnected {
			return step(netstack.ICEConnected)
		}
	case "icegatheringstatechange":
		switch value {
		case "gathering":
			return step(netstack.GatheringStarted)
		case "complete":
			return step(netstack.GatheringComplete)
		}
	case "setLocalDescription":
		return step(either(isOffer(value), netstack.OfferSent, netstack.AnswerSent))
	case "setRemoteDescription":
		return step(either(isOffer(value), netstack.OfferReceived, netstack.AnswerReceived))
	case "icecandidateerror":
		f := failureOf(value)
		f.Peer = id
		c.failures = append(c.failures, f)
		return f
	}
	return nil
}

func isOffer(value string) bool { return strings.Contains(value[:min(len(value), 24)], "offer") }

func either[T any](cond bool, yes, no T) T {
	if cond {
		return yes
	}
	return no
}

func stateOf(s string) webrtc.PeerConnectionState {
	for _, st := range []webrtc.PeerConnectionState{webrtc.PeerConnectionStateConnecting, webrtc.PeerConnectionStateConnected,
		webrtc.PeerConnectionStateDisconnected, webrtc.PeerConnectionStateFailed, webrtc.PeerConnectionStateClosed} {
		if st.String() == s {
			return st
		}
	}
	return webrtc.PeerConnectionStateNew
}

// failureOf reads "url: turn:…\naddress: …\nerror_text: …\nerror_code: 701".
func failureOf(value string) (f netstack.CandidateFailed) {
	for line := range strings.Lines(value) {
		name, v, _ := strings.Cut(strings.TrimSpace(line), ":")
		v = strings.TrimSpace(v)
		switch strings.TrimSpace(name) {
		case "url":
			f.URL = v
		case "error_text", "errorText":
			f.ErrorText = v
		case "error_code", "errorCode":
			for _, r := range v {
				if r < '0' || r > '9' || f.ErrorCode > 1000 {
					break
				}
				f.ErrorCode = 10*f.ErrorCode + int(r-'0')
			}
		}
	}
	return f
}
