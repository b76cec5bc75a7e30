package sframe

import "strings"

// The parts of a VP8 frame that a forwarding server reads (RFC 6386 section
// 9.1): frame type and length of the first partition, and for a key frame its
// start code and size.
const (
	vp8Header    = 3
	vp8KeyHeader = 10
)

// Clear returns how many bytes at the start of a frame stay readable. mime is
// the codec as in SDP ("video/VP8"). It works alike on a frame and on the sealed
// frame. A codec whose packets show the inside of frames (H.264, AV1, VP9)
// cannot be sealed whole: ErrCodec.
func Clear(mime string, frame []byte) (int, error) {
	switch {
	case strings.EqualFold(mime, "audio/opus"):
		return 0, nil
	case strings.EqualFold(mime, "video/vp8"):
		if len(frame) < vp8Header {
			return 0, ErrMalformed
		}
		if frame[0]&1 != 0 { // not a key frame
			return vp8Header, nil
		}
		if len(frame) < vp8KeyHeader {
			return 0, ErrMalformed
		}
		return vp8KeyHeader, nil
	}
	return 0, ErrCodec
}
