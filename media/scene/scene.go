// Package scene is a synthetic camera and a synthetic microphone, and the means
// to measure at the far end what became of their picture and sound: a drawn
// person in a room, each picture stamped with its number and time; a tone with
// a marker every second. Nothing of it is needed for a call between people.
package scene

import (
	"image"
	"time"
)

// Scene draws one person in one room. It belongs to one goroutine.
type Scene struct {
	p    Persona
	unit float64 // pixels: the height of a landscape picture
	c    canvas
	back *image.YCbCr // the room, which does not move
	set  wardrobe
	tmp  path
}

// New prepares pictures of w×h of p. It takes some 20 ms at 640×360; Draw takes
// one.
func New(w, h int, p Persona) *Scene {
	w, h = max(w, 1), max(h, 1)
	s := &Scene{p: p, unit: min(float64(h), 0.85*float64(w))}
	s.back = image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	s.c.img, s.c.w, s.c.h = s.back, w, h
	s.set = dress(p)
	s.room()
	return s
}

// Size of the pictures.
func (s *Scene) Size() (w, h int) { return s.c.w, s.c.h }

// Draw draws the picture of the time at into img, an I420 picture of the
// Scene's size (any other is left alone). mouth is how far the mouth is open,
// from 0 to 1. The same arguments give the same picture.
func (s *Scene) Draw(img *image.YCbCr, at time.Time, mouth float64) {
	if img == nil || img.SubsampleRatio != image.YCbCrSubsampleRatio420 || img.Rect.Size() != s.back.Rect.Size() {
		return
	}
	copyPlanes(img, s.back)
	s.c.img = img
	s.plants(seconds(at))
	s.clock(at)
	s.person(seconds(at)+s.p.phase, min(max(mouth, 0), 1))
	s.c.img = nil
}
