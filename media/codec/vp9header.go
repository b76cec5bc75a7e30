package codec

import "fmt"

// parseVP9 reads the uncompressed header of a frame (VP9 bitstream
// specification, section 6.2), or of the first of a superframe. It refuses
// what cannot be 8 bit 4:2:0. The library holds the frames behind it, and those
// that are not key frames, to the same size.
func parseVP9(data []byte) (pictureHeader, error) {
	r := bitReader{data: data}
	if r.bits(2) != 2 {
		return pictureHeader{}, fmt.Errorf("vp9 frame marker: %w", ErrMalformed)
	}
	if profile := r.bit() | r.bit()<<1; profile != 0 {
		return pictureHeader{}, fmt.Errorf("vp9 profile %d: %w", profile, ErrMalformed)
	}
	if r.bit() == 1 { // show_existing_frame
		return pictureHeader{}, r.end("vp9 frame")
	}
	var h pictureHeader
	h.key = r.bit() == 0
	r.skip(2) // show_frame, error_resilient_mode
	if h.key {
		if r.bits(24) != 0x498342 {
			return h, fmt.Errorf("vp9 sync code: %w", ErrMalformed)
		}
		if space := r.bits(3); space == 7 {
			return h, fmt.Errorf("vp9 in RGB: %w", ErrMalformed)
		}
		r.skip(1) // color_range
		h.width, h.height = r.bits(16)+1, r.bits(16)+1
	}
	return h, r.end("vp9 frame")
}
