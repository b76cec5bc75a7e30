package sfu

import (
	"fmt"
	"strconv"
	"strings"

	"candid/netstack/sfu/forward"

	"github.com/pion/webrtc/v4"
)

// format is a codec as one client numbers it (RFC 8866 section 6.6).
type format struct {
	codec forward.Codec
	pt    uint8
	fmtp  string
}

// formats are those we know, in our order of preference, with the numbers of our
// own offers.
var formats = [...]struct {
	format
	name string
	kind webrtc.RTPCodecType
}{
	{format{forward.Opus, firstOpus, "minptime=10;useinbandfec=1"}, "opus/48000/2", webrtc.RTPCodecTypeAudio},
	{format{forward.VP8Codec, firstVP8, ""}, "VP8/90000", webrtc.RTPCodecTypeVideo},
	{format{forward.H264, 102, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"}, "H264/90000", webrtc.RTPCodecTypeVideo},
	{format{forward.VP9, 98, "profile-id=0"}, "VP9/90000", webrtc.RTPCodecTypeVideo},
	{format{forward.AV1, 45, ""}, "AV1/90000", webrtc.RTPCodecTypeVideo},
}

// ownCodec is that of tracks we send and do not say otherwise.
func ownCodec(kind webrtc.RTPCodecType) forward.Codec {
	if kind == webrtc.RTPCodecTypeAudio {
		return forward.Opus
	}
	return forward.VP8Codec
}

// defaultFormats are assumed until a client has said what it takes.
func defaultFormats() map[forward.Codec]format {
	out := map[forward.Codec]format{}
	for _, f := range formats {
		out[f.codec] = f.format
	}
	return out
}

// pick finds the codecs of a section that we know, and the one to be used.
func (s *remoteSection) pick() {
	for _, pt := range s.order {
		n, err := strconv.ParseUint(pt, 10, 7)
		if err != nil || n == 0 {
			continue
		}
		for _, f := range formats {
			if f.kind != s.kind || !strings.EqualFold(s.rtpmap[pt], f.name) || s.formats[f.codec].pt != 0 || !f.codecUsable(s.fmtp[pt]) {
				continue
			}
			s.formats[f.codec] = format{f.codec, uint8(n), s.fmtp[pt]}
			if s.codec == 0 || f.codec == forward.VP8Codec {
				s.codec = f.codec
			}
		}
	}
}

// codecUsable reports whether packets of a codec with these parameters look as
// we expect them.
func (f format) codecUsable(fmtp string) bool {
	switch f.codec {
	case forward.H264:
		return strings.Contains(fmtp, "packetization-mode=1")
	case forward.VP9:
		return !strings.Contains(fmtp, "profile-id=") || strings.Contains(fmtp, "profile-id=0")
	}
	return true
}

func (f format) write(b *strings.Builder, kind webrtc.RTPCodecType) {
	for _, o := range formats {
		if o.codec == f.codec {
			fmt.Fprintf(b, "a=rtpmap:%d %s\r\n", f.pt, o.name)
		}
	}
	if f.fmtp != "" {
		fmt.Fprintf(b, "a=fmtp:%d %s\r\n", f.pt, f.fmtp)
	}
	fmt.Fprintf(b, "a=rtcp-fb:%d nack\r\n", f.pt)
	if kind == webrtc.RTPCodecTypeVideo {
		fmt.Fprintf(b, "a=rtcp-fb:%d nack pli\r\na=rtcp-fb:%d ccm fir\r\n", f.pt, f.pt)
	}
	fmt.Fprintf(b, "a=rtcp-fb:%d transport-cc\r\n", f.pt)
}

// learn takes over which codecs a client knows, and how it numbers them. The
// first description of a kind says it; later ones may add to it.
func (s *session) learn(rs *remoteSection) {
	if rs.rejected || rs.codec == 0 {
		return
	}
	if !s.learned[rs.kind] {
		s.learned[rs.kind] = true
		for _, f := range formats {
			if f.kind == rs.kind {
				delete(s.formats, f.codec)
			}
		}
	}
	for c, f := range rs.formats {
		if _, known := s.formats[c]; !known {
			s.formats[c] = f
		}
	}
}

// formatsOf are the codecs of a section in a description of ours: the one in use
// first.
func (s *session) formatsOf(x *section, answer bool) []format {
	known, first := s.formats, x.codec
	if answer {
		known = x.formats
	} else if x.down != nil {
		first = x.down.track.codec
	}
	out := []format{}
	if f, ok := known[first]; ok {
		out = append(out, f)
	}
	if answer && s.member.guest != nil && s.member.guest.Sends {
		return out // so that it sends no other
	}
	for _, f := range formats {
		if k, ok := known[f.codec]; ok && f.kind == x.kind && f.codec != first {
			out = append(out, k)
		}
	}
	return out
}
