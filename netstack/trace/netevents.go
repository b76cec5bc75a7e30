package trace

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode"

	"candid/netstack"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// Track is what a trace keeps of a track: what it was, not what it carried.
type Track struct {
	ID       string `json:"id"`
	StreamID string `json:"streamId"`
	Kind     string `json:"kind"` // "audio" or "video"
	MimeType string `json:"codec"`
}

type trackAdded struct {
	Peer  netstack.PeerID
	Track Track
}

// OfEvent returns the kind and body under which an event is recorded: the name
// of its type, in small letters with hyphens.
func OfEvent(e netstack.Event) (kind string, body any) {
	if e, ok := e.(netstack.TrackAdded); ok {
		t := trackAdded{Peer: e.Peer}
		if e.Track != nil {
			t.Track = Track{e.Track.ID(), e.Track.StreamID(), e.Track.Kind().String(), e.Track.Codec().MimeType}
		}
		return "track-added", t
	}
	return hyphenated(reflect.TypeOf(e).Name()), e
}

// hyphenated turns LinkChanged into link-changed.
func hyphenated(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// Event returns the event that a record holds; nil if it holds none. A track
// of it has ended: it yields no packets.
func (r Record) Event() (netstack.Event, error) {
	switch r.Kind {
	case "candidate-found":
		return decode[netstack.CandidateFound](r)
	case "candidate-failed":
		return decode[netstack.CandidateFailed](r)
	case "pair-changed":
		return decode[netstack.PairChanged](r)
	case "link-changed":
		return decode[netstack.LinkChanged](r)
	case "milestone-reached":
		return decode[netstack.MilestoneReached](r)
	case "track-added":
		var t trackAdded
		if err := r.Decode(&t); err != nil {
			return nil, err
		}
		return netstack.TrackAdded{Peer: t.Peer, Track: ended{t.Track}}, nil
	case "key-frame-requested":
		return decode[netstack.KeyFrameRequested](r)
	case "demand-changed":
		return decode[netstack.DemandChanged](r)
	case "speakers-changed":
		return decode[netstack.SpeakersChanged](r)
	case "restarted":
		return decode[netstack.Restarted](r)
	}
	return nil, nil
}

func decode[E netstack.Event](r Record) (netstack.Event, error) {
	var e E
	if err := r.Decode(&e); err != nil {
		return nil, err
	}
	return e, nil
}

// ended is a track of the past.
type ended struct{ t Track }

func (e ended) ID() string                { return e.t.ID }
func (e ended) StreamID() string          { return e.t.StreamID }
func (e ended) Kind() webrtc.RTPCodecType { return webrtc.NewRTPCodecType(e.t.Kind) }

func (e ended) Codec() webrtc.RTPCodecParameters {
	return webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: e.t.MimeType}}
}

func (e ended) ReadRTP() (*rtp.Packet, interceptor.Attributes, error) {
	return nil, nil, fmt.Errorf("track of a recorded call: %w", io.EOF)
}

func (e ended) RequestKeyFrame() {}

func (e ended) SenderReport() netstack.Opt[netstack.SenderReport] {
	return netstack.Opt[netstack.SenderReport]{}
}
