package codec

import "fmt"

// OBU types (AV1, section 6.2.2).
const (
	obuSequence    = 1
	obuFrameHeader = 3
	obuFrame       = 6
)

// parseAV1 looks through the OBUs of a temporal unit, each with its size. A
// sequence header begins every picture that needs no other. A frame may be
// smaller than the sequence says; the library refuses larger ones.
func parseAV1(data []byte) (pictureHeader, error) {
	var h pictureHeader
	frames := false
	for len(data) > 0 {
		header := data[0]
		if header&0x80 != 0 || header&0x02 == 0 {
			return h, fmt.Errorf("av1 unit without a size: %w", ErrMalformed)
		}
		data = data[1:]
		if header&0x04 != 0 { // extension: layers
			if len(data) == 0 {
				return h, fmt.Errorf("av1 unit is cut off: %w", ErrMalformed)
			}
			data = data[1:]
		}
		size, rest, err := leb128(data)
		if err != nil {
			return h, err
		}
		if size > len(rest) {
			return h, fmt.Errorf("av1 unit of %d bytes in %d: %w", size, len(rest), ErrMalformed)
		}
		switch header >> 3 & 15 {
		case obuSequence:
			if h.width, h.height, err = parseSequence(rest[:size]); err != nil {
				return h, err
			}
			h.key = true
			if err := checkSize(h.width, h.height); err != nil {
				return h, err
			}
		case obuFrame, obuFrameHeader:
			frames = true
		}
		data = rest[size:]
	}
	if !frames {
		return h, fmt.Errorf("av1 unit without a picture: %w", ErrMalformed)
	}
	return h, nil
}

// parseSequence reads the largest size of a sequence's pictures (section 5.5).
func parseSequence(data []byte) (w, h int, err error) {
	r := bitReader{data: data}
	if profile := r.bits(3); profile != 0 {
		return 0, 0, fmt.Errorf("av1 profile %d: %w", profile, ErrMalformed)
	}
	r.skip(1) // still_picture
	if r.bit() == 1 {
		r.skip(5) // a still picture has a level only
	} else {
		r.operatingPoints()
	}
	wide, high := r.bits(4)+1, r.bits(4)+1
	w, h = r.bits(wide)+1, r.bits(high)+1
	return w, h, r.end("av1 sequence header")
}

// operatingPoints reads over what a sequence says of its layers and its timing.
func (r *bitReader) operatingPoints() {
	delay, model := 0, false
	if r.bit() == 1 { // timing_info
		r.skip(64)
		if r.bit() == 1 {
			r.uvlc()
		}
		if model = r.bit() == 1; model {
			delay = r.bits(5) + 1
			r.skip(32 + 10)
		}
	}
	display := r.bit() == 1
	for range r.bits(5) + 1 {
		r.skip(12)
		if r.bits(5) > 7 {
			r.skip(1) // tier
		}
		if model && r.bit() == 1 {
			r.skip(2*delay + 1)
		}
		if display && r.bit() == 1 {
			r.skip(4)
		}
	}
}

// uvlc reads over a number (section 4.10.3).
func (r *bitReader) uvlc() {
	zeros := 0
	for r.bit() == 0 && !r.over && zeros < 32 {
		zeros++
	}
	if zeros < 32 {
		r.skip(zeros)
	}
}
