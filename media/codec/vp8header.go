package codec

import "fmt"

// VP8Header is what a VP8 frame says of itself before any of it is decoded
// (RFC 6386 section 9.1).
type VP8Header struct {
	Key           bool
	Show          bool
	Width, Height int // key frames only
}

const (
	vp8TagSize       = 3
	vp8KeyHeaderSize = 10
	vp8MaxSide       = 1<<14 - 1
)

// ParseVP8Header reads the header of one VP8 frame, as depacketised. It fails
// on what cannot be a VP8 frame, and on one that is cut off within its first
// partition; it does not judge the size of the picture.
func ParseVP8Header(data []byte) (VP8Header, error) {
	if len(data) < vp8TagSize {
		return VP8Header{}, fmt.Errorf("vp8 frame of %d bytes: %w", len(data), ErrMalformed)
	}
	tag := uint32(data[0]) | uint32(data[1])<<8 | uint32(data[2])<<16
	h := VP8Header{Key: tag&1 == 0, Show: tag>>4&1 == 1}
	if version := tag >> 1 & 7; version > 3 {
		return VP8Header{}, fmt.Errorf("vp8 version %d: %w", version, ErrMalformed)
	}
	size := vp8TagSize
	if h.Key {
		if len(data) < vp8KeyHeaderSize {
			return VP8Header{}, fmt.Errorf("vp8 key frame of %d bytes: %w", len(data), ErrMalformed)
		}
		if data[3] != 0x9d || data[4] != 0x01 || data[5] != 0x2a {
			return VP8Header{}, fmt.Errorf("vp8 start code %x: %w", data[3:6], ErrMalformed)
		}
		// The upper two bits of each are a hint for scaling when shown.
		h.Width = (int(data[6]) | int(data[7])<<8) & vp8MaxSide
		h.Height = (int(data[8]) | int(data[9])<<8) & vp8MaxSide
		if h.Width == 0 || h.Height == 0 {
			return VP8Header{}, fmt.Errorf("vp8 picture of %d×%d: %w", h.Width, h.Height, ErrMalformed)
		}
		size = vp8KeyHeaderSize
	}
	if first := int(tag >> 5); first == 0 || first > len(data)-size {
		return VP8Header{}, fmt.Errorf("vp8 first partition of %d bytes in a frame of %d: %w", first, len(data), ErrMalformed)
	}
	return h, nil
}
