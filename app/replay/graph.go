package replay

import (
	"time"

	"candid/app/call"
	"candid/netstack"
)

// Graph is one measure of a line over the time a person was there.
type Graph struct {
	Of     string                  `json:"of"` // roundTripTime, packetsLost, jitter, bitrateReceived, bitrateSent
	Unit   string                  `json:"unit"`
	Start  time.Time               `json:"start"`
	Every  time.Duration           `json:"every"` // between points
	Points []netstack.Opt[float64] `json:"points"`
}

// maxPoints is how finely a graph is drawn: about a point per pixel.
const maxPoints = 300

// measures are what there are graphs of.
var measures = []struct {
	of, unit string
	value    func(call.Sample) netstack.Opt[float64]
}{
	{"roundTripTime", "ms", func(s call.Sample) netstack.Opt[float64] { return inMillis(s.RTT) }},
	{"packetsLost", "%", func(s call.Sample) netstack.Opt[float64] {
		return netstack.Opt[float64]{Value: 100 * s.Loss.Value, OK: s.Loss.OK}
	}},
	{"jitter", "ms", func(s call.Sample) netstack.Opt[float64] { return inMillis(s.Jitter) }},
	{"bitrateReceived", "kbit/s", func(s call.Sample) netstack.Opt[float64] { return inKilo(s.Receive) }},
	{"bitrateSent", "kbit/s", func(s call.Sample) netstack.Opt[float64] { return inKilo(s.Send) }},
}

func inMillis(d netstack.Opt[time.Duration]) netstack.Opt[float64] {
	return netstack.Opt[float64]{Value: float64(d.Value) / float64(time.Millisecond), OK: d.OK}
}

func inKilo(v netstack.Opt[int]) netstack.Opt[float64] {
	return netstack.Opt[float64]{Value: float64(v.Value) / 1000, OK: v.OK}
}

func graphs(samples []call.Sample, from, to time.Time) []Graph {
	every := time.Second
	for to.Sub(from)/every >= maxPoints {
		every = every * 2
	}
	n := max(1, int((to.Sub(from)+every-1)/every))
	var out []Graph
	for _, m := range measures {
		g := Graph{Of: m.of, Unit: m.unit, Start: from, Every: every, Points: make([]netstack.Opt[float64], n)}
		count := make([]float64, n)
		for _, s := range samples {
			i := int(s.At.Sub(from) / every)
			if v := m.value(s); v.OK && i >= 0 && i < n {
				g.Points[i] = netstack.Some(g.Points[i].Value + v.Value)
				count[i]++
			}
		}
		for i := range g.Points {
			if count[i] > 0 {
				g.Points[i].Value /= count[i]
			}
		}
		if every == time.Second {
			bridge(g.Points)
		}
		out = append(out, g)
	}
	return out
}

// bridge fills single missing seconds: samples a little more than a second
// apart leave one out now and then, and that is no gap.
func bridge(p []netstack.Opt[float64]) {
	for i := 1; i < len(p)-1; i++ {
		if !p[i].OK && p[i-1].OK && p[i+1].OK {
			p[i] = netstack.Some((p[i-1].Value + p[i+1].Value) / 2)
		}
	}
}

// Step is a stretch of setting a connection up.
type Step struct {
	Title string        `json:"title"`
	From  time.Duration `json:"from"` // since the first of all
	To    time.Duration `json:"to"`
}

// Setup is the waterfall of a link's milestones: steps whose start and end are
// both known.
func Setup(l netstack.Link) []Step {
	first := func(ms ...netstack.Milestone) (t time.Time) {
		for _, m := range ms {
			if at, ok := l.Milestones[m]; ok && (t.IsZero() || at.Before(t)) {
				t = at
			}
		}
		return t
	}
	gathering := first(netstack.GatheringStarted)
	offer := first(netstack.OfferSent, netstack.OfferReceived)
	answer := first(netstack.AnswerSent, netstack.AnswerReceived)
	begin := first(netstack.GatheringStarted, netstack.OfferSent, netstack.OfferReceived)
	ice, dtls := first(netstack.ICEConnected), first(netstack.DTLSConnected)
	packet, picture := first(netstack.FirstPacket), first(netstack.FirstPicture)
	if picture.IsZero() && packet.IsZero() && ice.IsZero() && answer.IsZero() {
		return nil
	}
	orElse := func(a, b time.Time) time.Time {
		if a.IsZero() {
			return b
		}
		return a
	}
	var out []Step
	add := func(title string, from, to time.Time) {
		if !from.IsZero() && !to.IsZero() && !to.Before(from) {
			out = append(out, Step{title, from.Sub(begin), to.Sub(begin)})
		}
	}
	add("Collecting addresses", gathering, first(netstack.GatheringComplete))
	add("Exchanging them through the host", offer, answer)
	add("Trying ways until one works", orElse(answer, begin), ice)
	add("Agreeing on keys", ice, dtls)
	add("Waiting for the first packet", dtls, packet)
	add("Waiting for the first picture", orElse(packet, dtls), picture)
	return out
}
