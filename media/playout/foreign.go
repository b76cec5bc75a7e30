package playout

import (
	"fmt"

	"github.com/pion/rtp/codecs"
)

// vp9 is RFC 9628. Of spatial layers the lowest is taken: it needs no other.
type vp9 struct{}

func (vp9) Starts(payload []byte) (start, key bool) {
	var p codecs.VP9Packet
	data, err := p.Unmarshal(payload)
	if err != nil || !p.B || p.SID != 0 || len(data) == 0 {
		return false, false
	}
	return true, !p.P
}

func (vp9) Assemble(dst []byte, payloads [][]byte) ([]byte, FrameInfo, error) {
	var info FrameInfo
	for i, payload := range payloads {
		var p codecs.VP9Packet
		data, err := p.Unmarshal(payload)
		if err != nil {
			return dst, info, fmt.Errorf("read vp9 payload descriptor: %w", err)
		}
		if i == 0 {
			if !p.B || p.SID != 0 || len(data) == 0 {
				return dst, info, errNotStart
			}
			info.Key = !p.P
			if p.I {
				info.PictureID, info.PictureIDs = int(p.PictureID), 1<<7
				if payload[1]&0x80 != 0 { // long form
					info.PictureIDs = 1 << 15
				}
			}
		}
		if p.SID == 0 {
			dst = append(dst, data...)
		}
	}
	return dst, info, nil
}

// h264 is RFC 6184, packetisation modes 0 and 1; frames become byte streams.
type h264 struct{}

// NAL unit types (RFC 6184, section 5.2).
const (
	nalSlice = 1
	nalIDR   = 5
	nalSEI   = 6
	nalSPS   = 7
	nalPPS   = 8
	nalAUD   = 9
	nalSTAPA = 24
	nalFUA   = 28
)

// Starts says that a key frame begins where a sequence parameter set does: a
// receiver that has lost it cannot begin behind it.
func (h264) Starts(payload []byte) (start, key bool) {
	if len(payload) < 2 {
		return false, false
	}
	kind, body := payload[0]&0x1f, payload[1:]
	switch kind {
	case nalSTAPA:
		if len(body) < 4 {
			return false, false
		}
		kind, body = body[2]&0x1f, body[3:]
	case nalFUA:
		if body[0]&0x80 == 0 || len(body) < 2 {
			return false, false
		}
		kind, body = body[0]&0x1f, body[1:]
	}
	switch kind {
	case nalSPS:
		return true, true
	case nalSEI, nalPPS, nalAUD:
		return true, stapHas(payload, nalSPS)
	case nalSlice, nalIDR:
		return body[0]&0x80 != 0, false // first_mb_in_slice is 0
	}
	return false, false
}

// stapHas reports whether payload is an aggregation packet with a unit of this
// type in it.
func stapHas(payload []byte, kind byte) bool {
	if payload[0]&0x1f != nalSTAPA {
		return false
	}
	for rest := payload[1:]; len(rest) > 2; {
		size := int(rest[0])<<8 | int(rest[1])
		if rest[2]&0x1f == kind {
			return true
		}
		rest = rest[min(2+size, len(rest)):]
	}
	return false
}

func (h264) Assemble(dst []byte, payloads [][]byte) ([]byte, FrameInfo, error) {
	var info FrameInfo
	var p codecs.H264Packet // holds the parts of one unit
	for i, payload := range payloads {
		if start, _ := (h264{}).Starts(payload); i == 0 && !start {
			return dst, info, errNotStart
		}
		data, err := p.Unmarshal(payload)
		if err != nil {
			return dst, info, fmt.Errorf("read h264 packet: %w", err)
		}
		dst = append(dst, data...)
		kind := payload[0] & 0x1f
		if kind == nalFUA {
			kind = payload[1] & 0x1f
		}
		info.Key = info.Key || kind == nalIDR || stapHas(payload, nalIDR)
	}
	return dst, info, nil
}

// av1 is AOM's RTP payload specification; frames become units with sizes.
type av1 struct{}

// Types of AV1 units (AV1, section 6.2.2).
const (
	obuSequence  = 1
	obuDelimiter = 2
	obuHeader    = 3
	obuMetadata  = 5
	obuFrame     = 6
)

func (av1) Starts(payload []byte) (start, key bool) {
	if len(payload) < 2 || payload[0]&0x80 != 0 { // goes on from the packet before
		return false, false
	}
	body := payload[1:]
	if payload[0]>>4&3 != 1 { // the first unit's size is before it
		for len(body) > 0 && body[0]&0x80 != 0 {
			body = body[1:]
		}
		body = body[min(1, len(body)):]
	}
	if len(body) == 0 {
		return false, false
	}
	switch kind := body[0] >> 3 & 15; kind {
	case obuSequence, obuDelimiter, obuHeader, obuMetadata, obuFrame:
		return true, payload[0]&0x08 != 0 || kind == obuSequence
	}
	return false, false
}

func (av1) Assemble(dst []byte, payloads [][]byte) ([]byte, FrameInfo, error) {
	var info FrameInfo
	var p codecs.AV1Depacketizer // holds the parts of one unit
	for i, payload := range payloads {
		start, key := (av1{}).Starts(payload)
		if i == 0 && !start {
			return dst, info, errNotStart
		}
		info.Key = info.Key || start && key
		data, err := p.Unmarshal(payload)
		if err != nil {
			return dst, info, fmt.Errorf("read av1 packet: %w", err)
		}
		dst = append(dst, data...)
	}
	return dst, info, nil
}
