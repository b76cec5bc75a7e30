package mix

import (
	"errors"
	"fmt"
	"image"

	"candid/media/codec"
)

// Label is what a tile says of its member.
type Label struct {
	Name     string
	Muted    bool
	Speaking bool
}

// Canvas composes pictures into one. What did not change is not drawn again,
// and drawing pictures allocates nothing. A Canvas belongs to one goroutine.
//
// For each new composition call Arrange, then Draw for each tile, then Changed.
//
// Nothing is drawn on the lowest 1/18 of a tile that shows a picture: what a
// picture carries along its lower edge (package scene's stamp) stays readable.
type Canvas struct {
	img     *image.YCbCr
	letters lettering
	rects   []image.Rectangle // of the tiles
	next    []image.Rectangle // the same, being made
	tiles   [MaxTiles]tile
	changed bool
}

// tile is one place on a canvas and what is in it.
type tile struct {
	label    Label
	drawn    bool // what follows is on the canvas
	blank    bool // no picture
	serial   uint64
	place    image.Rectangle // of the picture, within the tile
	tag      *patch
	lettered bool        // tag is right
	dst      image.YCbCr // the canvas, cut down to place
}

// NewCanvas makes a canvas of w×h, which must be even. f writes the names; nil
// leaves them out.
func NewCanvas(w, h int, f *Font) (*Canvas, error) {
	if w%2 != 0 || h%2 != 0 || w < 32 || h < 32 {
		return nil, fmt.Errorf("canvas of %d×%d: sides must be even and at least 32", w, h)
	}
	if max(w, h) > codec.MaxLongSide || min(w, h) > codec.MaxShortSide {
		return nil, fmt.Errorf("canvas of %d×%d: %w", w, h, codec.ErrTooLarge)
	}
	c := &Canvas{img: codec.NewI420(w, h), letters: lettering{font: f}, changed: true}
	paint(c.img, c.img.Rect, backdrop)
	return c, nil
}

// Picture is what was composed. It belongs to the Canvas, and changes with the
// next Arrange or Draw.
func (c *Canvas) Picture() *image.YCbCr { return c.img }

// Changed reports whether the picture has changed since it was last asked.
func (c *Canvas) Changed() bool {
	was := c.changed
	c.changed = false
	return was
}

// Tile is where on the canvas tile i lies.
func (c *Canvas) Tile(i int) image.Rectangle {
	if i < 0 || i >= len(c.rects) {
		return image.Rectangle{}
	}
	return c.rects[i]
}

// Place is where the picture in tile i lies: all of the tile, or less if its
// shape is another. It is empty while there is no picture.
func (c *Canvas) Place(i int) image.Rectangle {
	if i < 0 || i >= len(c.rects) || !c.tiles[i].drawn || c.tiles[i].blank {
		return image.Rectangle{}
	}
	return c.tiles[i].place
}

// Arrange says how many tiles there are, how they lie and what is written on
// them. Only the first MaxTiles labels count. speaker is as for Layout.Tiles.
func (c *Canvas) Arrange(l Layout, speaker int, labels []Label) {
	labels = labels[:min(len(labels), MaxTiles)]
	c.next = l.Tiles(c.next[:0], len(labels), speaker, c.img.Rect.Dx(), c.img.Rect.Dy())
	if !same(c.next, c.rects) {
		c.rects, c.next = c.next, c.rects
		clear(c.tiles[:])
		paint(c.img, c.img.Rect, backdrop)
		c.changed = true
	}
	for i, b := range labels[:len(c.rects)] {
		t := &c.tiles[i]
		if t.label != b {
			t.label, t.drawn, t.lettered = b, false, false
		}
	}
}

func same(a, b []image.Rectangle) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// Draw puts a picture into tile i; nil puts initials there. serial tells
// pictures apart, also those of different tiles: the same serial is the same
// picture, and not drawn again. pic is not kept.
func (c *Canvas) Draw(i int, pic *image.YCbCr, serial uint64) error {
	if i < 0 || i >= len(c.rects) {
		return fmt.Errorf("draw tile %d of %d: there is none", i, len(c.rects))
	}
	t := &c.tiles[i]
	if t.drawn && t.blank == (pic == nil) && (t.blank || t.serial == serial) {
		return nil
	}
	var err error
	if pic != nil {
		if err = c.picture(t, c.rects[i], pic); err != nil {
			err = fmt.Errorf("draw tile %d: %w", i, err)
			pic = nil
		}
	}
	if pic == nil {
		c.initials(t, c.rects[i])
	}
	t.drawn, t.blank, t.serial = true, pic == nil, serial
	c.mark(t, c.rects[i])
	c.changed = true
	return err
}

var errEmpty = errors.New("picture is empty")

func (c *Canvas) picture(t *tile, r image.Rectangle, pic *image.YCbCr) error {
	size := pic.Rect.Size()
	if size.X <= 0 || size.Y <= 0 {
		return errEmpty
	}
	if place := fit(size, r); place != t.place {
		t.place = place
		c.cut(&t.dst, place)
	}
	if t.place != r {
		paint(c.img, r, backdrop) // the bars, on which a label may lie
	}
	return codec.ScaleI420(&t.dst, pic)
}

// cut makes dst the part r of the canvas, as SubImage does without allocating.
func (c *Canvas) cut(dst *image.YCbCr, r image.Rectangle) {
	y, uv := c.img.YOffset(r.Min.X, r.Min.Y), c.img.COffset(r.Min.X, r.Min.Y)
	*dst = image.YCbCr{
		Y: c.img.Y[y:], Cb: c.img.Cb[uv:], Cr: c.img.Cr[uv:],
		YStride: c.img.YStride, CStride: c.img.CStride,
		SubsampleRatio: c.img.SubsampleRatio, Rect: r,
	}
}

func (c *Canvas) initials(t *tile, r image.Rectangle) {
	paint(c.img, r, blank)
	if p := c.letters.initials(t.label.Name, r.Dy()); p != nil {
		p.over(c.img, even(r.Min.X+(r.Dx()-p.w)/2), even(r.Min.Y+(r.Dy()-p.h)/2))
	}
}

// mark lays the label over a tile: the name in the lower left, and the
// speaker's border on three sides.
func (c *Canvas) mark(t *tile, r image.Rectangle) {
	free := even(r.Dy()/18 + 2) // the strip nothing is drawn on
	if !t.lettered {
		t.lettered = true
		t.tag = c.letters.tag(t.label, r.Dx()-2*free, min(max(r.Dy()/11, 14), 36))
	}
	floor := r.Max.Y - free
	if t.tag != nil {
		t.tag.over(c.img, even(r.Min.X+free), even(floor-t.tag.h))
	}
	if t.label.Speaking {
		d := max(even(r.Dy()/90), 2)
		paint(c.img, image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+d), accent)
		paint(c.img, image.Rect(r.Min.X, r.Min.Y, r.Min.X+d, floor&^1), accent)
		paint(c.img, image.Rect(r.Max.X-d, r.Min.Y, r.Max.X, floor&^1), accent)
	}
}
