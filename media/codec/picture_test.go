package codec

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"testing"
)

var pure = []color.RGBA{
	{255, 255, 255, 255}, {0, 0, 0, 255}, {128, 128, 128, 255},
	{255, 0, 0, 255}, {0, 255, 0, 255}, {0, 0, 255, 255},
	{255, 255, 0, 255}, {0, 255, 255, 255}, {255, 0, 255, 255},
	{226, 169, 131, 255},
}

func plain(w, h int, c color.Color) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Rect, image.NewUniform(c), image.Point{}, draw.Src)
	return img
}

func apart(a, b color.RGBA) int {
	d := func(x, y uint8) int { return max(int(x)-int(y), int(y)-int(x)) }
	return max(d(a.R, b.R), d(a.G, b.G), d(a.B, b.B), d(a.A, b.A))
}

// Pure colours come back within a few steps, there and back and through VP8.
func TestColours(t *testing.T) {
	var p Painter
	for _, c := range pure {
		yuv := NewI420(64, 48)
		if err := ToI420(yuv, plain(64, 48, c), LimitedRange); err != nil {
			t.Fatal(err)
		}
		back := image.NewRGBA(image.Rect(0, 0, 64, 48))
		if err := p.Paint(back, yuv, false); err != nil {
			t.Fatal(err)
		}
		if got := back.RGBAAt(31, 23); apart(got, c) > 4 {
			t.Errorf("%v came back as %v", c, got)
		}
		e, d := newPair(t, 64, 48, 500_000)
		data, _ := encode(t, e, yuv, 0, true)
		img, err := d.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Paint(back, img, false); err != nil {
			t.Fatal(err)
		}
		if got := back.RGBAAt(31, 23); apart(got, c) > 8 {
			t.Errorf("through VP8 %v came back as %v", c, got)
		}
	}
}

// BT.601, limited range: the values of the standard.
func TestColoursAreBT601Limited(t *testing.T) {
	for _, tt := range []struct {
		c       color.RGBA
		y, u, v byte
	}{
		{pure[0], 235, 128, 128}, {pure[1], 16, 128, 128},
		{pure[3], 81, 90, 240}, {pure[4], 145, 54, 34}, {pure[5], 41, 240, 110},
	} {
		img := NewI420(16, 16)
		if err := ToI420(img, plain(16, 16, tt.c), LimitedRange); err != nil {
			t.Fatal(err)
		}
		near := func(a, b byte) bool { return int(a)-int(b) <= 2 && int(b)-int(a) <= 2 }
		if !near(img.Y[0], tt.y) || !near(img.Cb[0], tt.u) || !near(img.Cr[0], tt.v) {
			t.Errorf("%v: %d %d %d, want %d %d %d", tt.c, img.Y[0], img.Cb[0], img.Cr[0], tt.y, tt.u, tt.v)
		}
	}
}

// Every kind of picture a camera delivers gives the same colour, at any size.
func TestToI420FromEveryKind(t *testing.T) {
	var p Painter
	for _, size := range [][2]int{{64, 48}, {33, 17}, {1, 1}, {2, 3}} {
		w, h := size[0], size[1]
		for _, c := range pure {
			y, u, v := color.RGBToYCbCr(c.R, c.G, c.B) // full range
			kinds := map[string]image.Image{
				"RGBA": plain(w, h, c), "other": image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{c}),
			}
			nrgba := image.NewNRGBA(image.Rect(0, 0, w, h))
			draw.Draw(nrgba, nrgba.Rect, image.NewUniform(c), image.Point{}, draw.Src)
			kinds["NRGBA"] = nrgba
			for _, ratio := range []image.YCbCrSubsampleRatio{image.YCbCrSubsampleRatio420, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio444} {
				img := image.NewYCbCr(image.Rect(0, 0, w, h), ratio)
				for i := range img.Y {
					img.Y[i] = y
				}
				for i := range img.Cb {
					img.Cb[i], img.Cr[i] = u, v
				}
				kinds["full range "+ratio.String()] = img
			}
			for kind, img := range kinds {
				yuv := NewI420(w, h)
				if err := ToI420(yuv, img, FullRange); err != nil {
					t.Fatalf("%s: %v", kind, err)
				}
				back := image.NewRGBA(image.Rect(0, 0, w, h))
				if err := p.Paint(back, yuv, false); err != nil {
					t.Fatal(err)
				}
				if got := back.RGBAAt(w-1, h-1); apart(got, c) > 6 {
					t.Errorf("%s %d×%d: %v came back as %v", kind, w, h, c, got)
				}
			}
		}
	}
}

