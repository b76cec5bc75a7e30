package mix_test

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"testing"
	"time"

	"candid/assets"
	"candid/media/codec"
	"candid/media/mix"
	"candid/media/scene"
)

func inter(t testing.TB) *mix.Font {
	t.Helper()
	f, err := mix.ParseFont(assets.InterSemiBold)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func canvas(t testing.TB, w, h int) *mix.Canvas {
	t.Helper()
	c, err := mix.NewCanvas(w, h, inter(t))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// stamped is a grey picture with the mark of a sender.
func stamped(w, h, sender, frame int) *image.YCbCr {
	img := codec.NewI420(w, h)
	for i := range img.Y {
		img.Y[i] = byte(90 + 10*sender)
	}
	for i := range img.Cb {
		img.Cb[i], img.Cr[i] = 128, 128
	}
	scene.Stamp(img, scene.Mark{Frame: uint32(frame), Sender: uint16(sender), Captured: time.Unix(1, 0)})
	return img
}

func TestTiles(t *testing.T) {
	for _, size := range [][2]int{{1280, 720}, {640, 360}, {320, 180}, {960, 540}, {854, 480}, {720, 1280}, {100, 100}} {
		w, h := size[0], size[1]
		for n := 1; n <= mix.MaxTiles+1; n++ {
			for _, l := range []mix.Layout{mix.Grid, mix.Speaker} {
				for _, speaker := range []int{-1, 0, n - 1} {
					checkTiles(t, l, l.Tiles(nil, n, speaker, w, h), min(n, mix.MaxTiles), speaker, w, h)
				}
			}
		}
	}
	if got := mix.Grid.Tiles(nil, 0, 0, 640, 360); len(got) != 0 {
		t.Errorf("nobody has %v", got)
	}
}

func checkTiles(t *testing.T, l mix.Layout, rects []image.Rectangle, n, speaker, w, h int) {
	t.Helper()
	what := fmt.Sprintf("%v of %d (speaker %d) on %d×%d", l, n, speaker, w, h)
	if len(rects) != n {
		t.Fatalf("%s: %d tiles", what, len(rects))
	}
	if speaker < 0 || speaker >= n {
		speaker = 0
	}
	for i, r := range rects {
		if !r.In(image.Rect(0, 0, w, h)) || r.Empty() {
			t.Errorf("%s: tile %d is %v", what, i, r)
		}
		if (r.Min.X|r.Min.Y|r.Max.X|r.Max.Y)&1 != 0 {
			t.Errorf("%s: tile %d has odd corners: %v", what, i, r)
		}
		for j, other := range rects[:i] {
			if r.Overlaps(other) {
				t.Errorf("%s: tiles %d and %d overlap: %v %v", what, j, i, other, r)
			}
		}
		if ratio := float64(r.Dx()) / float64(r.Dy()); w >= 320 && (ratio < 1.6 || ratio > 2) {
			t.Errorf("%s: tile %d is %v", what, i, r)
		}
		if l == mix.Speaker && i != speaker && n > 1 && r.Dx()*2 > rects[speaker].Dx() {
			t.Errorf("%s: tile %d (%v) is not small beside %v", what, i, r, rects[speaker])
		}
	}
}

func TestGridFillsTheCanvas(t *testing.T) {
	for n, want := range map[int]image.Point{1: {1280, 720}, 2: {640, 360}, 4: {640, 360}, 6: {426, 240}, 9: {426, 240}, 10: {320, 180}, 16: {320, 180}} {
		for i, r := range mix.Grid.Tiles(nil, n, 0, 1280, 720) {
			if r.Size() != want {
				t.Errorf("%d: tile %d is %v, want %v", n, i, r.Size(), want)
			}
		}
	}
}

// Whoever is in a mix can be told by their marks, in every layout, with names,
// signs and borders drawn.
func TestStampsSurvive(t *testing.T) {
	for _, in := range []image.Point{{640, 360}, {1280, 720}, {320, 180}, {640, 480}, {360, 640}, {1280, 800}, {638, 360}} {
		for _, l := range []mix.Layout{mix.Grid, mix.Speaker} {
			for _, n := range []int{1, 2, 4, 6, 9, 16} {
				c := canvas(t, 1280, 720)
				labels := make([]mix.Label, n)
				for i := range labels {
					labels[i] = mix.Label{Name: fmt.Sprintf("Member number %d", i), Muted: i%2 == 0, Speaking: i%3 == 0}
				}
				c.Arrange(l, 0, labels)
				for i := range n {
					if err := c.Draw(i, stamped(in.X, in.Y, i, 1000+i), uint64(i+1)); err != nil {
						t.Fatal(err)
					}
				}
				for i := range n {
					place := c.Place(i)
					checkPlace(t, in, place, c.Tile(i))
					if place.Dx() < scene.StampMinWidth {
						continue
					}
					m, ok := scene.ReadStamp(c.Picture().SubImage(place).(*image.YCbCr))
					if !ok || int(m.Sender) != i || int(m.Frame) != 1000+i {
						t.Errorf("%v in, %v of %d, tile %d (%v): mark %+v, %v", in, l, n, i, place, m, ok)
					}
				}
			}
		}
	}
}

// checkPlace expects all of a picture, in its shape, as large as it can be and
// in the middle of r.
func checkPlace(t *testing.T, size image.Point, place, r image.Rectangle) {
	t.Helper()
	if !place.In(r) || (place.Min.X|place.Min.Y|place.Dx()|place.Dy())&1 != 0 {
		t.Errorf("%v lies at %v in %v", size, place, r)
	}
	if place.Dx() < r.Dx() && place.Dy() < r.Dy() {
		t.Errorf("%v touches no side of %v: %v", size, r, place)
	}
	if off := place.Min.Add(place.Max).Sub(r.Min.Add(r.Max)); max(off.X, -off.X) > 4 || max(off.Y, -off.Y) > 4 {
		t.Errorf("%v is not in the middle of %v: %v", size, r, place)
	}
	is, was := float64(place.Dx())/float64(place.Dy()), float64(size.X)/float64(size.Y)
	if is/was > 1.03 || was/is > 1.03 {
		t.Errorf("%v became %v", size, place)
	}
}

func TestNothingNewIsNotDrawn(t *testing.T) {
	c := canvas(t, 640, 360)
	labels := []mix.Label{{Name: "Ada"}, {Name: "Grace"}}
	pic := stamped(320, 180, 1, 1)
	compose := func() bool {
		t.Helper()
		c.Arrange(mix.Grid, 0, labels)
		if err := c.Draw(0, pic, 7); err != nil {
			t.Fatal(err)
		}
		if err := c.Draw(1, nil, 0); err != nil {
			t.Fatal(err)
		}
		return c.Changed()
	}
	if !compose() {
		t.Fatal("the first picture is no change")
	}
	if compose() {
		t.Error("nothing changed, and it was drawn again")
	}
	for name, change := range map[string]func(){
		"name":    func() { labels[1].Name = "Grace H." },
		"muted":   func() { labels[0].Muted = true },
		"speaker": func() { labels[1].Speaking = true },
		"members": func() { labels = append(labels, mix.Label{}) },
	} {
		change()
		if !compose() {
			t.Errorf("%s: a change was not drawn", name)
		}
		if compose() {
			t.Errorf("%s: drawn twice", name)
		}
	}
}

// A label that is translucent must not grow darker as it is drawn again, not
// even where it lies on the bars beside a narrow picture.
func TestDrawingAgainGivesTheSame(t *testing.T) {
	for _, in := range []image.Point{{640, 360}, {360, 640}, {640, 200}} {
		c := canvas(t, 640, 360)
		c.Arrange(mix.Grid, 0, []mix.Label{{Name: "Ada Lovelace", Muted: true, Speaking: true}})
		pic := stamped(in.X, in.Y, 1, 1)
		if err := c.Draw(0, pic, 1); err != nil {
			t.Fatal(err)
		}
		first := append([]byte(nil), c.Picture().Y...)
		for serial := range uint64(5) {
			if err := c.Draw(0, pic, serial+2); err != nil {
				t.Fatal(err)
			}
		}
		if string(first) != string(c.Picture().Y) {
			t.Errorf("%v: the same drawn again looks different", in)
		}
	}
}

func TestLabelsAreSeen(t *testing.T) {
	draw := func(b mix.Label, pic *image.YCbCr) []byte {
		c := canvas(t, 640, 360)
		c.Arrange(mix.Grid, 0, []mix.Label{b})
		if err := c.Draw(0, pic, 1); err != nil {
			t.Fatal(err)
		}
		return c.Picture().Y
	}
	differs := func(a, b []byte) (n int) {
		for i := range a {
			if a[i] != b[i] {
				n++
			}
		}
		return n
	}
	pic := stamped(640, 360, 1, 1)
	bare := draw(mix.Label{}, pic)
	for _, tt := range []struct {
		label mix.Label
		least int
	}{
		{mix.Label{Name: "Ada"}, 1000}, {mix.Label{Muted: true}, 500}, {mix.Label{Speaking: true}, 2000},
		{mix.Label{Name: "A name that is far too long for the small tile that it shall be written on, as some are"}, 8000},
		{mix.Label{Name: "\u202e\x00\ufffd日本語"}, 500},
	} {
		if n := differs(bare, draw(tt.label, pic)); n < tt.least {
			t.Errorf("%+v changes %d pixels", tt.label, n)
		}
	}
	if n := differs(draw(mix.Label{Name: "Ada"}, pic), draw(mix.Label{Name: "Eve"}, pic)); n < 50 {
		t.Errorf("two names differ by %d pixels", n)
	}
	if n := differs(draw(mix.Label{Name: "Ada"}, nil), draw(mix.Label{Name: "Grace Hopper"}, nil)); n < 200 {
		t.Errorf("two tiles of initials differ by %d pixels", n)
	}
}

func TestOddInputs(t *testing.T) {
	c := canvas(t, 640, 360)
	c.Arrange(mix.Grid, 0, make([]mix.Label, 4))
	for _, pic := range []*image.YCbCr{
		{}, codec.NewI420(1, 1), codec.NewI420(1, 1080), codec.NewI420(1920, 1), codec.NewI420(33, 17),
		image.NewYCbCr(image.Rect(0, 0, 64, 64), image.YCbCrSubsampleRatio444),
	} {
		for i := range 4 {
			if err := c.Draw(i, pic, uint64(i)); err != nil {
				t.Logf("%v: %v", pic.Rect, err)
			}
		}
	}
	if err := c.Draw(4, nil, 0); err == nil {
		t.Error("drew a tile that is not there")
	}
	for _, size := range [][2]int{{0, 0}, {641, 360}, {1920, 1920}, {16, 16}} {
		if _, err := mix.NewCanvas(size[0], size[1], nil); err == nil {
			t.Errorf("made a canvas of %v", size)
		}
	}
	if _, err := mix.ParseFont([]byte("no font")); err == nil {
		t.Error("read a font from nothing")
	}
}

func TestDrawingDoesNotAllocate(t *testing.T) {
	c := canvas(t, 1280, 720)
	labels := make([]mix.Label, 9)
	for i := range labels {
		labels[i] = mix.Label{Name: "Someone", Speaking: i == 0, Muted: i == 1}
	}
	pics := []*image.YCbCr{stamped(640, 360, 1, 1), stamped(320, 240, 1, 1)}
	serial := uint64(0)
	compose := func() {
		c.Arrange(mix.Grid, 0, labels)
		for i := range labels {
			serial++
			if err := c.Draw(i, pics[i%2], serial); err != nil {
				t.Fatal(err)
			}
		}
	}
	compose()
	if n := testing.AllocsPerRun(20, compose); n > 0 {
		t.Errorf("%v allocations a composition", n)
	}
}

// TestShot writes what a mix looks like to the file named by MIX_SHOT.
func TestShot(t *testing.T) {
	file := os.Getenv("MIX_SHOT")
	if file == "" {
		t.Skip("MIX_SHOT names no file")
	}
	c := canvas(t, 1280, 720)
	names := []string{"Ada Lovelace", "Grace Hopper", "Alan Turing", "Katherine Johnson", "Edsger W. Dijkstra the Third of Rotterdam", "Barbara"}
	labels := make([]mix.Label, len(names))
	for i := range labels {
		labels[i] = mix.Label{Name: names[i], Muted: i%2 == 1, Speaking: i == 0}
	}
	c.Arrange(mix.Speaker, 0, labels)
	for i := range labels {
		var pic *image.YCbCr
		if i != 3 {
			cam := scene.NewCamera(scene.CameraOptions{Member: i, Width: 640, Height: 360 + 120*(i%2)})
			f, err := cam.ReadVideo()
			if err != nil {
				t.Fatal(err)
			}
			pic = f.Image
		}
		if err := c.Draw(i, pic, uint64(i+1)); err != nil {
			t.Fatal(err)
		}
	}
	out := image.NewRGBA(c.Picture().Rect)
	var p codec.Painter
	if err := p.Paint(out, c.Picture(), false); err != nil {
		t.Fatal(err)
	}
	out.Set(0, 0, color.White)
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, out); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkCompose(b *testing.B) {
	for _, n := range []int{4, 9, 16} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := canvas(b, 1280, 720)
			labels := make([]mix.Label, n)
			for i := range labels {
				labels[i] = mix.Label{Name: "Someone"}
			}
			pic := stamped(640, 360, 1, 1)
			serial := uint64(0)
			b.ReportAllocs()
			for b.Loop() {
				c.Arrange(mix.Grid, 0, labels)
				for i := range n {
					serial++
					if err := c.Draw(i, pic, serial); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
