package codec

import (
	"bytes"
	"fmt"
)

// NAL unit types (H.264, table 7-1).
const (
	nalSlice = 1
	nalIDR   = 5
	nalSPS   = 7
)

// maxNALs bounds the NAL units of one frame: one per macroblock row and then
// some.
const maxNALs = 256

// parseH264 looks through the NAL units of a frame (Annex B): whether one is of
// a picture that needs no other, and how large the pictures are. The library
// reserves memory by what the sequence parameter set says, before it looks at
// what of it is cropped away.
func parseH264(data []byte) (pictureHeader, error) {
	var h pictureHeader
	slices := false
	n := 0
	for nal := range nals(data) {
		if n++; n > maxNALs {
			return h, fmt.Errorf("h264 frame of more than %d units: %w", maxNALs, ErrMalformed)
		}
		if len(nal) == 0 {
			continue
		}
		switch nal[0] & 0x1f {
		case nalSPS:
			w, ht, err := parseSPS(nal[1:])
			if err != nil {
				return h, err
			}
			if err := checkSize(w, ht); err != nil {
				return h, err // another set may follow, but this one is read too
			}
			h.width, h.height = w, ht
		case nalIDR:
			h.key, slices = true, true
		case nalSlice, 2:
			slices = true
		}
	}
	if !slices {
		return h, fmt.Errorf("h264 frame without a picture: %w", ErrMalformed)
	}
	return h, nil
}

// nals yields the NAL units of a byte stream.
func nals(data []byte) func(yield func([]byte) bool) {
	code := []byte{0, 0, 1}
	return func(yield func([]byte) bool) {
		for at := bytes.Index(data, code); at >= 0; {
			data = data[at+len(code):]
			at = bytes.Index(data, code)
			nal := data
			if at >= 0 {
				nal = data[:at]
			}
			if !yield(nal) {
				return
			}
		}
	}
}

// maxSide is larger than any picture we take, and small enough to multiply.
const maxSide = 1 << 14

// parseSPS reads how large the coded pictures are (section 7.3.2.1.1), which
// may be a little larger than what is shown of them.
func parseSPS(nal []byte) (w, h int, err error) {
	// Bytes put in so that no start code appears are read over.
	r := bitReader{data: bytes.ReplaceAll(nal[:min(len(nal), 1024)], []byte{0, 0, 3}, []byte{0, 0})}
	profile := r.bits(8)
	r.skip(16) // constraints, level
	r.ue()     // seq_parameter_set_id
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		if err := r.highProfile(); err != nil {
			return 0, 0, err
		}
	}
	r.ue() // log2_max_frame_num_minus4
	switch r.ue() {
	case 0:
		r.ue()
	case 1:
		r.skip(1)
		r.se()
		r.se()
		for range min(r.ue(), 255) {
			r.se()
		}
	}
	r.ue() // max_num_ref_frames
	r.skip(1)
	across, down := r.ue()+1, r.ue()+1
	frames := r.bit() // 0: fields, each of half the height
	if across > maxSide/16 || down > maxSide/16 {
		across, down = maxSide/16, maxSide/16
	}
	if err := r.end("h264 parameter set"); err != nil {
		return 0, 0, err
	}
	w, h = 16*across, 16*down*(2-frames)
	return trim(w, MaxLongSide), trim(h, MaxLongSide), nil
}

// trim takes the rest of a macroblock off, which 1080 and 1200 lines are
// rounded up to.
func trim(v, most int) int {
	for _, size := range []int{1080, MaxShortSide, most} {
		if v > size && v < size+16 {
			return size
		}
	}
	return v
}

// highProfile reads what the profiles beyond Main have more; only 8 bit 4:2:0
// of them is taken.
func (r *bitReader) highProfile() error {
	if format := r.ue(); format != 1 && !r.over {
		return fmt.Errorf("h264 chroma format %d: %w", format, ErrMalformed)
	}
	luma, chroma := r.ue(), r.ue()
	if luma != 0 || chroma != 0 {
		return fmt.Errorf("h264 of more than 8 bit: %w", ErrMalformed)
	}
	r.skip(1)
	if r.bit() == 0 {
		return nil
	}
	for i := range 8 { // scaling lists
		if r.bit() == 0 {
			continue
		}
		size, last, next := 16, 8, 8
		if i >= 6 {
			size = 64
		}
		for range size {
			if next != 0 {
				next = (last + r.se() + 256) % 256
			}
			if next != 0 {
				last = next
			}
		}
	}
	return nil
}
