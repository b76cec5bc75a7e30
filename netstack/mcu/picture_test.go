package mcu_test

import (
	"image"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"candid/media/mix"
	"candid/media/scene"
	"candid/netstack/mcu"
)

var hd = image.Pt(1280, 720)

// Everyone is seen, in their place, in every new picture of theirs, and no later
// than the next beat of the mix.
func TestEveryoneIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, mcu.Config{})
		for i := range 4 {
			r.join(i, "Member")
			r.camera(i, 640, 360)
		}
		s := r.watch(idOf(0), hd, mix.Grid, 4)
		time.Sleep(3 * time.Second)
		s.close()
		r.close()

		unbroken(t, "mix", s.packets, true)
		if n := len(s.at); n < 80 || n > 91 {
			t.Errorf("%d pictures in 3 s, want about 30 a second", n)
		}
		for i := range 4 {
			marks := s.marks[i]
			if len(marks) < 75 {
				t.Errorf("member %d is told in %d of %d pictures", i, len(marks), len(s.at))
				continue
			}
			first, last := marks[0].Frame, marks[len(marks)-1].Frame
			if shown := int(last-first) + 1; shown > len(marks)+3 {
				t.Errorf("member %d: of %d pictures %d were shown", i, shown, len(marks))
			}
		}
		slices.Sort(s.late)
		t.Logf("a picture is at most %v old, half of them %v", s.late[len(s.late)-1], s.late[len(s.late)/2])
		if p95 := s.late[len(s.late)*95/100]; p95 > 2*time.Second/30 {
			t.Errorf("95 %% of pictures are %v old or younger, want two frames", p95)
		}
	})
}

// A camera that beats with the mix, so that chance decides which of two is first
// each time, loses no picture.
func TestNoPictureIsLostToTheBeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, mcu.Config{})
		r.join(0, "Ada")
		cam := scene.NewCamera(scene.CameraOptions{Width: 320, Height: 180})
		r.film(0, cam, func(int, *image.YCbCr) *image.YCbCr { return nil })
		s := r.watch("guest", image.Pt(320, 180), mix.Grid, 1)
		time.Sleep(10 * time.Second)
		s.close()
		r.close()
		marks, missing := s.marks[0], 0
		if len(marks) < 280 {
			t.Fatalf("seen %d times", len(marks))
		}
		for i := 1; i < len(marks); i++ {
			missing += max(int(marks[i].Frame)-int(marks[i-1].Frame)-1, 0)
		}
		if missing > 1 {
			t.Errorf("%d of %d pictures are missing", missing, len(marks))
		}
		slices.Sort(s.late)
		if p95 := s.late[len(s.late)*95/100]; p95 > 45*time.Millisecond {
			t.Errorf("95 %% of pictures are %v old or younger", p95)
		}
	})
}

// One picture is encoded for all who want the same, and nothing for nobody.
func TestOneEncoderForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, mcu.Config{})
		r.join(0, "Ada")
		r.camera(0, 320, 180)
		time.Sleep(time.Second)
		if st := r.Stats(); len(st.Outputs) != 0 || st.PacketsEncoded != 0 || r.Video(idOf(0)).Stats().FramesDecoded != 0 {
			t.Errorf("nobody watches, and yet: %+v", st)
		}
		var screens []*screen
		for i := range 10 {
			screens = append(screens, r.watch(idOf(i), image.Pt(300, 170), mix.Grid, 1))
		}
		time.Sleep(2 * time.Second)
		st := r.Stats()
		if len(st.Outputs) != 1 || st.Outputs[0].Viewers != 10 || st.Outputs[0].Size != image.Pt(320, 180) {
			t.Errorf("ten viewers of one picture: %+v", st.Outputs)
		}
		if o := st.Outputs[0]; o.Frames > 62 || o.KeyFrames > 3 {
			t.Errorf("%d frames and %d key frames encoded in 2 s", o.Frames, o.KeyFrames)
		}
		for i, s := range screens {
			if s.seen(0) < 50 {
				t.Errorf("viewer %d saw %d pictures", i, s.seen(0))
			}
			s.close()
		}
		time.Sleep(time.Second)
		if st := r.Stats(); len(st.Outputs) != 0 {
			t.Errorf("nobody watches any more, and yet: %+v", st.Outputs)
		}
		r.close()
	})
}

func TestStillPicturesAreNotEncoded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, mcu.Config{})
		r.join(0, "Ada Lovelace")
		r.join(1, "Grace Hopper")
		s := r.watch(idOf(0), image.Pt(640, 360), mix.Grid, 2)
		time.Sleep(10 * time.Second)
		if n := s.pictures(); n < 3 || n > 8 {
			t.Errorf("%d pictures of nothing in 10 s", n)
		}
		r.SetState(idOf(1), true, false, "Rear Admiral Hopper")
		before := s.pictures()
		time.Sleep(100 * time.Millisecond)
		if n := s.pictures() - before; n != 1 {
			t.Errorf("%d pictures show a change of name", n)
		}
		s.close()
		r.close()
		// Initials are white, on a disc, on grey.
		tile := mix.Grid.Tiles(nil, 2, 0, 640, 360)[0]
		middle := s.last.SubImage(tile.Inset(60)).(*image.YCbCr)
		white := 0
		for y := middle.Rect.Min.Y; y < middle.Rect.Max.Y; y++ {
			for x := middle.Rect.Min.X; x < middle.Rect.Max.X; x++ {
				if middle.Y[middle.YOffset(x, y)] > 180 {
					white++
				}
			}
		}
		if white < 100 {
			t.Errorf("%d white pixels where initials should be", white)
		}
	})
}

