package playout

// references decides which frames can be decoded after some were lost, from
// what the frames so far said of themselves. The zero references waits for a
// key frame.
type references struct {
	running bool // the decoder holds a picture that can be built on
	last    FrameInfo
	base    uint8 // number of the last base layer frame decoded
	hasBase bool
	intact  int // highest temporal layer of which nothing is missing
}

// maxLayer is the highest temporal layer there is: TID has two bits.
const maxLayer = 3

// decodable reports whether everything that a frame builds on was decoded. gap
// says that packets may be missing between the frame before and this one.
func (r *references) decodable(f FrameInfo, gap bool) bool {
	switch {
	case f.Key:
		return true
	case !r.running:
		return false
	case !gap || r.follows(f):
		return !f.Layers || f.Layer <= r.intact || f.Sync && f.Base == r.base
	case !f.Layers || !r.hasBase:
		return false
	case f.Layer == 0:
		return f.Base == r.base+1
	default:
		return f.Sync && f.Base == r.base
	}
}

// follows reports whether f is numbered as the frame right after the last one:
// then what is missing in between was no frame, but padding or a repetition.
func (r *references) follows(f FrameInfo) bool {
	return f.PictureIDs > 0 && f.PictureIDs == r.last.PictureIDs &&
		f.PictureID == (r.last.PictureID+1)%f.PictureIDs
}

// disposable reports whether later frames of lower layers do without f, so that
// leaving it out costs nothing but itself.
func (r *references) disposable(f FrameInfo) bool {
	return r.running && f.Layers && f.Layer > 0
}

// decoded notes that a decodable frame was decoded.
func (r *references) decoded(f FrameInfo, gap bool) {
	switch {
	case f.Key:
		r.intact = maxLayer
	case gap && !r.follows(f):
		r.intact = f.Layer
	case f.Sync:
		r.intact = max(r.intact, f.Layer)
	}
	r.running, r.last = true, f
	if f.Layers && f.Layer == 0 {
		r.base, r.hasBase = f.Base, true
	} else if !f.Layers {
		r.hasBase = false
	}
}

// skipped notes that a disposable frame was left out.
func (r *references) skipped(f FrameInfo) { r.last = f }

// lost notes that the decoder's picture cannot be built on any more.
func (r *references) lost() { *r = references{} }
