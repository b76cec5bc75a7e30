package mix

import "image"

// MaxTiles is how many pictures a layout shows at most: more are too small to
// tell faces apart.
const MaxTiles = 16

// Layout is how pictures share a canvas. All tiles have the shape 16:9 as
// nearly as even corners allow, so that cameras fill them.
type Layout uint8

// The layouts.
const (
	// Grid gives everyone the same size.
	Grid Layout = iota
	// Speaker gives one most of the canvas, and the others a frame of small
	// tiles on its right and below.
	Speaker
)

func (l Layout) String() string {
	switch l {
	case Grid:
		return "grid"
	case Speaker:
		return "speaker"
	}
	return "unknown"
}

// Tiles appends to dst where on a canvas of w×h each of n pictures goes, in
// their order. Corners are even, tiles do not overlap. speaker is the index of
// the large one; Grid does not look at it. More than MaxTiles are cut.
func (l Layout) Tiles(dst []image.Rectangle, n, speaker, w, h int) []image.Rectangle {
	n = min(n, MaxTiles)
	if n <= 0 || w < 2 || h < 2 {
		return dst
	}
	if l != Speaker || n == 1 {
		return grid(dst, n, w, h)
	}
	if speaker < 0 || speaker >= n {
		speaker = 0
	}
	return stage(dst, n, speaker, w, h)
}

// grid takes the number of columns that makes the tiles largest, the more of
// two that do. A last row that is not full is centred.
func grid(dst []image.Rectangle, n, w, h int) []image.Rectangle {
	cols, tw, th := 1, 0, 0
	for c := 1; c <= n; c++ {
		if x, y := shape(w/c, h/((n+c-1)/c)); x >= tw {
			cols, tw, th = c, x, y
		}
	}
	rows := (n + cols - 1) / cols
	top := even((h - rows*th) / 2)
	for i := range n {
		row := i / cols
		inRow := min(cols, n-row*cols)
		x := even((w-inRow*tw)/2) + i%cols*tw
		y := top + row*th
		dst = append(dst, image.Rect(x, y, x+tw, y+th))
	}
	return dst
}

// stage cuts the canvas into k×k cells. The speaker has all but the last row
// and column, in which there is room for 2k-1 others.
func stage(dst []image.Rectangle, n, speaker, w, h int) []image.Rectangle {
	k := 4
	for n-1 > 2*k-1 {
		k += 2
	}
	tw, th := shape(w/k, h/k)
	left, top := even((w-k*tw)/2), even((h-k*th)/2)
	cell := func(col, row int) image.Rectangle {
		x, y := left+col*tw, top+row*th
		return image.Rect(x, y, x+tw, y+th)
	}
	small := 0
	for i := range n {
		switch {
		case i == speaker:
			dst = append(dst, image.Rectangle{cell(0, 0).Min, cell(k-1, k-1).Min})
			continue
		case small < k:
			dst = append(dst, cell(k-1, small)) // down the right side
		default:
			dst = append(dst, cell(k-2-(small-k), k-1)) // and back along the bottom
		}
		small++
	}
	return dst
}

// shape is the largest even 16:9 that fits into w×h.
func shape(w, h int) (tw, th int) {
	tw = even(min(w, (h*16+8)/9))
	th = even(min(h, (tw*9+16)/16))
	return max(tw, 2), max(th, 2)
}

func even(v int) int { return v &^ 1 }

// fit is where in r a picture of size goes. It is always shown whole: a picture
// whose shape is within 2 % of the tile's is stretched to fill it, another is
// centred between bars. Nothing is cut off, for what lies at a picture's edge
// may be what it is about.
func fit(size image.Point, r image.Rectangle) image.Rectangle {
	w, h := r.Dx(), r.Dy()
	across, down := size.X*h, size.Y*w // equal if the shapes are
	switch {
	case 50*across >= 49*down && 49*across <= 50*down:
		return r
	case across > down: // wider than the tile
		h = max(even(w*size.Y/size.X), 2)
	default:
		w = max(even(h*size.X/size.Y), 2)
	}
	x, y := r.Min.X+even((r.Dx()-w)/2), r.Min.Y+even((r.Dy()-h)/2)
	return image.Rect(x, y, x+w, y+h)
}
