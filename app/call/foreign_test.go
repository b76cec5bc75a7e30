package call_test

import (
	"bytes"
	"context"
	"image"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"candid/app/call"
	"candid/media/foreigntest"
	"candid/media/mix"
	"candid/media/scene"
	"candid/netstack"
	"candid/netstack/sfu"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

const foreigner = 3 // as scenes count members

// framesOf are pictures of a camera as another program encodes them.
func framesOf(t *testing.T, c foreigntest.Codec) [][]byte {
	t.Helper()
	const frames = 30
	camera := scene.NewCamera(scene.CameraOptions{Width: 320, Height: 180, Member: foreigner})
	defer camera.Close()
	var raw bytes.Buffer
	for range frames {
		f, err := camera.ReadVideo()
		if err != nil {
			t.Fatal(err)
		}
		for _, plane := range [][]byte{f.Image.Y[:320*180], f.Image.Cb[:160*90], f.Image.Cr[:160*90]} {
			raw.Write(plane)
		}
	}
	args := []string{"-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "320x180", "-r", "30", "-i", "-"}
	return c.Split(foreigntest.FFmpeg(t, &raw, append(args, c.Args...)...))
}

// publish lets a program in that sends a codec, as by WHIP.
func (h *hall) publish(id netstack.PeerID, with foreigntest.Codec) {
	t := h.t
	t.Helper()
	frames := framesOf(t, with)
	s := webrtc.SettingEngine{}
	s.SetIncludeLoopbackCandidate(true)
	m := &webrtc.MediaEngine{}
	if err := m.RegisterDefaultCodecs(); err != nil {
		t.Fatal(err)
	}
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(s), webrtc.WithMediaEngine(m)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: with.Mime, ClockRate: 90000}, "picture", "tool")
	if err != nil {
		t.Fatal(err)
	}
	tr, err := pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		t.Fatal(err)
	}
	var only []webrtc.RTPCodecParameters
	for _, c := range tr.Sender().GetParameters().Codecs {
		if c.MimeType == with.Mime && strings.Contains(c.SDPFmtpLine, with.FMTP) {
			only = append(only, c)
		}
	}
	if err := tr.SetCodecPreferences(only); err != nil {
		t.Fatal(err)
	}
	offer, err := pc.CreateOffer(nil)
	if err == nil {
		err = pc.SetLocalDescription(offer)
	}
	if err != nil {
		t.Fatal(err)
	}
	answer, err := h.room.Admit(id, offer.SDP, sfu.Guest{Sends: true})
	if err == nil {
		err = pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer})
	}
	if err == nil {
		err = h.signal.AddGuest("tea", id, "Studio")
	}
	if err == nil {
		err = h.mixer.Join(id, "Studio")
	}
	if err != nil {
		t.Fatal(err)
	}
	quit := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(time.Second / 30)
		defer tick.Stop()
		pack := rtp.NewPacketizer(1160, 100, 7, with.Packer(), rtp.NewRandomSequencer(), 90000)
		for n := 0; ; n++ {
			select {
			case <-quit:
				return
			case <-tick.C:
			}
			for _, p := range pack.Packetize(frames[n%len(frames)], 3000) {
				_ = track.WriteRTP(p)
			}
		}
	})
	t.Cleanup(func() {
		close(quit)
		wg.Wait()
		h.mixer.Leave(id)
		h.room.Leave(id)
		_ = pc.GracefulClose()
	})
}

// gallery counts the pictures in which the foreigner is to be seen.
type gallery struct{ alone, mixed atomic.Int64 }

func (g *gallery) Picture(from netstack.PeerID, p *image.YCbCr) func() {
	is := func(p *image.YCbCr) bool {
		m, ok := scene.ReadStamp(p)
		return ok && m.Sender == foreigner
	}
	if from != call.MixID {
		if is(p) {
			g.alone.Add(1)
		}
		return nil
	}
	for _, r := range mix.Grid.Tiles(nil, 2, 0, p.Rect.Dx(), p.Rect.Dy()) {
		if is(p.SubImage(r).(*image.YCbCr)) {
			g.mixed.Add(1)
		}
	}
	return nil
}
func (g *gallery) Sent(*image.YCbCr) {}

// What another program sends, whatever its codec, is seen over the host,
// forwarded and in the mix.
func TestForeignPublisher(t *testing.T) {
	for _, c := range foreigntest.Codecs(15) {
		t.Run(c.Mime, func(t *testing.T) {
			h := newHall(t)
			h.planAll(netstack.SFU)
			g := &gallery{}
			ada, err := call.Join(context.Background(), call.Config{Invite: h.invite, Name: "Ada", Studio: newStudio(t, 0, 1), Meter: g, Loopback: true})
			if err != nil {
				t.Fatal(err)
			}
			drained := make(chan struct{})
			go func() {
				defer close(drained)
				for range ada.Events() {
				}
			}()
			t.Cleanup(func() { ada.Leave(); ada.Wait(); <-drained })
			h.publish("studio", c)
			until(t, "the picture, forwarded", func() bool { return g.alone.Load() > 20 })
			h.planAll(netstack.MCU)
			until(t, "the picture, mixed", func() bool { return g.mixed.Load() > 20 })
		})
	}
}
