package mesh_test

import (
	"encoding/binary"
	"sync/atomic"
	"testing"
	"time"

	"candid/netstack"

	"github.com/pion/rtp"
	"github.com/pion/transport/v4/vnet"
	"github.com/pion/webrtc/v4"
)

// encoder is a track that sends 30 frames a second at the rate it is told to,
// as a real encoder would.
func encoder(t *testing.T, rate func() int) *webrtc.TrackLocalStaticRTP {
	t.Helper()
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, "camera", "self")
	if err != nil {
		t.Fatal(err)
	}
	stop, done := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(stop); <-done })
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second / 30)
		defer tick.Stop()
		seq, number := uint16(0), uint32(0)
		for n := uint32(0); ; n++ {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			for left := rate() / 8 / 30; left > 0; left -= 1100 {
				payload := make([]byte, max(4, min(left, 1100)))
				binary.BigEndian.PutUint32(payload, number)
				_ = track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: n * 3000, Marker: left <= 1100}, Payload: payload})
				seq, number = seq+1, number+1
			}
		}
	}()
	return track
}

// The budget goes down with a link that narrows, to what the link carries, and
// up again with it.
func TestRow49BudgetFollowsLink(t *testing.T) {
	inWorld(t, 20*time.Millisecond, func(t *testing.T, w *world) {
		const wide, narrow = 2_000_000, 500_000
		bucket := vnet.NewTBFQueue(wide, 6000, 60000)
		var queue *vnet.Queue
		r := newRoom(t)
		a := r.join("anna", w.at("198.51.100.1"))
		b := r.join("bert", w.at("198.51.100.2", func(n vnet.NIC) vnet.NIC {
			var err error
			if queue, err = vnet.NewQueue(n, bucket); err != nil {
				t.Fatal(err)
			}
			return queue
		}))
		t.Cleanup(func() { _ = queue.Close() })
		w.start()
		if budget := a.mesh.SendBudget(); budget.OK {
			t.Errorf("a budget of %d before anything was measured", budget.Value)
		}
		var rate atomic.Int64
		rate.Store(300_000)
		if err := a.mesh.Publish(encoder(t, func() int { return int(rate.Load()) })); err != nil {
			t.Fatal(err)
		}
		r.everyone()
		b.awaitPackets("anna", "camera", 5)
		follow := func(seconds int) (budget int) {
			for range seconds * 10 {
				time.Sleep(100 * time.Millisecond)
				if b := a.mesh.SendBudget(); b.OK {
					rate.Store(int64(b.Value))
				}
			}
			return int(rate.Load())
		}
		atWide := follow(20)
		bucket.SetRate(narrow)
		down := follow(5)
		atNarrow := follow(10)
		bucket.SetRate(wide)
		again := follow(15)
		t.Logf("budget: %d kbit/s on %d; %d after 5 s on %d, %d after 15 s; %d 15 s after widening",
			atWide/1000, wide/1000, down/1000, narrow/1000, atNarrow/1000, again/1000)
		if atWide < wide/4 || atWide > wide {
			t.Errorf("%d bit/s on a link of %d", atWide, wide)
		}
		// Later it swings about what the link carries: that is how it is found.
		if down < narrow/3 || down > narrow*9/10 || atNarrow < narrow*6/10 || atNarrow > narrow*6/5 {
			t.Errorf("%d bit/s 5 s, %d 15 s after the link narrowed to %d", down, atNarrow, narrow)
		}
		if again < atWide*8/10 {
			t.Errorf("%d bit/s 15 s after the link widened again, %d before", again, atWide)
		}
		if n := a.seen(restarts); n != 0 {
			t.Errorf("%d restarts", n)
		}
	})
}

// A sample tells what flows, between whom, over what, as it was measured.
func TestLinkTells(t *testing.T) {
	inWorld(t, 25*time.Millisecond, func(t *testing.T, w *world) {
		r := newRoom(t)
		a, b := r.join("anna", w.at("198.51.100.1")), r.join("bert", w.at("198.51.100.2"))
		w.start()
		a.publish(audio(t, "mic"), video(t, "camera"))
		b.publish(audio(t, "mic"))
		r.everyone()
		b.awaitPackets("anna", "camera", 5)
		a.awaitPackets("bert", "mic", 5)
		b.tracks["anna/camera"].track.RequestKeyFrame()
		b.tracks["anna/camera"].track.RequestKeyFrame() // too soon, dropped
		time.Sleep(6 * time.Second)
		if n := a.seen(func(e netstack.Event) bool {
			k, ok := e.(netstack.KeyFrameRequested)
			return ok && k.TrackID == "camera"
		}); n != 1 {
			t.Errorf("%d key frames asked for, want 1", n)
		}
		if sr := b.tracks["anna/camera"].track.SenderReport(); !sr.OK || time.Since(sr.Value.NTP) > 2*time.Second || time.Since(sr.Value.At) > 2*time.Second {
			t.Errorf("sender report %+v", sr)
		}
		links := a.mesh.Links()
		if len(links) != 1 {
			t.Fatalf("%d links", len(links))
		}
		l := links[0]
		pair, local, remote, ok := l.SelectedPair()
		if !ok || pair.State != netstack.PairSucceeded || !pair.Nominated || local.Address != "198.51.100.1" || remote.Address != "198.51.100.2" ||
			local.Type != webrtc.ICECandidateTypeHost || local.Protocol != "udp" || local.Port == 0 || local.Priority == 0 || local.Foundation == "" {
			t.Errorf("selected %+v from %+v to %+v", pair, local, remote)
		}
		if l.Peer != "bert" || l.Topology != netstack.P2P || l.State != connected || l.ICEState != webrtc.ICEConnectionStateConnected ||
			l.DTLSState != "connected" || l.SRTP != "AEAD_AES_128_GCM" || l.Restarts != 0 || time.Since(l.At) > time.Second {
			t.Errorf("link %+v", l)
		}
		if rtt := l.RTT; !rtt.OK || rtt.Value < 50*time.Millisecond || rtt.Value > 55*time.Millisecond {
			t.Errorf("round trip %v, want 50 ms", rtt)
		}
		if !l.SendBudget.OK {
			t.Error("no budget")
		}
		for _, m := range []netstack.Milestone{netstack.GatheringStarted, netstack.GatheringComplete, netstack.OfferReceived, netstack.AnswerSent,
			netstack.ICEConnected, netstack.DTLSConnected, netstack.FirstPacket} {
			if l.Milestones[m].IsZero() {
				t.Errorf("%s was not reached", m)
			}
		}
		if len(l.In) != 1 || len(l.Out) != 2 {
			t.Fatalf("%d streams in, %d out", len(l.In), len(l.Out))
		}
		in := l.In[0]
		if in.TrackID != "mic" || in.Codec != webrtc.MimeTypeOpus || in.Packets < 250 || in.Lost.Or(-1) != 0 || in.FractionLost.Or(-1) != 0 || !in.Jitter.OK || in.RTT.OK {
			t.Errorf("inbound %+v", in)
		}
		if rate := in.Bitrate.Or(0); rate < 25_000 || rate > 60_000 { // 80 bytes and a header 50 times a second
			t.Errorf("inbound bitrate %d", rate)
		}
		for _, out := range l.Out {
			if out.TrackID == "camera" && (out.PLIs != 1 || out.RTT.Or(0) < 50*time.Millisecond || out.RTT.Or(0) > 60*time.Millisecond || out.Lost.Or(-1) != 0 || out.Bitrate.Or(0) < 700_000) {
				t.Errorf("outbound %+v", out)
			}
		}
	})
}
