package peer

import (
	"strings"
	"testing"
	"time"

	"candid/netstack"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// What another client sends is taken in its own codec; one who did not ask for
// it is not sent it; VP8 stays the first choice.
func TestForeignVideo(t *testing.T) {
	with := local()
	with.Codecs = ForeignVideo()
	for _, mime := range []string{webrtc.MimeTypeVP8, webrtc.MimeTypeVP9, webrtc.MimeTypeH264, webrtc.MimeTypeAV1} {
		t.Run(mime, func(t *testing.T) {
			a, b := newSide(t, "a", "b", with), newSide(t, "b", "a", with)
			join(a, b)
			track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mime, ClockRate: 90000}, "camera", "a")
			if err != nil {
				t.Fatal(err)
			}
			a.peer.Publish(track)
			offer := a.firstOffer().SDP
			if vp8, other := strings.Index(offer, "VP8/90000"), strings.Index(offer, "VP9/90000"); vp8 < 0 || other < vp8 {
				t.Errorf("VP8 is not the first choice of\n%s", offer)
			}
			a.awaitStep(netstack.DTLSConnected)
			stop, done := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(done)
				for n := uint16(0); ; n++ {
					select {
					case <-stop:
						return
					case <-time.After(10 * time.Millisecond):
						_ = track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: n}, Payload: []byte{0x10, 0}})
					}
				}
			}()
			defer func() { close(stop); <-done }()
			var got netstack.RemoteTrack
			b.await("the track", func() bool {
				for _, e := range b.events {
					if added, ok := e.(netstack.TrackAdded); ok {
						got = added.Track
					}
				}
				return got != nil
			})
			if c := got.Codec().MimeType; c != mime {
				t.Errorf("it arrived as %s", c)
			}
		})
	}
}
