package peer

import (
	"slices"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// noted is a connection that notes what is sent.
type noted struct {
	webrtc.TrackLocalContext
	kind    webrtc.RTPCodecParameters
	headers []rtp.Header
}

func (n *noted) ID() string                              { return "noted" }
func (n *noted) SSRC() webrtc.SSRC                       { return 7 }
func (n *noted) SSRCRetransmission() webrtc.SSRC         { return 0 }
func (n *noted) SSRCForwardErrorCorrection() webrtc.SSRC { return 0 }
func (n *noted) CodecParameters() []webrtc.RTPCodecParameters {
	return []webrtc.RTPCodecParameters{n.kind}
}
func (n *noted) WriteStream() webrtc.TrackLocalWriter { return n }
func (n *noted) Write(b []byte) (int, error)          { return len(b), nil }
func (n *noted) HeaderExtensions() []webrtc.RTPHeaderExtensionParameter {
	return []webrtc.RTPHeaderExtensionParameter{{URI: audioLevelURI, ID: 5}}
}
func (n *noted) WriteRTP(h *rtp.Header, p []byte) (int, error) {
	n.headers = append(n.headers, h.Clone())
	return len(p), nil
}

// A gate shuts, opens at a key frame, and lets numbers go on without a break.
func TestGate(t *testing.T) {
	track, err := webrtc.NewTrackLocalStaticRTP(vp8.RTPCodecCapability, "camera", "anna")
	if err != nil {
		t.Fatal(err)
	}
	g, out := newGate(track, func() {}), &noted{kind: vp8}
	if _, err := g.Bind(out); err != nil {
		t.Fatal(err)
	}
	delta, key := []byte{0x10, 0x01, 0, 0}, []byte{0x10, 0x00, 0, 0}
	write := func(seq uint16, payload []byte) {
		t.Helper()
		if err := track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(seq)}, Payload: payload}); err != nil {
			t.Fatal(err)
		}
	}
	write(65534, delta)
	g.set(false)
	write(65535, key)
	g.set(true)
	write(0, delta)
	write(1, key)
	write(2, delta)
	var seqs []uint16
	var came []uint32
	for _, h := range out.headers {
		seqs, came = append(seqs, h.SequenceNumber), append(came, h.Timestamp)
	}
	if want := []uint16{65534, 65535, 0}; !slices.Equal(seqs, want) {
		t.Errorf("numbers %v, want %v", seqs, want)
	}
	if want := []uint32{65534, 1, 2}; !slices.Equal(came, want) {
		t.Errorf("packets %v, want %v", came, want)
	}
}

// The level of sound leaves under the number that was agreed on.
func TestGateLevel(t *testing.T) {
	track, err := webrtc.NewTrackLocalStaticRTP(opus.RTPCodecCapability, "mic", "anna")
	if err != nil {
		t.Fatal(err)
	}
	g, out := newGate(track, func() {}), &noted{kind: opus}
	if _, err := g.Bind(out); err != nil {
		t.Fatal(err)
	}
	p := &rtp.Packet{Header: rtp.Header{Version: 2}, Payload: []byte{1}}
	if err := p.SetExtension(LevelExtension, []byte{42}); err != nil {
		t.Fatal(err)
	}
	if err := track.WriteRTP(p); err != nil {
		t.Fatal(err)
	}
	if len(out.headers) != 1 || string(out.headers[0].GetExtension(5)) != "*" || out.headers[0].GetExtension(LevelExtension) != nil {
		t.Errorf("sent %+v", out.headers)
	}
	if string(p.GetExtension(LevelExtension)) != "*" {
		t.Error("the track's own packet was changed")
	}
}
