package call

import (
	"bytes"
	"log/slog"
	"math"
	"testing"
	"time"

	"candid/media"
	"candid/media/codec"
	"candid/netstack"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

// wire is the far end of a track: it keeps the payloads.
type wire struct{ payloads [][]byte }

func (w *wire) ID() string                              { return "wire" }
func (w *wire) SSRC() webrtc.SSRC                       { return 1 }
func (w *wire) SSRCRetransmission() webrtc.SSRC         { return 0 }
func (w *wire) SSRCForwardErrorCorrection() webrtc.SSRC { return 0 }
func (w *wire) RTCPReader() interceptor.RTCPReader      { return nil }
func (w *wire) WriteStream() webrtc.TrackLocalWriter    { return w }
func (w *wire) Write(b []byte) (int, error)             { return len(b), nil }
func (w *wire) HeaderExtensions() []webrtc.RTPHeaderExtensionParameter {
	return nil
}

func (w *wire) CodecParameters() []webrtc.RTPCodecParameters {
	return []webrtc.RTPCodecParameters{{PayloadType: 111, RTPCodecCapability: webrtc.RTPCodecCapability{
		MimeType: webrtc.MimeTypeOpus, ClockRate: media.SampleRate, Channels: 2}}}
}

func (w *wire) WriteRTP(_ *rtp.Header, p []byte) (int, error) {
	w.payloads = append(w.payloads, bytes.Clone(p))
	return len(p), nil
}

// Where sound is lost, its packets carry copies of earlier ones, and all of it
// is no more than some twice what it was.
func TestRow49OutgoingAudioCopies(t *testing.T) {
	o, err := newOutgoingAudio("mic", "me", nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	far := &wire{}
	if _, err := o.track.Bind(far); err != nil {
		t.Fatal(err)
	}
	o.SetWanted(true)
	at := time.Now()
	pcm := make([]int16, media.BlockSamples)
	n := 0
	say := func(loss float64) (copies, size int) {
		far.payloads = nil
		o.SetLoss(loss)
		for range 200 { // 2 s
			for i := range pcm {
				s := float64(n) / media.SampleRate
				pcm[i] = int16(6000 * math.Sin(2*math.Pi*(150+80*math.Sin(7*s))*s) * (1 + math.Sin(23*s)))
				n++
			}
			o.WriteAudio(media.AudioBlock{PCM: pcm, Captured: at})
			at = at.Add(media.BlockDuration)
		}
		for _, p := range far.payloads[20:] {
			size += len(p)
			_, c, err := codec.TakeCopies(p, make([]codec.Copy, 0, 4))
			if err != nil {
				t.Fatal(err)
			}
			copies += len(c)
		}
		return copies, size
	}
	copies, plain := say(0)
	if copies != 0 {
		t.Errorf("%d copies without loss", copies)
	}
	if copies, _ = say(0.05); copies != 80 {
		t.Errorf("%d copies in 80 packets at 5 %%", copies)
	}
	copies, size := say(0.3)
	if copies != 160 {
		t.Errorf("%d copies in 80 packets at 30 %%", copies)
	}
	if share := float64(size) / float64(plain); share > 2.6 {
		t.Errorf("%.1f times the bytes", share)
	}
	t.Logf("%d bytes without loss, %d with", plain, size)
}

// Who sends through the host hears of what is lost on the way from it.
func TestLossBehind(t *testing.T) {
	lost := func(share float64) Flow { return Flow{Loss: netstack.Some(share)} }
	edges := []Edge{
		{From: "me", To: netstack.HostID, There: lost(0.5), Back: lost(0.6)}, // our own line is known better
		{From: "anna", To: netstack.HostID, There: lost(0.4), Back: lost(0.1)},
		{From: netstack.HostID, To: "ben", There: lost(0.2), Back: lost(0.7)},
		{From: "anna", To: "ben", There: lost(0.9)},
		{From: "carl", To: netstack.HostID},
	}
	if got := lossBehind(edges, "me"); got != 0.2 {
		t.Errorf("%v, want 0.2", got)
	}
}
