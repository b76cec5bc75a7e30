package mcu_test

import (
	"fmt"
	"image"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"candid/media"
	"candid/media/codec"
	"candid/media/mix"
	"candid/media/scene"
	"candid/netstack"
	"candid/netstack/mcu"

	"github.com/pion/rtp"
)

// A sender who changes size thirty times a second harms nobody: the mix goes on,
// the others are seen all the time, and he himself again when he stops.
func TestRow28SizeStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, mcu.Config{})
		r.join(0, "Calm")
		r.join(1, "Storm")
		r.camera(0, 320, 180)
		sizes := []image.Point{{64, 64}, {1920, 1080}, {320, 180}, {161, 91}, {720, 1280}, {640, 480}, {2, 2}}
		pics := make([]*image.YCbCr, len(sizes))
		for i, s := range sizes {
			pics[i] = codec.NewI420(s.X, s.Y)
		}
		cam := scene.NewCamera(scene.CameraOptions{Member: 1, Width: 320, Height: 180})
		r.film(1, cam, func(n int, _ *image.YCbCr) *image.YCbCr {
			if n > 30 && n < 120 {
				return pics[n%len(pics)]
			}
			return nil
		})
		s := r.watch("guest", image.Pt(640, 360), mix.Grid, 2)
		time.Sleep(4 * time.Second)
		during := s.seen(1)
		time.Sleep(6 * time.Second)
		s.close()
		r.close()
		if d := s.longest(); d > 100*time.Millisecond {
			t.Errorf("the mix stood for %v", d)
		}
		if n := s.seen(0); n < 285 {
			t.Errorf("the calm one was seen in %d of 300 pictures", n)
		}
		if n := s.seen(1) - during; n < 120 {
			t.Errorf("after the storm its sender was seen %d times", n)
		}
	})
}

// Whatever a member sends, as whatever codec, the others are seen and heard, and
// he is a grey tile.
func TestRow27Garbage(t *testing.T) {
	for _, mime := range append(codec.VideoTypes(), "video/H266") {
		t.Run(mime, func(t *testing.T) { garbageAs(t, mime) })
	}
}

func garbageAs(t *testing.T, mime string) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, mcu.Config{})
		r.join(0, "Good")
		r.join(1, "Bad")
		r.SetCodec(idOf(1), mime)
		r.camera(0, 320, 180)
		r.speak(0, nil)
		s := r.watch("guest", image.Pt(640, 360), mix.Grid, 2)
		e := r.listen("guest", 1)
		r.work.Go(func() { r.garbage(idOf(1)) })
		time.Sleep(time.Second)
		e.scene.Reset()
		time.Sleep(5 * time.Second)
		h := e.scene.Heard()[0]
		st := e.play.Stats()
		asked := r.asked(idOf(1))
		e.close()
		s.close()
		r.close()
		if n := s.seen(0); n < 170 {
			t.Errorf("the good one was seen in %d of 180 pictures", n)
		}
		if d := s.longest(); d > 100*time.Millisecond {
			t.Errorf("the mix stood for %v", d)
		}
		if h.Silent > 0 || h.Windows < 35 || st.ConcealedSamples > 0 {
			t.Errorf("the good one was heard in %d windows, not in %d; %d samples concealed", h.Windows, h.Silent, st.ConcealedSamples)
		}
		if known := slices.Contains(codec.VideoTypes(), mime); known && asked == 0 || asked > 25 {
			t.Errorf("asked the bad one for %d key frames in 6 s", asked)
		}
		if y := middle(s.last, mix.Grid.Tiles(nil, 2, 0, 640, 360)[1]); y < 45 || y > 60 {
			t.Errorf("the bad one's tile has luma %d, want the grey of a tile without a picture", y)
		}
	})
}

// middle is the luma of a tile a little off its middle: beside the initials.
func middle(img *image.YCbCr, r image.Rectangle) byte {
	return img.Y[img.YOffset(r.Min.X+r.Dx()/8, r.Min.Y+r.Dy()/2)]
}

