package scene

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
	"time"

	"candid/media"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// How a Page moves: it is read for a while, then scrolled on smoothly.
const (
	pageReading   = 4 * time.Second
	pageScrolling = 2 * time.Second
	pageTextSize  = 15 // pixels: what programs show lists and letters in
)

// Page is a synthetic screen: text that is read, scrolled on, and read again,
// stamped like a Camera's pictures. It is a media.VideoSource.
type Page struct {
	reel
	sheet *image.YCbCr // all of the text, twice as high as the picture, and round
}

// NewPage starts a screen. Member chooses what it is about.
func NewPage(o CameraOptions) *Page {
	if o.Width <= 0 || o.Height <= 0 {
		o.Width, o.Height = 1280, 720
	}
	if o.FPS <= 0 {
		o.FPS = 15
	}
	o.Width, o.Height = o.Width&^1, o.Height&^1
	return &Page{newReel(o), sheet(o.Width, 2*o.Height, o.Member)}
}

// ReadVideo blocks until the next picture is due.
func (p *Page) ReadVideo() (media.VideoFrame, error) {
	return p.next(func(due time.Time) { p.draw(scrolled(due.Sub(p.beat.start), p.img.Rect.Dy())) })
}

// scrolled is how far a page of height h is scrolled after t, in pixels: half a
// page at a time.
func scrolled(t time.Duration, h int) int {
	turns := t / (pageReading + pageScrolling)
	part := float64(max(t%(pageReading+pageScrolling)-pageReading, 0)) / float64(pageScrolling)
	eased := (1 - math.Cos(math.Pi*part)) / 2
	return int(math.Round((float64(turns) + eased) * float64(h) / 2))
}

// draw copies the part of the sheet that is seen.
func (p *Page) draw(offset int) {
	h, whole := p.img.Rect.Dy(), p.sheet.Rect.Dy()
	for y := range h {
		from := (y + offset) % whole
		copy(p.img.Y[y*p.img.YStride:][:p.img.YStride], p.sheet.Y[from*p.sheet.YStride:])
		if y%2 == 0 {
			from /= 2
			copy(p.img.Cb[y/2*p.img.CStride:][:p.img.CStride], p.sheet.Cb[from*p.sheet.CStride:])
			copy(p.img.Cr[y/2*p.img.CStride:][:p.img.CStride], p.sheet.Cr[from*p.sheet.CStride:])
		}
	}
}

// sheet draws w×h of text.
func sheet(w, h, member int) *image.YCbCr {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Rect, image.NewUniform(color.White), image.Point{}, draw.Src)
	ttf, err := opentype.Parse(goregular.TTF)
	if err != nil {
		panic(err) // part of the program
	}
	const leading = pageTextSize * 3 / 2
	margin := w / 16
	for n, y := 0, leading; y < h-leading/2; n, y = n+1, y+leading {
		size, ink := float64(pageTextSize), color.RGBA{0x20, 0x24, 0x2c, 0xff}
		text := paragraph(n, member)
		if n%8 == 0 {
			size, ink = pageTextSize*4/3, color.RGBA{0x1c, 0x4f, 0xb8, 0xff}
			text = fmt.Sprintf("%d.%d  Minutes of the meeting", member+1, n/8+1)
		}
		face, err := opentype.NewFace(ttf, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingFull})
		if err != nil {
			panic(err) // cannot happen: the options are ours
		}
		pen := font.Drawer{Dst: img.SubImage(image.Rect(margin, 0, w-margin, h)).(draw.Image), Src: image.NewUniform(ink), Face: face,
			Dot: fixed.P(margin, y)}
		pen.DrawString(text)
		_ = face.Close() // always nil
	}
	return limitedI420(img)
}

// paragraph makes line n of a text that means little, and no two lines alike.
func paragraph(n, member int) string {
	words := bytes.Fields([]byte("the line was measured before noon and again at dusk while packets of forty bytes " +
		"crossed (half) a town; nobody asked why 17 of 312 came late, or whether #4 had a queue: it had"))
	var line [][]byte
	for i := range 28 {
		line = append(line, words[(n*7+i*(3+member%5)+n*i%11)%len(words)])
	}
	return string(bytes.Join(line, []byte(" ")))
}

// limitedI420 converts a drawing of even sides.
func limitedI420(img *image.RGBA) *image.YCbCr {
	out := image.NewYCbCr(img.Rect, image.YCbCrSubsampleRatio420)
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			c := img.RGBAAt(x, y)
			luma, u, v := limited(float64(c.R), float64(c.G), float64(c.B))
			out.Y[y*out.YStride+x] = uint8(math.Round(luma))
			if x%2 == 0 && y%2 == 0 { // the colours of text need no filter
				at := y/2*out.CStride + x/2
				out.Cb[at], out.Cr[at] = uint8(math.Round(u)), uint8(math.Round(v))
			}
		}
	}
	return out
}
