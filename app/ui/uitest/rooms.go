package uitest

import (
	"math"
	"time"

	"candid/app/call"
	"candid/netstack"
	"candid/netstack/verdict"
)

// Graph is the room of lines as its members measured it: through the host if
// the lines do, or else everybody with everybody. A few lines are not good.
func Graph(lines []call.Line, at time.Time) []call.Edge {
	var out []call.Edge
	self := MemberAt(0).ID
	for i, l := range lines {
		id, rtt := l.Member.ID, l.Link.RTT
		switch l.Link.Topology {
		case netstack.SFU, netstack.MCU:
			if i == 0 {
				out = append(out, edge(self, netstack.HostID, l.Verdict.Path, rtt, at))
			}
			theirs := netstack.Some(time.Duration(14+11*i) * time.Millisecond)
			if i == 2 {
				theirs = netstack.Some(214 * time.Millisecond)
			}
			out = append(out, edge(id, netstack.HostID, l.Verdict.Path, theirs, at))
		default:
			out = append(out, edge(self, id, l.Verdict.Path, rtt, at))
			for j := range i {
				e := edge(lines[j].Member.ID, id, verdict.Direct, netstack.Some(time.Duration(20+9*(i+j))*time.Millisecond), at)
				if i == 5 && j == 2 {
					e.There.Loss = netstack.Some(0.08)
				}
				out = append(out, e)
			}
		}
	}
	return out
}

func edge(from, to netstack.PeerID, p verdict.Path, rtt netstack.Opt[time.Duration], at time.Time) call.Edge {
	e := call.Edge{From: from, To: to, Path: p, Protocol: "udp", RTT: rtt, At: at}
	if p != verdict.Broken && p != verdict.Connecting {
		e.There = call.Flow{Bitrate: netstack.Some(1_320_000), Loss: netstack.Some(0.002)}
		e.Back = call.Flow{Bitrate: netstack.Some(1_480_000), Loss: netstack.Some(0.004)}
	}
	return e
}

// Sent are the layers of a camera, the largest limited by the line.
func Sent() []call.Outgoing {
	var out []call.Outgoing
	for i, name := range []string{"camera~q", "camera~h", "camera"} {
		scale := 1 << (2 - i)
		out = append(out, call.Outgoing{
			TrackID: name, Codec: "video/VP8", Active: i != 1, FrameWidth: 1280 / scale, FrameHeight: 720 / scale, FramesPerSecond: 29.9,
			FramesEncoded: 21_544, KeyFramesEncoded: 9, TargetBitrate: int(150_000 * math.Pow(3, float64(i))),
			QualityLimitationReason: []string{"none", "none", "bandwidth"}[i], EncodeTime: netstack.Some(time.Duration(1+i*4) * time.Millisecond),
		})
	}
	return out
}

// Changes are the changes of path of a room that grew.
func Changes(at time.Time) []call.PathChange {
	return []call.PathChange{
		{At: at.Add(-9 * time.Minute), From: netstack.P2P, To: netstack.SFU, Why: "Three people: each sends once.", Done: true, ToFirst: 310 * time.Millisecond, ToDone: 640 * time.Millisecond},
		{At: at.Add(-4 * time.Minute), From: netstack.SFU, To: netstack.MCU, Why: "Forced.", Failed: "no picture came on the new path within 10 s"},
	}
}
