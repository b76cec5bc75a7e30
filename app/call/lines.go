package call

import (
	"time"

	"candid/media/playout"
	"candid/netstack"

	"github.com/pion/webrtc/v4"
)

// sample takes the newest statistics of every line, for the panel.
func (r *room) sample() {
	lines := make([]Line, 0, len(r.others))
	links := make(map[netstack.PeerID]netstack.Link)
	for _, l := range append(r.s.mesh.Links(), r.s.host.Links()...) {
		links[l.Peer] = l
	}
	loss := 0.0
	for _, o := range r.others {
		l, said := r.networks.judge(r.paths.link(o, links))
		if r.networks.unlucky(r.self.ID, l, time.Now()) {
			r.s.mesh.Restart(l.Peer, "a direct way should be possible")
		}
		line := Line{Member: o.member, Link: l, Verdict: said, History: o.history.add(l)}
		o.measure(&line, r.paths.current)
		lines = append(lines, line)
		loss = max(loss, reportedLoss(l))
		for key, v := range o.videos {
			if own := links[r.paths.far(key.path, o)]; own.RTT.OK {
				v.SetRTT(own.RTT.Value)
			}
		}
	}
	if r.paths.current != netstack.P2P {
		loss = max(loss, lossBehind(r.s.Graph(), r.self.ID))
	}
	r.s.audio.SetLoss(loss)
	r.s.lines.Store(&lines)
}

// far is who is at the other end of what a member's pictures come over.
func (p *paths) far(over netstack.Topology, o *other) netstack.PeerID {
	if over == netstack.SFU {
		return netstack.HostID
	}
	return o.member.ID
}

// link is the connection that a member is reached by. That to the host serves
// for everyone; of what arrives on it, each has what is theirs.
func (p *paths) link(o *other, links map[netstack.PeerID]netstack.Link) netstack.Link {
	l, ok := links[p.far(carrier(p.current), o)]
	if !ok {
		l = netstack.Link{At: time.Now(), State: webrtc.PeerConnectionStateNew}
	}
	l.Peer, l.Topology = o.member.ID, p.current
	if p.current == netstack.Auto {
		l.Topology = netstack.P2P
	}
	if p.current == netstack.SFU {
		var theirs []netstack.Stream
		for _, in := range l.In {
			if in.StreamID == string(o.member.ID) {
				theirs = append(theirs, in)
			}
		}
		l.In = theirs
	}
	return l
}

// reportedLoss is the share of our sound that the other side says it lost.
func reportedLoss(l netstack.Link) (loss float64) {
	for _, out := range l.Out {
		if out.Kind == webrtc.RTPCodecTypeAudio {
			loss = max(loss, out.FractionLost.Or(0))
		}
	}
	return loss
}

// lossBehind is the share that is lost between the host and one of the others,
// as they say: what we send is lost there too, where it is sent through the
// host, and the host's own reports do not tell.
func lossBehind(edges []Edge, self netstack.PeerID) (loss float64) {
	for _, e := range edges {
		switch {
		case e.From == netstack.HostID && e.To != self:
			loss = max(loss, e.There.Loss.Or(0))
		case e.To == netstack.HostID && e.From != self:
			loss = max(loss, e.Back.Loss.Or(0))
		}
	}
	return loss
}

// expectedLoss is the loss, in percent, the audio encoder prepares for. It is
// never below 10: forward error correction is of no use when it begins after
// the first loss, and Opus puts none into a packet for less.
func expectedLoss(reported float64) int { return min(max(int(reported*150), 10), 30) }

// counters are those of one sample, kept to make rates of two.
type counters struct {
	picture playout.VideoStats
	sound   playout.AudioStats
	recent  []Counters // of the last concealmentSpan samples, oldest first
}

// concealmentSpan is over how many seconds the share of concealed sound is
// shown: one lost packet is then a fifth of a percent and not two.
const concealmentSpan = 10

// measure adds to line how the member's picture and sound are played.
func (o *other) measure(line *Line, path netstack.Topology) {
	before := o.prior
	if v := o.videos[videoKey{path: carrier(path)}]; v != nil && path != netstack.MCU {
		o.prior.picture = v.Stats()
		if o.prior.picture.FramesDecoded < before.picture.FramesDecoded { // another path's
			before.picture = o.prior.picture
		}
		line.Picture = netstack.Some(picture(before.picture, o.prior.picture))
	}
	a := o.sound.audio.Load()
	if a == nil {
		o.prior.recent = nil
		return
	}
	o.prior.sound = a.Stats()
	now := Counters{o.prior.sound.TotalSamplesReceived, o.prior.sound.ConcealedSamples}
	o.prior.recent = append(o.prior.recent, now)
	if n := len(o.prior.recent); n > concealmentSpan+1 {
		o.prior.recent = o.prior.recent[n-concealmentSpan-1:]
	}
	if now.Samples < before.sound.TotalSamplesReceived { // it was stopped and begun anew
		before.sound, o.prior.recent = o.prior.sound, o.prior.recent[len(o.prior.recent)-1:]
	}
	s := heard(before.sound, o.prior.sound)
	s.Concealed = concealed(o.prior.recent[0], now)
	if d, ok := o.sync.Offset(); ok {
		s.LipSync = netstack.Some(d)
	}
	line.Sound = netstack.Some(s)
}

func picture(before, now playout.VideoStats) Picture {
	return Picture{
		FrameWidth: now.FrameWidth, FrameHeight: now.FrameHeight, FramesPerSecond: now.FramesPerSecond,
		FramesDecoded: now.FramesDecoded, FramesDropped: now.FramesDropped, KeyFramesDecoded: now.KeyFramesDecoded,
		FreezeCount: now.FreezeCount, TotalFreezesDuration: now.TotalFreezesDuration,
		JitterBufferDelay: mean(now.JitterBufferDelay-before.JitterBufferDelay, now.JitterBufferEmittedCount-before.JitterBufferEmittedCount),
		DecodeTime:        mean(now.TotalDecodeTime-before.TotalDecodeTime, now.FramesDecoded-before.FramesDecoded),
	}
}

func heard(before, now playout.AudioStats) Sound {
	return Sound{
		JitterBufferDelay:  mean(now.JitterBufferDelay-before.JitterBufferDelay, now.JitterBufferEmittedCount-before.JitterBufferEmittedCount),
		JitterBufferTarget: now.Target,
		ConcealmentEvents:  now.ConcealmentEvents,
		Total:              Counters{now.TotalSamplesReceived, now.ConcealedSamples},
	}
}

func mean(sum time.Duration, n uint64) netstack.Opt[time.Duration] {
	if n == 0 {
		return netstack.Opt[time.Duration]{}
	}
	return netstack.Some(sum / time.Duration(n))
}

func concealed(from, to Counters) netstack.Opt[float64] {
	if to.Samples <= from.Samples {
		return netstack.Opt[float64]{}
	}
	return netstack.Some(float64(to.Concealed-from.Concealed) / float64(to.Samples-from.Samples))
}
