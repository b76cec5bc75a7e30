package peer

import (
	"fmt"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/cc"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/interceptor/pkg/stats"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// Loss is asked for again every nackEvery, nackTries times: for half a second,
// in which three repairs come over a long line. RTX is not negotiated, because
// pion's pacing drops its packets and its NACK generator does not know them: lost
// packets are sent again on their own SSRC.
const (
	nackEvery = 20 * time.Millisecond
	nackTries = 25
)

// Header extensions beside those of transport-wide congestion control.
const (
	audioLevelURI = sdp.AudioLevelURI // RFC 6464
	midURI        = sdp.SDESMidURI
	ridURI        = sdp.SDESRTPStreamIDURI
)

// vp8 and opus are what everyone speaks (RFC 7742, RFC 7874).
var (
	vp8 = webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeVP8, ClockRate: 90000,
			RTCPFeedback: []webrtc.RTCPFeedback{{Type: "ccm", Parameter: "fir"}},
		},
		PayloadType: 96,
	}
	opus = webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2,
			SDPFmtpLine: "minptime=10;useinbandfec=1",
			// Sound asked for again is in time where the round trip is short,
			// and costs next to nothing.
			RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}},
		},
		PayloadType: 111,
	}
)

// mediaEngine registers codecs by hand: the default set brings RTX.
func mediaEngine(more []Codec) (*webrtc.MediaEngine, error) {
	m := &webrtc.MediaEngine{}
	all := append([]Codec{{vp8, webrtc.RTPCodecTypeVideo}, {opus, webrtc.RTPCodecTypeAudio}}, more...)
	for _, c := range all {
		if err := m.RegisterCodec(c.RTPCodecParameters, c.Kind); err != nil {
			return nil, fmt.Errorf("registering %s: %w", c.MimeType, err)
		}
	}
	for _, e := range []struct {
		uri  string
		kind webrtc.RTPCodecType
	}{
		{midURI, webrtc.RTPCodecTypeAudio}, {midURI, webrtc.RTPCodecTypeVideo},
		{ridURI, webrtc.RTPCodecTypeVideo}, {audioLevelURI, webrtc.RTPCodecTypeAudio},
	} {
		if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: e.uri}, e.kind); err != nil {
			return nil, fmt.Errorf("registering header extension %s: %w", e.uri, err)
		}
	}
	return m, nil
}

// measured is what a PeerConnection's interceptors tell.
type measured struct {
	bandwidth *estimator
	repairs   *repairs
	streams   stats.Getter
}

// api makes a webrtc.API for one PeerConnection. Each has its own, because
// pion finds a connection's statistics by an identity made of the clock.
func (f *Factory) api(n *network, w *wishes) (*webrtc.API, *measured, error) {
	media, err := mediaEngine(f.config.Codecs)
	if err != nil {
		return nil, nil, err
	}
	registry, out := &interceptor.Registry{}, &measured{repairs: newRepairs()}
	// The order matters: what is added first is nearest to the wire. Statistics
	// see all that is sent and received, the reports and NACKs of others too;
	// retransmissions come before pacing, and numbering after it: what arrives in
	// another order than that of its numbers is reported again and again.
	if err := f.addStats(registry, out); err != nil {
		return nil, nil, err
	}
	if err := webrtc.ConfigureTWCCHeaderExtensionSender(media, registry); err != nil {
		return nil, nil, fmt.Errorf("preparing transport-wide feedback: %w", err)
	}
	control, err := cc.NewInterceptor(func() (cc.BandwidthEstimator, error) {
		out.bandwidth = f.newEstimator(out.repairs.again)
		return out.bandwidth, nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("preparing congestion control: %w", err)
	}
	registry.Add(control)
	registry.Add(out.repairs)
	if err := webrtc.ConfigureNackWithOptions(media, registry, []nack.GeneratorOption{
		nack.GeneratorInterval(nackEvery), nack.GeneratorMaxNacksPerPacket(nackTries), nack.WithGeneratorLoggerFactory(f.logs),
	}, nack.WithResponderLoggerFactory(f.logs)); err != nil {
		return nil, nil, fmt.Errorf("preparing retransmission: %w", err)
	}
	if err := webrtc.ConfigureRTCPReportsWithOptions(registry,
		[]report.ReceiverOption{report.WithReceiverLoggerFactory(f.logs)}, report.WithSenderLoggerFactory(f.logs)); err != nil {
		return nil, nil, fmt.Errorf("preparing RTCP reports: %w", err)
	}
	if err := webrtc.ConfigureTWCCSenderWithOptions(media, registry, twcc.WithLoggerFactory(f.logs)); err != nil {
		return nil, nil, fmt.Errorf("preparing transport-wide feedback: %w", err)
	}
	return webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithInterceptorRegistry(registry), webrtc.WithSettingEngine(f.settings(n, w))), out, nil
}

func (f *Factory) addStats(registry *interceptor.Registry, out *measured) error {
	s, err := stats.NewInterceptor(stats.WithLoggerFactory(f.logs))
	if err != nil {
		return fmt.Errorf("preparing statistics: %w", err)
	}
	s.OnNewPeerConnection(func(_ string, g stats.Getter) { out.streams = g })
	registry.Add(s)
	return nil
}
