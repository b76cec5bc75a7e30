package sfu

import (
	"slices"
	"sync"
	"testing"
	"time"

	"candid/netstack"
	"candid/netstack/sfu/forward"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
)

// cup keeps what a tap gives.
type cup struct {
	mu      sync.Mutex
	packets map[Source][]*rtp.Packet
	heights map[Source][]int
	reports int
}

func newCup() *cup {
	return &cup{packets: map[Source][]*rtp.Packet{}, heights: map[Source][]int{}}
}

func (c *cup) TakeRTP(from Source, p *rtp.Packet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.packets[from] = append(c.packets[from], p.Clone())
	var v codecs.VP8Packet
	if b, err := v.Unmarshal(p.Payload); err == nil && from.Kind == webrtc.RTPCodecTypeVideo && v.S == 1 && b[0]&1 == 0 && len(b) >= 10 {
		c.heights[from] = append(c.heights[from], int(b[8])|int(b[9])<<8)
	}
}

func (c *cup) TakeReport(Source, netstack.SenderReport) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reports++
}

// await waits until ok holds; it is called with c locked.
func (c *cup) await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		c.mu.Lock()
		done := ok()
		c.mu.Unlock()
		if done {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the tap waited in vain for %s", what)
		}
	}
}

func (c *cup) height(from Source) int {
	if h := c.heights[from]; len(h) > 0 {
		return h[len(h)-1]
	}
	return 0
}

// A tap gets what it wishes and nothing else, in the layer it wishes, without a
// gap; what it does not wish is not sent for it.
func TestTap(t *testing.T) {
	h := newHall(t)
	s := newStudio(t, true)
	zoe := h.join("zoe", s)
	c := newCup()
	tap, err := h.room.Tap(c)
	if err != nil {
		t.Fatal(err)
	}
	camera, mic := Source{"zoe", "camera", webrtc.RTPCodecTypeVideo, forward.VP8Codec}, Source{"zoe", "mic", webrtc.RTPCodecTypeAudio, forward.Opus}
	zoe.await("everything to be given up", func() bool { return zoe.demand("mic") == no && zoe.demand("camera") == no })
	c.mu.Lock()
	if len(c.packets) != 0 {
		t.Errorf("it got what it did not wish: %d", len(c.packets))
	}
	c.mu.Unlock()
	tap.Wish(Wish{Peer: "zoe", Track: Any, Height: 180})
	c.await(t, "the small layer", func() bool { return c.height(camera) == 180 && len(c.packets[mic]) > 20 })
	tap.Wish(Wish{Peer: "zoe", Track: "camera", Height: 720})
	c.await(t, "the large layer", func() bool { return c.height(camera) == 720 && c.reports > 0 })
	s.mu.Lock()
	keys := len(c.heights[camera])
	s.mu.Unlock()
	tap.RequestKeyFrame("zoe", "camera")
	c.await(t, "another key frame", func() bool { return len(c.heights[camera]) > keys })
	anna := h.join("anna", newStudio(t, false)) // who comes later is there too, if wished
	tap.Wish(Wish{Peer: "anna", Track: "mic", Height: 1})
	c.await(t, "the newcomer", func() bool { return len(c.packets[Source{"anna", "mic", webrtc.RTPCodecTypeAudio, forward.Opus}]) > 10 })
	anna.leave()
	tap.Forget("zoe")
	zoe.await("everything to be given up again", func() bool { return zoe.demand("mic") == no && zoe.demand("camera") == no })
	tap.Close()
	for from, list := range c.packets {
		var numbers []uint16
		for _, p := range list {
			numbers = append(numbers, p.SequenceNumber-list[0].SequenceNumber)
		}
		slices.Sort(numbers)
		if n := len(slices.Compact(numbers)); int(numbers[len(numbers)-1])+1 != n {
			t.Errorf("%v: %d packets up to number %d", from, n, numbers[len(numbers)-1])
		}
	}
}

// An injected track reaches those it is for, and is not even named to others. Its
// sender hears of demand and of key frames that are needed.
func TestInject(t *testing.T) {
	h := newHall(t)
	anna, zoe := h.join("anna", newStudio(t, false)), h.join("zoe", nil)
	zoe.hears("anna", "mic", 10)
	var mu sync.Mutex
	keys, demands := 0, []int{}
	track, err := h.room.Inject(Injection{Owner: netstack.HostID, Track: "mix", Kind: webrtc.RTPCodecTypeVideo, For: []netstack.PeerID{"zoe"},
		KeyFrame: func() { mu.Lock(); keys++; mu.Unlock() },
		Demand:   func(height int) { mu.Lock(); demands = append(demands, height); mu.Unlock() }})
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		served := -1
		for n := uint16(65500); ; n++ {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			mu.Lock()
			key := keys != served
			served = keys
			mu.Unlock()
			track.SetReport(netstack.SenderReport{NTP: time.Now(), RTPTime: uint32(n) * 1800})
			if err := track.WriteRTP(picture(0, n, uint32(n)*1800, key, true, true)); err != nil {
				t.Error(err)
			}
		}
	})
	key := trackKey{netstack.HostID, "mix"}
	zoe.hears(netstack.HostID, "mix", 40)
	zoe.await("a sender report", func() bool { return zoe.tracks[key].track.SenderReport().OK })
	if at := zoe.tracks[key].track.SenderReport().Value.NTP; time.Since(at).Abs() > time.Minute {
		t.Errorf("the sender's clock says %v", at)
	}
	mu.Lock()
	before := keys
	mu.Unlock()
	zoe.tracks[key].track.RequestKeyFrame()
	wait := func(what string, ok func() bool) {
		t.Helper()
		zoe.await(what, func() bool { mu.Lock(); defer mu.Unlock(); return ok() })
	}
	zoe.await("another key frame", func() bool { mu.Lock(); defer mu.Unlock(); return keys > before })
	for id, known := range map[netstack.PeerID]bool{"zoe": true, "anna": false} {
		if got := h.room.Estimate(id); got.OK != known {
			t.Errorf("estimate of %s: %+v", id, got)
		}
	}
	zoe.Wish(Wish{Peer: netstack.HostID, Track: "mix"})
	wait("nobody to want it", func() bool { return slices.Equal(demands, []int{defaultTile, 0}) })
	zoe.Wish(Wish{Peer: netstack.HostID, Track: "mix", Height: 720})
	wait("somebody to want it", func() bool { return slices.Equal(demands, []int{defaultTile, 0, 720}) })
	zoe.hears(netstack.HostID, "mix", 10)
	close(stop)
	wg.Wait()
	track.Close()
	track.Close()
	zoe.await("the track to end", func() bool { return zoe.tracks[key].ended })
	anna.mu.Lock()
	defer anna.mu.Unlock()
	if anna.tracks[key] != nil {
		t.Error("it was offered to one it is not for")
	}
	for _, o := range []Injection{{}, {Owner: "a b", Track: "x", Kind: webrtc.RTPCodecTypeAudio}, {Owner: "a", Track: "x"}} {
		if _, err := h.room.Inject(o); err == nil {
			t.Errorf("%+v was offered", o)
		}
	}
}