// Limited range stays as it is.
func TestToI420KeepsLimitedRange(t *testing.T) {
	src := image.NewYCbCr(image.Rect(0, 0, 31, 21), image.YCbCrSubsampleRatio422)
	for i := range src.Y {
		src.Y[i] = byte(16 + i%220)
	}
	for i := range src.Cb {
		src.Cb[i], src.Cr[i] = 90, 160
	}
	dst := NewI420(31, 21)
	if err := ToI420(dst, src, LimitedRange); err != nil {
		t.Fatal(err)
	}
	for y := range 21 {
		for x := range 31 {
			a, b := src.YCbCrAt(x, y), dst.YCbCrAt(x, y)
			if a != b {
				t.Fatalf("at %d,%d: %v became %v", x, y, a, b)
			}
		}
	}
}

func TestPaintScalesAndMirrors(t *testing.T) {
	src := NewI420(64, 36) // left half white, right half black
	for y := range 36 {
		for x := range 64 {
			src.Y[y*src.YStride+x] = 16
			if x < 32 {
				src.Y[y*src.YStride+x] = 235
			}
		}
	}
	for i := range src.Cb {
		src.Cb[i], src.Cr[i] = 128, 128
	}
	var p Painter
	for _, size := range [][2]int{{64, 36}, {32, 18}, {160, 90}, {33, 19}, {7, 5}} {
		for _, mirror := range []bool{false, true} {
			w, h := size[0], size[1]
			dst := plain(w, h, color.RGBA{9, 9, 9, 0})
			if err := p.Paint(dst, src, mirror); err != nil {
				t.Fatal(err)
			}
			left, right := dst.RGBAAt(0, h/2), dst.RGBAAt(w-1, h/2)
			if mirror {
				left, right = right, left
			}
			if left.R < 250 || right.R > 5 || left.A != 255 || right.A != 255 {
				t.Errorf("%v mirror %v: light side %v, dark side %v", size, mirror, left, right)
			}
		}
	}
}

// Parts of pictures are painted, filled and copied, and nothing around them.
func TestSubImages(t *testing.T) {
	whole := NewI420(40, 30)
	for i := range whole.Y {
		whole.Y[i] = 100
	}
	src := NewI420(10, 10)
	for i := range src.Y {
		src.Y[i] = 200
	}
	part := whole.SubImage(image.Rect(10, 6, 30, 20)).(*image.YCbCr)
	if err := ScaleI420(part, src); err != nil {
		t.Fatal(err)
	}
	for y := range 30 {
		for x := range 40 {
			want := byte(100)
			if x >= 10 && x < 30 && y >= 6 && y < 20 {
				want = 200
			}
			if got := whole.Y[whole.YOffset(x, y)]; got != want {
				t.Fatalf("at %d,%d: %d, want %d", x, y, got, want)
			}
		}
	}
	rgba := image.NewRGBA(image.Rect(0, 0, 50, 50))
	var p Painter
	if err := p.Paint(rgba.SubImage(image.Rect(5, 5, 25, 19)).(*image.RGBA), part, true); err != nil {
		t.Fatal(err)
	}
	if rgba.RGBAAt(4, 5).A != 0 || rgba.RGBAAt(5, 5).A != 255 || rgba.RGBAAt(24, 18).A != 255 || rgba.RGBAAt(25, 18).A != 0 {
		t.Error("painting a part painted something else")
	}
}

