package mix

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"strings"
	"unicode"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// Font is a typeface. Any number of canvases may share it.
type Font struct{ font *opentype.Font }

// ParseFont reads an OpenType or TrueType font; data is not to be changed
// afterwards.
func ParseFont(data []byte) (*Font, error) {
	f, err := opentype.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("read font: %w", err)
	}
	return &Font{f}, nil
}

// lettering draws labels. It belongs to one goroutine. Without a font it draws
// the signs only.
type lettering struct {
	font  *Font
	faces map[int]font.Face // by size in pixels
}

// maxFaces bounds what is kept of sizes no longer in use.
const maxFaces = 8

func (l *lettering) face(px int) font.Face {
	if l.font == nil {
		return nil
	}
	if f, ok := l.faces[px]; ok {
		return f
	}
	f, err := opentype.NewFace(l.font.font, &opentype.FaceOptions{Size: float64(px), DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		return nil
	}
	if l.faces == nil || len(l.faces) >= maxFaces {
		l.faces = make(map[int]font.Face, maxFaces)
	}
	l.faces[px] = unkerned{f}
	return l.faces[px]
}

// unkerned leaves kerning out: what sfnt reads of Inter's pairs moves some
// letters onto each other.
type unkerned struct{ font.Face }

func (unkerned) Kern(_, _ rune) fixed.Int26_6 { return 0 }

// tag is the label of a tile: the muted sign and the name on a dark pill, at
// most room pixels wide and height high. It is nil if there is nothing to say.
func (l *lettering) tag(b Label, room, height int) *patch {
	height = even(height)
	pad := height / 3
	sign := 0
	if b.Muted {
		sign = height
	}
	face := l.face(height * 3 / 5)
	name := ""
	if face != nil {
		name = shorten(face, strings.TrimSpace(b.Name), room-2*pad-sign)
	}
	if name == "" && !b.Muted || height < 8 {
		return nil
	}
	w := sign
	if name != "" {
		w += font.MeasureString(face, name).Ceil() + 2*pad
	}
	w = min(even(w+1), even(room))
	img := image.NewRGBA(image.Rect(0, 0, max(w, 2), height))
	ground := color.NRGBA{0x10, 0x14, 0x1c, 0xb8}
	if b.Speaking {
		ground = color.NRGBA{0x0d, 0x6b, 0x45, 0xe0}
	}
	box(img, 0, 0, float32(w), float32(height), float32(height)/3, ground)
	if b.Muted {
		mutedSign(img, height)
	}
	if name != "" {
		write(img, face, name, sign+pad, height)
	}
	return newPatch(img)
}

// initials is what a tile of this height shows instead of a picture: a disc
// with up to two letters.
func (l *lettering) initials(name string, height int) *patch {
	side := even(height / 2)
	if side < 8 {
		return nil
	}
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	box(img, 0, 0, float32(side), float32(side), float32(side)/2, color.NRGBA{0x58, 0x62, 0x74, 0xff})
	if face := l.face(side * 2 / 5); face != nil {
		if s := letters(name); s != "" {
			write(img, face, s, (side-font.MeasureString(face, s).Ceil())/2, side)
		}
	}
	return newPatch(img)
}

// letters returns the first letters of the first and the last word of a name.
func letters(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
	if len(words) == 0 {
		return ""
	}
	first := []rune(words[0])[0]
	if len(words) == 1 {
		return string(unicode.ToUpper(first))
	}
	last := []rune(words[len(words)-1])[0]
	return string([]rune{unicode.ToUpper(first), unicode.ToUpper(last)})
}

// shorten cuts s so that it is at most room pixels wide.
func shorten(face font.Face, s string, room int) string {
	if font.MeasureString(face, s).Ceil() <= room {
		return s
	}
	limit := fixed.I(room) - font.MeasureString(face, "…")
	end, width := 0, fixed.Int26_6(0)
	for i, r := range s {
		advance, ok := face.GlyphAdvance(r)
		if width += advance; !ok || width > limit {
			break
		}
		end = i + len(string(r))
	}
	if end == 0 {
		return ""
	}
	return strings.TrimSpace(s[:end]) + "…"
}

// write sets s in white from x on, in the middle of height.
func write(img *image.RGBA, face font.Face, s string, x, height int) {
	m := face.Metrics()
	base := (fixed.I(height) + m.CapHeight) / 2
	d := font.Drawer{Dst: img, Src: image.White, Face: face, Dot: fixed.Point26_6{X: fixed.I(x), Y: base}}
	d.DrawString(s)
}

// mutedSign draws a crossed out microphone into the first height×height pixels.
func mutedSign(img *image.RGBA, height int) {
	u := float32(height) / 20
	white, red := color.NRGBA{0xff, 0xff, 0xff, 0xff}, color.NRGBA{0xd9, 0x36, 0x3e, 0xff}
	box(img, 2*u, 2*u, 18*u, 18*u, 8*u, red)
	box(img, 8*u, 4.5*u, 12*u, 11.5*u, 2*u, white)
	box(img, 9.2*u, 12.5*u, 10.8*u, 15.5*u, 0.4*u, white)
	box(img, 7*u, 14.2*u, 13*u, 15.6*u, 0.6*u, white)
	bar(img, 4.6*u, 6*u, 14*u, 15.4*u, 2.6*u, red)
	bar(img, 5.2*u, 5*u, 15*u, 14.8*u, 1.3*u, white)
}

// box fills a rectangle with corners rounded by r.
func box(img *image.RGBA, x0, y0, x1, y1, r float32, c color.Color) {
	z := vector.NewRasterizer(img.Rect.Dx(), img.Rect.Dy())
	k := r * 0.4477 // where the handles of a quarter of a circle are
	z.MoveTo(x0+r, y0)
	z.LineTo(x1-r, y0)
	z.CubeTo(x1-k, y0, x1, y0+k, x1, y0+r)
	z.LineTo(x1, y1-r)
	z.CubeTo(x1, y1-k, x1-k, y1, x1-r, y1)
	z.LineTo(x0+r, y1)
	z.CubeTo(x0+k, y1, x0, y1-k, x0, y1-r)
	z.LineTo(x0, y0+r)
	z.CubeTo(x0, y0+k, x0+k, y0, x0+r, y0)
	z.ClosePath()
	z.DrawOp = draw.Over
	z.Draw(img, img.Rect, image.NewUniform(c), image.Point{})
}

// bar fills a falling diagonal stroke of width d.
func bar(img *image.RGBA, x0, y0, x1, y1, d float32, c color.Color) {
	z := vector.NewRasterizer(img.Rect.Dx(), img.Rect.Dy())
	n := d * 0.3536 // half of it across, along each axis
	z.MoveTo(x0+n, y0-n)
	z.LineTo(x1+n, y1-n)
	z.LineTo(x1-n, y1+n)
	z.LineTo(x0-n, y0+n)
	z.ClosePath()
	z.DrawOp = draw.Over
	z.Draw(img, img.Rect, image.NewUniform(c), image.Point{})
}
