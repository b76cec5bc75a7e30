package peer

import "github.com/pion/webrtc/v4"

// ForeignVideo is what other clients may send beside VP8: VP9, H.264 and AV1,
// for Config.Codecs of one who decodes them. We send none of them.
func ForeignVideo() []Codec {
	codec := func(mime, fmtp string, number webrtc.PayloadType) Codec {
		return Codec{webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: mime, ClockRate: vp8.ClockRate, SDPFmtpLine: fmtp, RTCPFeedback: vp8.RTCPFeedback,
			},
			PayloadType: number,
		}, webrtc.RTPCodecTypeVideo}
	}
	return []Codec{
		codec(webrtc.MimeTypeVP9, "profile-id=0", 98), // 8 bit 4:2:0
		codec(webrtc.MimeTypeH264, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", 102),
		codec(webrtc.MimeTypeAV1, "profile=0", 45),
	}
}