func TestPicturesOfWrongShape(t *testing.T) {
	ok := NewI420(16, 16)
	short := NewI420(16, 16)
	short.Cb = short.Cb[:10]
	overflow := NewI420(16, 16)
	overflow.YStride = 1 << 62
	var p Painter
	for name, bad := range map[string]*image.YCbCr{
		"nil": nil, "zero": {}, "short": short, "overflow": overflow,
		"4:4:4": image.NewYCbCr(image.Rect(0, 0, 16, 16), image.YCbCrSubsampleRatio444),
	} {
		for _, err := range []error{
			CopyI420(ok, bad), CopyI420(bad, ok), ScaleI420(ok, bad), ScaleI420(bad, ok), MirrorI420(ok, bad),
			ToI420(bad, ok, LimitedRange), p.Paint(plain(16, 16, color.Black), bad, false),
		} {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("%s: %v, want ErrMalformed", name, err)
			}
		}
	}
	cut := plain(16, 16, color.Black)
	cut.Pix = cut.Pix[:100]
	for _, err := range []error{
		p.Paint(nil, ok, false), p.Paint(cut, ok, false), p.Paint(&image.RGBA{}, ok, true),
		ToI420(ok, cut, LimitedRange), ToI420(ok, nil, LimitedRange),
	} {
		if !errors.Is(err, ErrMalformed) {
			t.Errorf("%v, want ErrMalformed", err)
		}
	}
	other := NewI420(18, 16)
	for _, err := range []error{CopyI420(ok, other), MirrorI420(ok, other), ToI420(ok, other, LimitedRange)} {
		if err == nil {
			t.Error("sizes that differ were taken")
		}
	}
}

func TestFit(t *testing.T) {
	a := Fit(nil, 8, 6)
	if b := Fit(a, 8, 6); a != b {
		t.Error("a picture that fits was replaced")
	}
	if b := Fit(a, 9, 6); b == a || b.Rect.Dx() != 9 {
		t.Errorf("Fit to 9×6 gave %v", b.Rect)
	}
	if b := Fit(image.NewYCbCr(a.Rect, image.YCbCrSubsampleRatio444), 8, 6); b.SubsampleRatio != image.YCbCrSubsampleRatio420 {
		t.Error("a picture of another kind was kept")
	}
}

func BenchmarkVP8(b *testing.B) {
	for _, s := range []struct{ w, h, bitrate int }{{640, 360, 500_000}, {1280, 720, 1_500_000}} {
		const frames = 60
		pictures := make([]*image.YCbCr, frames)
		for n := range pictures {
			pictures[n] = NewI420(s.w, s.h)
			moving(pictures[n], n)
		}
		var packets [][]byte
		b.Run(fmt.Sprintf("encode/%dp", s.h), func(b *testing.B) {
			e, _ := newPair(b, s.w, s.h, s.bitrate)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				encode(b, e, pictures[n%frames], n, false)
				n++
			}
		})
		e, d := newPair(b, s.w, s.h, s.bitrate)
		for n := range frames {
			data, _ := encode(b, e, pictures[n], n, n == 0)
			packets = append(packets, append([]byte(nil), data...))
		}
		b.Run(fmt.Sprintf("decode/%dp", s.h), func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if _, err := d.Decode(packets[n%frames]); err != nil {
					b.Fatal(err)
				}
				n++
			}
		})
	}
}

func BenchmarkPicture(b *testing.B) {
	for _, s := range [][2]int{{640, 360}, {1280, 720}} {
		src, other, half := NewI420(s[0], s[1]), NewI420(s[0], s[1]), NewI420(s[0]/2, s[1]/2)
		moving(src, 1)
		rgba, small := plain(s[0], s[1], color.Black), plain(s[0]/2, s[1]/2, color.Black)
		jpeg := image.NewYCbCr(image.Rect(0, 0, s[0], s[1]), image.YCbCrSubsampleRatio422)
		var p Painter
		for name, fn := range map[string]func() error{
			"paint":       func() error { return p.Paint(rgba, src, false) },
			"paintMirror": func() error { return p.Paint(rgba, src, true) },
			"paintHalf":   func() error { return p.Paint(small, src, false) },
			"fromRGBA":    func() error { return ToI420(src, rgba, LimitedRange) },
			"fromJPEG422": func() error { return ToI420(src, jpeg, FullRange) },
			"scaleHalf":   func() error { return ScaleI420(half, src) },
			"copy":        func() error { return CopyI420(other, src) },
		} {
			b.Run(fmt.Sprintf("%s/%dp", name, s[1]), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := fn(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkOpus(b *testing.B) {
	e, d := newOpus(b, OpusOptions{LossPercent: 10})
	sound := vowel(0, OpusSamples*50)
	pcm := make([]int16, MaxOpusSamples)
	packet, err := e.Encode(sound[:OpusSamples])
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			if packet, err = e.Encode(sound[n*OpusSamples:][:OpusSamples]); err != nil {
				b.Fatal(err)
			}
			n = (n + 1) % 50
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := d.Decode(packet, pcm); err != nil {
				b.Fatal(err)
			}
		}
	})
}