// garbage sends everything that is not a frame.
func (r *room) garbage(id netstack.PeerID) {
	rng := rand.New(rand.NewPCG(1, 2))
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for n := uint16(0); ; n++ {
		select {
		case <-r.quit:
			return
		case <-tick.C:
		}
		payload := make([]byte, rng.IntN(1300))
		for i := range payload {
			payload[i] = byte(rng.Uint32())
		}
		switch n % 4 {
		case 1: // a key frame that claims to be huge
			payload = append([]byte{0x10, 0x50, 1, 0, 0x9d, 0x01, 0x2a, 0xff, 0x3f, 0xff, 0x3f}, payload...)
		case 2: // one of a size that is welcome, with noise inside
			payload = append([]byte{0x10, 0x10, 2, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00}, payload...)
		case 3:
			payload = nil
		}
		p := &rtp.Packet{Header: rtp.Header{
			Version: 2, SequenceNumber: n, Timestamp: uint32(n) * 450, Marker: rng.IntN(2) == 0,
		}, Payload: payload}
		if rng.IntN(50) == 0 {
			p.SequenceNumber, p.Timestamp = uint16(rng.Uint32()), rng.Uint32()
		}
		if err := r.Video(id).WriteRTP(p); err != nil {
			r.t.Error(err)
		}
		if err := r.Audio(id).WriteRTP(p); err != nil {
			r.t.Error(err)
		}
	}
}

// slow blocks for ever, until it is let go.
type slow struct {
	free chan struct{}
	n    int
}

func (s *slow) WriteRTP(*rtp.Packet) error {
	s.n++
	<-s.free
	return nil
}

// A viewer and a listener who take nothing cost the others nothing.
func TestSlowSinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, mcu.Config{})
		r.join(0, "Ada")
		r.camera(0, 320, 180)
		r.speak(0, nil)
		free := make(chan struct{})
		v, err := r.Watch("slow", mcu.ViewOptions{Size: image.Pt(320, 180)}, &slow{free: free})
		if err != nil {
			t.Fatal(err)
		}
		h, err := r.Listen("slow", mcu.Stream{}, &slow{free: free})
		if err != nil {
			t.Fatal(err)
		}
		s := r.watch("quick", image.Pt(320, 180), mix.Grid, 1)
		e := r.listen("quick", 1)
		time.Sleep(5 * time.Second)
		keys := r.Stats().Outputs[0].KeyFrames
		if a, b := v.Stats(), h.Stats(); a.Missed == 0 || b.Missed == 0 || a.Packets > 1 || b.Packets > 1 {
			t.Errorf("sinks that block: %+v, %+v", a, b)
		}
		close(free)
		v.Close()
		h.Close()
		if n := s.seen(0); n < 140 {
			t.Errorf("beside a slow viewer another saw %d of 150 pictures", n)
		}
		if d := s.longest(); d > 70*time.Millisecond {
			t.Errorf("beside a slow viewer the mix stood for %v", d)
		}
		if st := e.play.Stats(); st.ConcealedSamples > 0 {
			t.Errorf("beside a slow listener %d samples were concealed", st.ConcealedSamples)
		}
		if keys > 5 {
			t.Errorf("%d key frames in 5 s for the sake of one who is slow", keys)
		}
		e.close()
		s.close()
		r.close()
	})
}

// Members, viewers and listeners come and go in any order; in the end all is
// well, and nothing is left.
func TestJoinLeaveStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := runtime.NumGoroutine()
		r := newRoom(t, mcu.Config{})
		r.join(0, "Constant")
		r.camera(0, 320, 180)
		r.speak(0, nil)
		s := r.watch("guest", image.Pt(640, 360), mix.Grid, 1)
		e := r.listen("guest", 1)
		time.Sleep(time.Second)
		e.scene.Reset()
		var work sync.WaitGroup
		for k := range 6 {
			work.Go(func() { r.churn(k) })
		}
		work.Wait()
		time.Sleep(time.Second)
		seen := s.seen(0)
		time.Sleep(time.Second)
		if n := s.seen(0) - seen; n < 25 {
			t.Errorf("after the storm the one who stayed was seen %d times in a second", n)
		}
		if h := e.scene.Heard()[0]; h.Silent > 0 || h.Windows < 20 {
			t.Errorf("the one who stayed was not heard in %d windows, heard in %d", h.Silent, h.Windows)
		}
		if st := r.Stats(); len(st.Outputs) != 1 {
			t.Errorf("left over: %+v", st.Outputs)
		}
		e.close()
		s.close()
		r.close()
		synctest.Wait()
		if n := runtime.NumGoroutine(); n > before {
			t.Errorf("%d goroutines, %d before", n, before)
		}
	})
}

