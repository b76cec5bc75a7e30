package ui

import (
	"net/netip"
	"strings"
	"time"

	"candid/app/call"
	"candid/netstack"
	"candid/netstack/verdict"

	"fyne.io/fyne/v2"
)

// pathView is the way to one person as a row of stations.
type pathView struct {
	Stations []station
	Label    string // over the whole way: the round trip
	Protocol string
	Path     verdict.Path
}

// station is something the media passes.
type station struct {
	Icon  string // empty draws the initials of Title
	Title string
	Below string // its address or network
	Who   string // whose, when it is a person
}

// pathOf tells the stations from me to the member of a line.
func pathOf(self call.Member, l call.Line) pathView {
	v := pathView{Path: l.Verdict.Path, Label: known(l.Link.RTT, roundTrip)}
	me, them := station{Title: "You", Who: self.Name}, station{Title: l.Member.Name, Who: l.Member.Name}
	pair, local, remote, ok := l.Link.SelectedPair()
	if !ok || v.Path == verdict.Connecting || v.Path == verdict.Broken {
		v.Label = either(v.Path == verdict.Broken, "no connection", "looking for a way")
		v.Stations = []station{me, them}
		return v
	}
	if !l.Link.RTT.OK {
		v.Label = known(pair.RTT, roundTrip)
	}
	v.Protocol = protocolName(local)
	me.Below = myNetwork(l.Link, local)
	switch l.Link.Topology {
	case netstack.SFU:
		v.Stations = []station{me, {Icon: "shuffle", Title: "Host", Below: "passes on"}, them}
		return v
	case netstack.MCU:
		v.Stations = []station{me, {Icon: "layout-grid", Title: "Host", Below: "mixes"}, them}
		return v
	}
	relayed := isRelay(local) || isRelay(remote)
	v.Stations = []station{me}
	if local.Type.String() == "srflx" || local.Type.String() == "prflx" || !relayed && isPrivate(own(local)) && isPublic(remote.Address) {
		v.Stations = append(v.Stations, station{Icon: "router", Title: "Your router", Below: publicOf(l.Link, local)})
	}
	if relayed {
		s := station{Icon: "server", Title: "Host's relay", Below: relayAddress(local, remote)}
		v.Stations = append(v.Stations, s)
	}
	if remote.Type.String() == "srflx" || remote.Type.String() == "prflx" {
		v.Stations = append(v.Stations, station{Icon: "router", Title: "Their router", Below: remote.Address})
	} else if !isRelay(remote) {
		them.Below = remote.Address
	}
	v.Stations = append(v.Stations, them)
	return v
}

func protocolName(c netstack.Candidate) string {
	if c.RelayProtocol != "" {
		return strings.ToUpper(c.RelayProtocol)
	}
	return strings.ToUpper(c.Protocol)
}

// own is the address of a local candidate on this machine.
func own(c netstack.Candidate) string {
	if c.RelatedAddress != "" && !isRelay(c) {
		return c.RelatedAddress
	}
	return c.Address
}

// publicOf is the address the router gave local: its own, or that of the
// candidate a STUN server told of it.
func publicOf(l netstack.Link, local netstack.Candidate) string {
	if local.Type.String() != "host" {
		return local.Address
	}
	for _, c := range l.Local {
		if c.Type.String() == "srflx" && c.RelatedAddress == local.Address {
			return c.Address
		}
	}
	return ""
}

// myNetwork is what local is on: the kind of network if it is known, or else
// the address.
func myNetwork(l netstack.Link, local netstack.Candidate) string {
	if local.Network != "" {
		return networkName(local.Network)
	}
	if !isRelay(local) {
		return own(local)
	}
	for _, c := range l.Local {
		if c.Network != "" {
			return networkName(c.Network)
		}
	}
	return ""
}

func relayAddress(local, remote netstack.Candidate) string {
	if isRelay(local) {
		return local.Address
	}
	return remote.Address
}

func isRelay(c netstack.Candidate) bool { return c.Type.String() == "relay" }

func isPrivate(addr string) bool {
	a, err := netip.ParseAddr(addr)
	return err == nil && (a.IsPrivate() || a.IsLinkLocalUnicast())
}

func isPublic(addr string) bool {
	a, err := netip.ParseAddr(addr)
	return err == nil && !a.IsPrivate() && !a.IsLinkLocalUnicast() && !a.IsLoopback()
}

// chartSpan is how much time the graphs show.
type chartSpan struct {
	Name string
	Len  time.Duration
}

var chartSpans = []chartSpan{{"1 min", time.Minute}, {"5 min", 5 * time.Minute}, {"10 min", 10 * time.Minute}}

// series is one curve: values at equal steps, newest last; NaN is not measured.
type series struct {
	Name   string
	Col    fyne.ThemeColorName
	Values []float64
}

// chartView is one graph.
type chartView struct {
	Title  string
	Series []series
	Floor  float64 // the scale is never smaller than this
	Write  func(float64) string
	Span   time.Duration
}

// charts draws the history of a line over span, which ends at the newest
// sample.
func charts(history []call.Sample, span time.Duration) []chartView {
	ms := func(o netstack.Opt[time.Duration]) float64 {
		return number(o.OK, float64(o.Value)/float64(time.Millisecond))
	}
	return []chartView{
		{"Round trip", []series{{"", cAccent, pick(history, span, func(s call.Sample) float64 { return ms(s.RTT) })}}, 20, writeMillis, span},
		{"Loss", []series{{"", cBad, pick(history, span, func(s call.Sample) float64 { return number(s.Loss.OK, s.Loss.Value) })}}, 0.02, percent, span},
		{"Jitter", []series{{"", cViolet, pick(history, span, func(s call.Sample) float64 { return ms(s.Jitter) })}}, 10, writeMillis, span},
		{"Bitrate", []series{
			{"receive", cTeal, pick(history, span, func(s call.Sample) float64 { return number(s.Receive.OK, float64(s.Receive.Value)) })},
			{"send", cWarn, pick(history, span, func(s call.Sample) float64 { return number(s.Send.OK, float64(s.Send.Value)) })},
		}, 200_000, rate, span},
	}
}

func writeMillis(v float64) string { return millis(time.Duration(v * float64(time.Millisecond))) }
