package ui

import (
	"image"
	"image/color"
	"math"

	"fyne.io/fyne/v2"
	"github.com/srwiley/rasterx"
	"golang.org/x/image/math/fixed"
)

// pen draws on a picture in the units of the window, so that drawings look the
// same at every scale. One picture costs one textured quad per repaint however
// much is drawn on it.
type pen struct {
	img *image.RGBA
	sc  *rasterx.ScannerGV
	k   float64 // pixels per unit
}

// newPen returns a pen for a picture of w by h pixels that is width units wide.
// It draws on old again if that has the size.
func newPen(old *image.RGBA, w, h int, width float32) *pen {
	if old == nil || old.Rect.Dx() != w || old.Rect.Dy() != h {
		old = image.NewRGBA(image.Rect(0, 0, w, h))
	} else {
		clear(old.Pix)
	}
	p := &pen{img: old, k: 1}
	if width > 0 {
		p.k = float64(w) / float64(width)
	}
	p.sc = rasterx.NewScannerGV(w, h, old, old.Bounds())
	return p
}

type xy struct{ x, y float64 }

func (p *pen) at(q xy) fixed.Point26_6 {
	return fixed.Point26_6{X: fixed.Int26_6(math.Round(q.x * p.k * 64)), Y: fixed.Int26_6(math.Round(q.y * p.k * 64))}
}

func (p *pen) len(v float64) fixed.Int26_6 { return fixed.Int26_6(v * p.k * 64) }

// stroke draws a line through points; dash is the length of dashes and gaps,
// none for a solid line.
func (p *pen) stroke(points []xy, width float64, c color.Color, dash ...float64) {
	if len(points) < 2 {
		return
	}
	d := p.dasher(width, c, dash)
	d.Start(p.at(points[0]))
	for _, q := range points[1:] {
		d.Line(p.at(q))
	}
	d.Stop(false)
	d.Draw()
}

// arc draws a curve from a to b, bent towards the control point.
func (p *pen) arc(a, control, b xy, width float64, c color.Color, dash ...float64) {
	d := p.dasher(width, c, dash)
	d.Start(p.at(a))
	d.QuadBezier(p.at(control), p.at(b))
	d.Stop(false)
	d.Draw()
}

func (p *pen) dasher(width float64, c color.Color, dash []float64) *rasterx.Dasher {
	d := rasterx.NewDasher(p.img.Rect.Dx(), p.img.Rect.Dy(), p.sc)
	scaled := make([]float64, len(dash))
	for i, v := range dash {
		scaled[i] = v * p.k
	}
	d.SetStroke(p.len(width), p.len(4), rasterx.RoundCap, rasterx.RoundCap, rasterx.RoundGap, rasterx.Round, scaled, 0)
	d.SetColor(c)
	return d
}

// disc fills a circle.
func (p *pen) disc(at xy, r float64, c color.Color) {
	f := p.filler(c)
	rasterx.AddCircle(at.x*p.k, at.y*p.k, r*p.k, f)
	f.Draw()
}

// box fills a rectangle with round corners. It writes the pixels itself: the
// rasteriser goes over the whole picture for every shape.
func (p *pen) box(x, y, w, h, r float64, c color.NRGBA) {
	x, y, w, h, r = x*p.k, y*p.k, w*p.k, h*p.k, r*p.k
	at := image.Rect(int(x), int(y), int(math.Ceil(x+w)), int(math.Ceil(y+h))).Intersect(p.img.Rect)
	for py := at.Min.Y; py < at.Max.Y; py++ {
		dy := math.Abs(float64(py)+0.5-y-h/2) - h/2 + r
		for px := at.Min.X; px < at.Max.X; px++ {
			dx := math.Abs(float64(px)+0.5-x-w/2) - w/2 + r
			// The distance to the edge, inside negative.
			d := math.Max(dx, dy) - r
			if dx > 0 && dy > 0 {
				d = math.Hypot(dx, dy) - r
			}
			if cover := min(0.5-d, 1); cover > 0 {
				blend(p.img.Pix[p.img.PixOffset(px, py):], c, uint32(cover*float64(c.A)))
			}
		}
	}
}

// dots draws a level row of short dashes.
func (p *pen) dots(x0, x1, y float64, c color.NRGBA) {
	const dash, step = 3, 8
	for x := x0; x+dash <= x1; x += step {
		p.box(x, y-0.5, dash, 1, 0, c)
	}
}

// ground fills the whole picture, size in units, as a card.
func (p *pen) ground(size fyne.Size, radius float64) {
	p.box(0, 0, float64(size.Width), float64(size.Height), radius, colour(cInset))
}

// columns calls draw for every column of pixels between the points of a curve,
// which go from left to right, with the curve's height there and its slope.
func (p *pen) columns(points []xy, draw func(x int, y, slope float64)) {
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		slope := (b.y - a.y) / (b.x - a.x)
		from, to := int(math.Ceil(a.x*p.k-0.5)), int(math.Ceil(b.x*p.k-0.5))
		for x := max(from, 0); x < min(to, p.img.Rect.Dx()); x++ {
			draw(x, (a.y+slope*((float64(x)+0.5)/p.k-a.x))*p.k, slope)
		}
	}
}

// under fills the area between a curve and the height base, fading downwards,
// and curve draws its line. Both write the pixels themselves: through the
// rasteriser a graph takes many times as long.
func (p *pen) under(points []xy, top, base float64, c color.NRGBA) {
	y1 := min(int(base*p.k), p.img.Rect.Dy())
	fade := make([]uint32, max(y1, 0)) // opacity of each row, 0 to 255
	for y := max(0, int(top*p.k)); y < y1; y++ {
		fade[y] = uint32(float64(c.A) * (base*p.k - float64(y)) / ((base - top) * p.k))
	}
	p.columns(points, func(x int, y, _ float64) {
		for yy := max(0, int(math.Ceil(y))); yy < y1; yy++ {
			blend(p.img.Pix[p.img.PixOffset(x, yy):], c, fade[yy])
		}
	})
}

func (p *pen) curve(points []xy, width float64, c color.NRGBA) {
	p.columns(points, func(x int, y, slope float64) {
		// Upright, the line is thicker where it is steep, but ends at its points.
		half := min(width*p.k/2*math.Hypot(1, slope), width*p.k/2+math.Abs(slope)/2)
		for yy := max(0, int(y-half)); yy <= min(p.img.Rect.Dy()-1, int(y+half)); yy++ {
			cover := min(half+0.5-math.Abs(float64(yy)+0.5-y), 1)
			if cover > 0 {
				blend(p.img.Pix[p.img.PixOffset(x, yy):], c, uint32(cover*255))
			}
		}
	})
}

// blend puts c over the pixel at px with an opacity of 0 to 255.
func blend(px []uint8, c color.NRGBA, a uint32) {
	px = px[:4]
	px[0] = uint8((uint32(px[0])*(255-a) + uint32(c.R)*a) / 255)
	px[1] = uint8((uint32(px[1])*(255-a) + uint32(c.G)*a) / 255)
	px[2] = uint8((uint32(px[2])*(255-a) + uint32(c.B)*a) / 255)
	px[3] = uint8((uint32(px[3])*(255-a) + 255*a) / 255)
}

func (p *pen) filler(c color.Color) *rasterx.Filler {
	f := rasterx.NewFiller(p.img.Rect.Dx(), p.img.Rect.Dy(), p.sc)
	f.SetColor(c)
	return f
}
