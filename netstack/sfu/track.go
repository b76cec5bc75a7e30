package sfu

import (
	"candid/netstack"
	"candid/netstack/bandwidth"
	"candid/netstack/sfu/forward"
	"candid/netstack/sfu/srtp"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

const maxLayers = forward.MaxLayers

// rids are the names of layers, the smallest first; a track with one layer has
// the last of them.
var rids = [maxLayers]string{"q", "h", "f"}

const topLayer = maxLayers - 1

// rank is the place of a layer among those of its track.
func rank(rid string) int {
	for i, r := range rids {
		if r == rid {
			return i
		}
	}
	return topLayer
}

// trackKey names a published track within a room.
type trackKey struct {
	peer  netstack.PeerID
	track string
}

// covers reports whether a wish about k is one about o.
func (k trackKey) covers(o trackKey) bool {
	return (k.peer == Any || k.peer == o.peer) && (k.track == Any || k.track == o.track)
}

// track is one published track. What is not fixed belongs to the engine.
type track struct {
	key    trackKey
	kind   webrtc.RTPCodecType
	codec  forward.Codec // 0: VP8 or Opus
	slot   int           // in every line's downs
	owner  *line
	layers [maxLayers]*layer

	elastic bool            // its sender follows the receivers' lines
	speaker forward.Speaker // of sound
	behind  bool            // a picture of someone who has not spoken lately
}

// layer is one stream of a track, as it arrives.
type layer struct {
	track *track
	index int
	name  string // of the track as its publisher calls it: "camera~h"
	rid   string // empty: not simulcast in one section
	mid   string
	line  *line
	ssrc  uint32 // 0: not known yet
	pt    uint8

	numbers       srtp.Index
	cache         *forward.Cache
	key           forward.KeyFrame
	missing       forward.Missing
	rate          bandwidth.Rate
	width, height int
	last          int64 // when a packet came
	packets       uint64

	asked    int64 // last PLI
	wantKey  bool
	demanded bool  // somebody takes it, as far as its sender was told
	since    int64 // demanded since, or not
	takenAt  int64 // when somebody took it last

	firstSeq  uint64
	jitter    float64 // RTP units
	transit   int64
	haveFirst bool
	saidLost  uint64 // at the last report
	saidCame  uint64
	report    rtcp.SenderReport
	reportAt  int64
	reported  bool
}

// flows reports whether packets came lately, or would if somebody took them.
func (y *layer) flows(now int64) bool {
	if y != nil && y.line.near != nil {
		return true // while nothing in it changes, little comes
	}
	if y == nil || !y.haveFirst && y.ssrc == 0 && y.rid == "" {
		return false
	}
	return now-y.last < flowTime && y.haveFirst || !y.demanded || now-y.since < startTime
}

// bitrate is what a layer takes, also while it pauses.
func (y *layer) bitrate(now int64) int {
	if now-y.last < flowTime {
		return y.rate.Bits(now)
	}
	return 0 // unknown
}

// down is a track as one receiver gets it.
type down struct {
	forward.Down
	track *track
	want  int // layer it should have, -1: none

	tile     int // pixels high; 0: not visible
	priority int

	packets, octets uint32
}
