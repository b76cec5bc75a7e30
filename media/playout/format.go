package playout

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pion/rtp/codecs"
)

// Format is how the frames of one codec travel in RTP. It is stateless and may
// be shared.
type Format interface {
	// Starts reports whether payload is the first of a frame, and if so whether
	// of a key frame. Anything may be in payload.
	Starts(payload []byte) (start, key bool)
	// Assemble appends to dst the frame that payloads, in order and complete,
	// carry.
	Assemble(dst []byte, payloads [][]byte) ([]byte, FrameInfo, error)
}

// FrameInfo is what the packets say of a frame before any of it is decoded. It
// stays readable when the frame itself is encrypted.
type FrameInfo struct {
	Key bool
	// PictureID counts frames, modulo PictureIDs; PictureIDs is 0 where the
	// sender does not number them.
	PictureID, PictureIDs int
	// Layers says that Layer, Base and Sync are known. Layer is the temporal
	// layer. Base counts base layer frames, modulo 256: for a base layer frame
	// its own number, for another that of the one it builds on. Sync: the frame
	// needs nothing but that base layer frame.
	Layers bool
	Layer  int
	Base   uint8
	Sync   bool
}

// FormatFor returns the format of a MIME type as in SDP: of each that
// codec.NewVideoDecoder decodes.
func FormatFor(mime string) (Format, error) {
	switch strings.ToLower(mime) {
	case "video/vp8":
		return vp8{}, nil
	case "video/vp9":
		return vp9{}, nil
	case "video/h264":
		return h264{}, nil
	case "video/av1":
		return av1{}, nil
	}
	return nil, fmt.Errorf("no way to receive %q", mime)
}

var errNotStart = errors.New("frame does not begin at its first packet")

// vp8 is RFC 7741.
type vp8 struct{}

func (vp8) Starts(payload []byte) (start, key bool) {
	var p codecs.VP8Packet
	data, err := p.Unmarshal(payload)
	if err != nil || p.S != 1 || p.PID != 0 || len(data) == 0 {
		return false, false
	}
	return true, data[0]&1 == 0
}

func (vp8) Assemble(dst []byte, payloads [][]byte) ([]byte, FrameInfo, error) {
	var info FrameInfo
	for i, payload := range payloads {
		var p codecs.VP8Packet
		data, err := p.Unmarshal(payload)
		if err != nil {
			return dst, info, fmt.Errorf("read vp8 payload descriptor: %w", err)
		}
		if i == 0 {
			if p.S != 1 || p.PID != 0 || len(data) == 0 {
				return dst, info, errNotStart
			}
			info = vp8Info(&p, payload)
			info.Key = data[0]&1 == 0
		}
		dst = append(dst, data...)
	}
	return dst, info, nil
}

func vp8Info(p *codecs.VP8Packet, payload []byte) FrameInfo {
	info := FrameInfo{
		Layers: p.L == 1 && p.T == 1,
		Layer:  int(p.TID),
		Base:   p.TL0PICIDX,
		Sync:   p.Y == 1,
	}
	if p.I == 1 {
		info.PictureID, info.PictureIDs = int(p.PictureID), 1<<7
		if payload[2]&0x80 != 0 { // long form
			info.PictureIDs = 1 << 15
		}
	}
	return info
}