type drain struct{}

func (drain) WriteRTP(*rtp.Packet) error { return nil }

func (r *room) churn(k int) {
	rng := rand.New(rand.NewPCG(uint64(k), 7))
	layouts := []mix.Layout{mix.Grid, mix.Speaker}
	sizes := []image.Point{{320, 180}, {640, 360}}
	for n := range 30 {
		id := netstack.PeerID(fmt.Sprint("m", k, "-", n))
		if err := r.AddMember(id, string(id)); err != nil {
			r.t.Error(err)
			return
		}
		v, err := r.Watch(id, mcu.ViewOptions{Size: sizes[rng.IntN(2)], Layout: layouts[rng.IntN(2)]}, drain{})
		if err != nil {
			r.t.Error(err)
			return
		}
		h, err := r.Listen(id, mcu.Stream{}, drain{})
		if err != nil {
			r.t.Error(err)
			return
		}
		time.Sleep(time.Duration(rng.IntN(80)) * time.Millisecond)
		v.RequestKeyFrame()
		if err := v.Change(sizes[rng.IntN(2)], layouts[rng.IntN(2)]); err != nil {
			r.t.Error(err)
		}
		time.Sleep(time.Duration(rng.IntN(80)) * time.Millisecond)
		r.SetState(id, rng.IntN(2) == 0, rng.IntN(2) == 0, "renamed")
		for _, i := range rng.Perm(3) {
			switch i {
			case 0:
				v.Close()
			case 1:
				h.Close()
			case 2:
				r.RemoveMember(id)
			}
		}
	}
}

// Sixteen members, each seen in their tile.
func TestSixteen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, mcu.Config{})
		for i := range 16 {
			r.join(i, fmt.Sprint("Member ", i))
			r.camera(i, 320, 180)
		}
		s := r.watch("guest", hd, mix.Grid, 16)
		time.Sleep(1500 * time.Millisecond)
		s.close()
		r.close()
		for i := range 16 {
			if n := s.seen(i); n < 30 {
				t.Errorf("member %d is told in %d of %d pictures", i, n, s.pictures())
			}
		}
	})
}

func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if _, err := mcu.New(mcu.Config{Speakers: -1}); err == nil {
			t.Error("-1 speakers are welcome")
		}
		r := newRoom(t, mcu.Config{})
		r.join(0, "Ada")
		if err := r.AddMember(idOf(0), "Eve"); err == nil {
			t.Error("the same member joined twice")
		}
		for i := range mcu.MaxMembers - 1 {
			if err := r.AddMember(netstack.PeerID(fmt.Sprint(i)), ""); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.AddMember("late", ""); err == nil {
			t.Error("there is no end to members")
		}
		if err := r.Video("nobody").WriteRTP(&rtp.Packet{}); err != nil {
			t.Errorf("packet of nobody: %v", err)
		}
		if err := r.Audio("nobody").WriteRTP(nil); err != nil {
			t.Errorf("no packet of nobody: %v", err)
		}
		if _, err := r.Watch("a", mcu.ViewOptions{}, nil); err == nil {
			t.Error("watched into nothing")
		}
		if _, err := r.Listen("a", mcu.Stream{}, nil); err == nil {
			t.Error("listened into nothing")
		}
		v, err := r.Watch("a", mcu.ViewOptions{}, drain{})
		if err != nil {
			t.Fatal(err)
		}
		r.close()
		if err := v.Change(hd, mix.Grid); err == nil {
			t.Error("changed a view after the end")
		}
		v.Close()
		if _, err := r.Watch("a", mcu.ViewOptions{}, drain{}); err == nil {
			t.Error("watched after the end")
		}
		if _, err := r.Listen("a", mcu.Stream{}, drain{}); err == nil {
			t.Error("listened after the end")
		}
		if err := r.AddMember("z", ""); err == nil {
			t.Error("joined after the end")
		}
		r.RemoveMember("a")
		if err := r.Close(); err != nil {
			t.Errorf("second close: %v", err)
		}
	})
}

var _ media.VideoSink = (*screen)(nil)
