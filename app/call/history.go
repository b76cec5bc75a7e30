package call

import (
	"time"

	"candid/netstack"
)

// history keeps the newest HistoryLength samples of one line. It is not safe
// for concurrent use.
type history struct{ samples []Sample }

// add appends what l measured and returns the samples, oldest first. What it
// returned before stays as it was.
func (h *history) add(l netstack.Link) []Sample {
	if n := len(h.samples); n > 0 && h.samples[n-1].At.Equal(l.At) {
		return h.samples // the same sample once more
	}
	if len(h.samples) >= HistoryLength {
		h.samples = h.samples[1:]
	}
	h.samples = append(h.samples, sample(l))
	return h.samples[:len(h.samples):len(h.samples)]
}

// sample reduces a link to one point of its graphs. Bitrates add up over the
// streams; loss is weighed by them; jitter is that of the worst stream.
func sample(l netstack.Link) Sample {
	s := Sample{At: l.At, RTT: l.RTT, Receive: bitrate(l.In), Send: bitrate(l.Out)}
	var lost, packets float64
	for _, in := range l.In {
		if in.FractionLost.OK && in.Bitrate.OK {
			lost += in.FractionLost.Value * float64(in.Bitrate.Value)
			packets += float64(in.Bitrate.Value)
		}
		if in.Jitter.OK && in.Jitter.Value > s.Jitter.Value {
			s.Jitter = in.Jitter
		}
	}
	if packets > 0 {
		s.Loss = netstack.Some(lost / packets)
	}
	return s
}

func bitrate(streams []netstack.Stream) (sum netstack.Opt[int]) {
	for _, s := range streams {
		if s.Bitrate.OK {
			sum = netstack.Some(sum.Value + s.Bitrate.Value)
		}
	}
	return sum
}

// sampleEvery is how often lines are sampled: often enough for a graph, seldom
// enough to cost nothing.
const sampleEvery = time.Second
