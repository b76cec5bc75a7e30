package forward

// Codec says how the payloads of a track are read. The zero Codec is the
// track's own.
type Codec uint8

// The codecs that are forwarded. All but VP8 are looked into only as far as
// telling where a key frame begins needs.
const (
	Opus Codec = iota + 1
	VP8Codec
	H264
	VP9
	AV1
	Codecs // how many there are, with the zero one
)

// ParsePicture reads what is needed of a payload of video.
func ParsePicture(c Codec, p []byte) (VP8, error) {
	if c == VP8Codec || c == 0 {
		return ParseVP8(p)
	}
	if len(p) < 2 {
		return VP8{}, ErrVP8
	}
	switch c {
	case H264:
		return VP8{Key: keyH264(p)}, nil
	case VP9:
		return VP8{Key: keyVP9(p)}, nil
	case AV1:
		// A new coded video sequence begins (AV1 RTP specification section 4.4).
		return VP8{Key: p[0]&0x88 == 0x08}, nil
	}
	return VP8{}, nil
}

// keyH264 reports whether a payload (RFC 6184) has parameter sets or the start
// of a picture that needs no other.
func keyH264(p []byte) bool {
	const idr, sps, stapA, fuA = 5, 7, 24, 28
	switch typ := p[0] & 0x1F; typ {
	case idr, sps:
		return true
	case fuA:
		return p[1]&0x80 != 0 && p[1]&0x1F == idr
	case stapA:
		for p = p[1:]; len(p) > 2; {
			n := int(p[0])<<8 | int(p[1])
			if t := p[2] & 0x1F; t == idr || t == sps {
				return true
			}
			if n+2 > len(p) {
				return false
			}
			p = p[2+n:]
		}
	}
	return false
}

// keyVP9 reports whether a payload (RFC 9628) begins a frame that needs no
// other, of the lowest spatial layer.
func keyVP9(p []byte) bool {
	const hasPicture, predicted, hasLayers, begins = 0x80, 0x40, 0x20, 0x08
	if p[0]&predicted != 0 || p[0]&begins == 0 {
		return false
	}
	if p[0]&hasLayers == 0 {
		return true
	}
	at := 1
	if p[0]&hasPicture != 0 {
		if at++; p[1]&0x80 != 0 {
			at++
		}
	}
	return at < len(p) && p[at]>>1&7 == 0
}
