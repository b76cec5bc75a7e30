package demo

import (
	"context"
	"time"

	"candid/app/call"
	"candid/netstack"
)

// watchPanel reads, once for each sample, what the panel shows of the first
// line, for d. It blocks.
func watchPanel(ctx context.Context, s *call.Session, d time.Duration) (Shown, error) {
	var rtt, loss, bitrate mean
	for end := time.Now().Add(d); time.Now().Before(end); {
		if err := sleep(ctx, min(time.Second, time.Until(end))); err != nil {
			return Shown{}, err
		}
		lines := s.Lines()
		if len(lines) == 0 {
			continue
		}
		l := lines[0].Link
		if l.RTT.OK {
			rtt.add(ms(l.RTT.Value))
		}
		bits, lost := 0.0, 0.0 // lost: bits that did not come
		known := false
		for _, in := range l.In {
			if in.Bitrate.OK && in.FractionLost.OK {
				known = true
				bits += float64(in.Bitrate.Value)
				lost += in.FractionLost.Value * float64(in.Bitrate.Value)
			}
		}
		if known && bits > 0 {
			bitrate.add(bits)
			loss.add(lost / bits)
		}
	}
	return Shown{rtt.value(), loss.value(), bitrate.value()}, nil
}

// mean is an average in the making.
type mean struct {
	sum float64
	n   int
}

func (m *mean) add(v float64) { m.sum, m.n = m.sum+v, m.n+1 }

func (m *mean) value() netstack.Opt[float64] {
	if m.n == 0 {
		return netstack.Opt[float64]{}
	}
	return netstack.Some(m.sum / float64(m.n))
}
