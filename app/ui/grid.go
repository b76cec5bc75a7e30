package ui

import (
	"math"

	"fyne.io/fyne/v2"
)

const (
	gridGap    = 10
	tileRadius = 16
)

type box struct{ x, y, w, h float32 }

// gridBoxes returns where n tiles go in a space of s: as large as they can be,
// between 4:3 and wide; the last row is centred. One tile alone fills the space.
func gridBoxes(n int, s fyne.Size) []box {
	if n == 0 {
		return nil
	}
	cols, w, h := gridShape(n, s)
	rows := (n + cols - 1) / cols
	boxes := make([]box, 0, n)
	y := (s.Height - float32(rows)*h - float32(rows-1)*gridGap) / 2
	for left := n; left > 0; left -= cols {
		in := min(cols, left)
		x := (s.Width - float32(in)*w - float32(in-1)*gridGap) / 2
		for i := range in {
			boxes = append(boxes, box{x + float32(i)*(w+gridGap), y, w, h})
		}
		y += h + gridGap
	}
	return boxes
}

// gridShape chooses the number of columns that gives the largest tiles.
func gridShape(n int, s fyne.Size) (cols int, w, h float32) {
	if n == 1 {
		return 1, s.Width, s.Height
	}
	best := float32(-1)
	for c := 1; c <= n; c++ {
		r := (n + c - 1) / c
		cw := (s.Width - gridGap*float32(c-1)) / float32(c)
		ch := (s.Height - gridGap*float32(r-1)) / float32(r)
		// A picture covers its tile: from 4:3 to 2:1 too little is cut to mind.
		cw, ch = min(cw, ch*2), min(ch, cw*3/4)
		if area := cw * ch; area > best {
			best, cols, w, h = area, c, cw, ch
		}
	}
	return cols, floor(max(w, 1)), floor(max(h, 1))
}

func floor(v float32) float32 { return float32(math.Floor(float64(v))) }

// floatingBox is where the self view floats over a single other tile.
func floatingBox(s fyne.Size) box {
	w := min(max(s.Width*0.2, 150), 300)
	w = min(w, s.Width*0.4)
	h := w * 9 / 16
	const margin = 16
	return box{s.Width - w - margin, s.Height - h - margin, floor(w), floor(h)}
}