// A camera that is switched off leaves no picture behind, and comes back.
func TestCameraOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, mcu.Config{})
		r.join(0, "Ada")
		r.camera(0, 320, 180)
		s := r.watch(idOf(9), image.Pt(320, 180), mix.Grid, 1)
		time.Sleep(time.Second)
		r.SetState(idOf(0), false, true, "Ada")
		time.Sleep(100 * time.Millisecond)
		before := s.seen(0)
		time.Sleep(time.Second)
		if n := s.seen(0) - before; n > 0 {
			t.Errorf("camera off, and %d more pictures", n)
		}
		r.SetState(idOf(0), false, false, "Ada")
		time.Sleep(time.Second)
		if n := s.seen(0) - before; n < 15 {
			t.Errorf("camera on again, and %d more pictures in a second", n)
		}
		s.close()
		r.close()
	})
}

// A viewer changes size and layout within one stream, and misses nothing.
func TestChangeOfViewHasNoGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, mcu.Config{})
		for i := range 2 {
			r.join(i, "Member")
			r.camera(i, 640, 360)
		}
		other := r.watch(idOf(1), image.Pt(640, 360), mix.Grid, 2) // keeps the old one alive
		s := r.watch(idOf(0), image.Pt(640, 360), mix.Grid, 2)
		time.Sleep(time.Second)
		for _, to := range []struct {
			size   image.Point
			layout mix.Layout
		}{{hd, mix.Speaker}, {image.Pt(320, 180), mix.Grid}, {image.Pt(640, 360), mix.Grid}} {
			if err := s.view.Change(to.size, to.layout); err != nil {
				t.Fatal(err)
			}
			time.Sleep(700 * time.Millisecond)
			if got := s.view.Size(); got != to.size {
				t.Errorf("size is %v, want %v", got, to.size)
			}
		}
		if len(r.Stats().Outputs) != 1 {
			t.Errorf("outputs that nobody watches go on: %+v", r.Stats().Outputs)
		}
		s.close()
		other.close()
		r.close()
		unbroken(t, "mix", s.packets, true)
		if d := s.longest(); d > 70*time.Millisecond {
			t.Errorf("no picture for %v", d)
		}
	})
}

func TestBudgetOfTheSlowestCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, mcu.Config{})
		r.join(0, "Ada")
		r.camera(0, 640, 360)
		a := r.watch(idOf(0), image.Pt(640, 360), mix.Grid, 1)
		b := r.watch(idOf(1), image.Pt(640, 360), mix.Grid, 1)
		for _, tt := range []struct{ a, b, want int }{
			{0, 0, 900_000}, {700_000, 0, 700_000}, {700_000, 400_000, 400_000}, {50_000, 400_000, 200_000}, {5_000_000, 0, 900_000},
		} {
			a.view.SetBudget(tt.a)
			b.view.SetBudget(tt.b)
			time.Sleep(200 * time.Millisecond)
			if got := r.Stats().Outputs[0].Bitrate; got != tt.want {
				t.Errorf("budgets %d and %d: %d, want %d", tt.a, tt.b, got, tt.want)
			}
		}
		a.close()
		b.close()
		r.close()
	})
}

// Who speaks is large, and named as the one who does; the layer worth sending is
// as large as the tile.
func TestSpeakerIsLarge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, mcu.Config{})
		for i := range 3 {
			r.join(i, "Member")
			r.camera(i, 640, 360)
		}
		if got := r.Wanted(idOf(0)); got != (image.Point{}) {
			t.Errorf("nobody watches, and %v is wanted", got)
		}
		s := r.watch("guest", hd, mix.Speaker, 3)
		time.Sleep(500 * time.Millisecond)
		for i := range 3 { // nobody spoke: the first is large
			if s.seen(i) < 10 {
				t.Errorf("member %d was seen %d times", i, s.seen(i))
			}
		}
		r.speak(2, nil)
		time.Sleep(500 * time.Millisecond)
		s.mu.Lock()
		s.tiles = func(size image.Point) []image.Rectangle {
			return mix.Speaker.Tiles(nil, 3, 2, size.X, size.Y)[2:]
		}
		clear(s.marks)
		s.mu.Unlock()
		time.Sleep(500 * time.Millisecond)
		if n := s.seen(2); n < 12 {
			t.Errorf("the speaker was seen %d times in the large tile", n)
		}
		if got, want := r.Wanted(idOf(2)), image.Pt(960, 540); got != want {
			t.Errorf("of the speaker %v is wanted, not %v", got, want)
		}
		if got, want := r.Wanted(idOf(1)), image.Pt(320, 180); got != want {
			t.Errorf("of another %v is wanted, not %v", got, want)
		}
		if got := r.Wanted("nobody"); got != (image.Point{}) {
			t.Errorf("of nobody %v is wanted", got)
		}
		s.close()
		r.close()
	})
}
