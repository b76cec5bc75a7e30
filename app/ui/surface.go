package ui

import (
	"image"
	"sync"
	"sync/atomic"

	"candid/media"

	"fyne.io/fyne/v2/canvas"
)

// buffers is how many pictures a Surface owns: one on screen, one waiting, one
// being drawn. With three, drawing never waits.
const buffers = 3

// maxPixels refuses pictures that no camera sends.
const maxPixels = 4096 * 2304

// Surface is the screen of one tile: a mailbox in which the newest picture
// wins. Nothing is allocated once the pictures have their size.
type Surface struct {
	image *canvas.Image // main goroutine
	shown *media.Picture
	off   bool
	first func() // main goroutine, when there is a picture after none
	// shaped is called on the main goroutine when the picture has another size.
	shaped func()

	pump  *Pump
	eager bool // a new picture wakes the pump; otherwise it rides along

	mu      sync.Mutex // held for a few instructions only
	free    []*media.Picture
	drawing *media.Picture
	next    atomic.Pointer[media.Picture]
}

var _ media.Screen = (*Surface)(nil)

// newSurface returns a Surface that pump carries to the window. One that is not
// eager, such as the self view, is carried along with the others, or soon.
func newSurface(pump *Pump, eager bool) *Surface {
	// Cover crops as a call should and is the one fill that Fyne does not scale
	// on the processor. The software painter cannot draw it without a picture.
	img := &canvas.Image{FillMode: canvas.ImageFillCover, ScaleMode: canvas.ImageScaleFastest}
	img.Hidden = true
	s := &Surface{image: img, pump: pump, eager: eager}
	for range buffers {
		s.free = append(s.free, &media.Picture{Image: &image.RGBA{}})
	}
	return s
}

// Buffer implements media.Screen.
func (s *Surface) Buffer(w, h int) *media.Picture {
	if w <= 0 || h <= 0 || w > maxPixels/h {
		return nil
	}
	s.mu.Lock()
	if s.drawing == nil && len(s.free) > 0 { // one lent and not shown is lent again
		s.drawing = s.free[len(s.free)-1]
		s.free = s.free[:len(s.free)-1]
	}
	p := s.drawing
	s.mu.Unlock()
	if p == nil {
		return nil
	}
	p.Shown = nil
	if img := p.Image; img.Rect.Dx() != w || img.Rect.Dy() != h {
		if cap(img.Pix) < 4*w*h {
			img.Pix = make([]uint8, 4*w*h)
		}
		img.Pix, img.Stride, img.Rect = img.Pix[:4*w*h], 4*w, image.Rect(0, 0, w, h)
	}
	return p
}

// Show implements media.Screen.
func (s *Surface) Show(p *media.Picture) {
	if p == nil {
		return
	}
	s.mu.Lock()
	if s.drawing == p {
		s.drawing = nil
	}
	s.mu.Unlock()
	if old := s.next.Swap(p); old != nil && old != p {
		s.giveBack(old)
	}
	s.pump.wake(s.eager)
}

func (s *Surface) giveBack(p *media.Picture) {
	s.mu.Lock()
	s.free = append(s.free, p)
	s.mu.Unlock()
}

// swap puts the newest picture in the window and reports whether there was one.
// Main goroutine. Fyne reads the picture when it paints, which is on the main
// goroutine too: so the one shown before is free from here on.
func (s *Surface) swap() bool {
	p := s.next.Swap(nil)
	if p == nil {
		return false
	}
	if s.off { // on its way when the camera was switched off
		s.giveBack(p)
		return false
	}
	before := s.shown
	s.shown = p
	s.image.Image = p.Image
	if before == nil {
		s.setOff(s.off)
		if s.first != nil {
			s.first()
		}
	}
	if before != nil && s.shaped != nil && before.Image.Rect != p.Image.Rect {
		s.shaped()
	}
	if !s.image.Hidden {
		s.image.Refresh()
	}
	if p.Shown != nil {
		p.Shown()
	}
	if before != nil {
		s.giveBack(before)
	}
	return true
}

// setOff hides the picture although frames may still come. Main goroutine.
func (s *Surface) setOff(off bool) {
	s.off = off
	s.image.Hidden = off || s.shown == nil
}

// clear forgets the picture: the tile is somebody else's now, or the camera was
// switched off. Main goroutine.
func (s *Surface) clear() {
	if p := s.next.Swap(nil); p != nil {
		s.giveBack(p)
	}
	if s.shown != nil {
		s.giveBack(s.shown)
		s.shown = nil
	}
	s.image.Image = nil
	s.image.Hidden = true
}

// visible reports whether there is a picture to see. Main goroutine.
func (s *Surface) visible() bool { return !s.image.Hidden }

// shape is the size of the picture in its own pixels; 0 if there is none. Main
// goroutine.
func (s *Surface) shape() (w, h int) {
	if s.shown == nil {
		return 0, 0
	}
	return s.shown.Image.Rect.Dx(), s.shown.Image.Rect.Dy()
}
