package sfu

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"candid/netstack"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// browser is a client as browsers are: plain JSEP, simulcast by rid in one
// section without SSRCs, other numbers for codecs and extensions than ours.
type browser struct {
	t  testing.TB
	h  *hall
	id netstack.PeerID
	pc *webrtc.PeerConnection

	mu     sync.Mutex
	number int
	to     string
}

func (h *hall) browse(id netstack.PeerID) *browser {
	h.t.Helper()
	media := &webrtc.MediaEngine{}
	fb := []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}}
	for kind, c := range map[webrtc.RTPCodecType]webrtc.RTPCodecParameters{
		webrtc.RTPCodecTypeVideo: {RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000, RTCPFeedback: fb}, PayloadType: 120},
		webrtc.RTPCodecTypeAudio: {RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, PayloadType: 109},
	} {
		if err := media.RegisterCodec(c, kind); err != nil {
			h.t.Fatal(err)
		}
	}
	for _, uri := range []string{sdp.TransportCCURI, sdp.SDESRTPStreamIDURI, sdp.SDESMidURI} {
		for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
			if err := media.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, kind); err != nil {
				h.t.Fatal(err)
			}
		}
	}
	s := webrtc.SettingEngine{}
	s.SetIncludeLoopbackCandidate(true)
	api := webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(&interceptor.Registry{}), webrtc.WithSettingEngine(s))
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		h.t.Fatal(err)
	}
	b := &browser{t: h.t, h: h, id: id, pc: pc}
	if err := h.room.Join(id, b); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		h.room.Leave(id)
		if err := pc.GracefulClose(); err != nil {
			h.t.Error(err)
		}
	})
	return b
}

// Send takes what the host says.
func (b *browser) Send(_ context.Context, e netstack.Envelope) error {
	var d descriptionBody
	if e.Type != "description" || json.Unmarshal(e.Body, &d) != nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.to = d.Session
	if err := b.pc.SetRemoteDescription(d.SessionDescription); err != nil {
		b.t.Errorf("the host's %s: %v\n%s", d.Type, err, d.SDP)
		return nil
	}
	if d.Type == webrtc.SDPTypeOffer {
		a, err := b.pc.CreateAnswer(nil)
		if err == nil {
			err = b.pc.SetLocalDescription(a)
		}
		if err != nil {
			b.t.Error(err)
		}
		b.say(a, d.N)
	}
	return nil
}

func (b *browser) say(d webrtc.SessionDescription, n int) {
	body, err := json.Marshal(descriptionBody{d, n, header{"tab", b.to}})
	if err != nil {
		b.t.Error(err)
	}
	b.h.room.Handle(netstack.Envelope{Type: "description", From: b.id, Path: netstack.SFU, Body: body})
}

func (b *browser) offer() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.number++
	o, err := b.pc.CreateOffer(nil)
	if err == nil {
		err = b.pc.SetLocalDescription(o)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	b.say(o, b.number)
}

// Simulcast in one section, told apart by rids, reaches receivers as layers;
// and the browser gets what others send.
func TestBrowserWithSimulcast(t *testing.T) {
	h := newHall(t)
	own := h.join("anna", newStudio(t, false))
	b := h.browse("tab") // greater than "host": it offers
	capability := webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}
	var layers [3]*webrtc.TrackLocalStaticRTP
	for i, rid := range rids {
		var err error
		if layers[i], err = webrtc.NewTrackLocalStaticRTP(capability, "camera", "tab", webrtc.WithRTPStreamID(rid)); err != nil {
			t.Fatal(err)
		}
	}
	tr, err := b.pc.AddTransceiverFromTrack(layers[0], webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers[1:] {
		if err := tr.Sender().AddEncoding(l); err != nil {
			t.Fatal(err)
		}
	}
	heard := make(chan string, 8)
	b.pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		if _, _, err := track.ReadRTP(); err == nil {
			heard <- track.StreamID() + " " + track.ID()
		}
	})
	b.offer()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { sendLayers(tr, layers, stop) })
	defer func() { close(stop); wg.Wait() }()
	for _, height := range []int{180, 720, 360} {
		own.Wish(Wish{Peer: "tab", Track: "camera", Height: height})
		own.await("the layer of the tile", func() bool {
			r := own.tracks[trackKey{"tab", "camera"}]
			return r != nil && len(r.heights) > 0 && r.heights[len(r.heights)-1] == height
		})
	}
	got := map[string]bool{}
	for timeout := time.After(patience); !got["anna mic"] || !got["anna camera"]; {
		select {
		case name := <-heard:
			got[name] = true
		case <-timeout:
			t.Fatalf("the browser got %v", got)
		}
	}
}

// sendLayers writes three layers with MID and RID on every packet, as pion does
// not; each frame is a key frame.
func sendLayers(tr *webrtc.RTPTransceiver, layers [3]*webrtc.TrackLocalStaticRTP, stop chan struct{}) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var sequencers [3]rtp.Sequencer
	var payloaders [3]codecs.VP8Payloader
	for i := range sequencers {
		sequencers[i], payloaders[i].EnablePictureID = rtp.NewRandomSequencer(), true
	}
	for n := uint32(0); ; n++ {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		var mid, rid uint8
		for _, x := range tr.Sender().GetParameters().HeaderExtensions {
			switch x.URI {
			case sdp.SDESMidURI:
				mid = uint8(x.ID)
			case sdp.SDESRTPStreamIDURI:
				rid = uint8(x.ID)
			}
		}
		if mid == 0 || rid == 0 || tr.Mid() == "" {
			continue
		}
		for i, l := range layers {
			h := layerHeights[i]
			frame := make([]byte, 300<<i)
			copy(frame, []byte{0, 0, 0, 0x9d, 0x01, 0x2a, byte(h * 16 / 9), byte(h * 16 / 9 >> 8), byte(h), byte(h >> 8)})
			for j, part := range payloaders[i].Payload(1100, frame) {
				p := &rtp.Packet{Header: rtp.Header{Version: 2, Marker: j == (len(frame)+10)/1100, SequenceNumber: sequencers[i].NextSequenceNumber(), Timestamp: n * 1800}, Payload: part}
				_ = p.SetExtension(mid, []byte(tr.Mid()))
				_ = p.SetExtension(rid, []byte(l.RID()))
				_ = l.WriteRTP(p)
			}
		}
	}
}
