package codec

import (
	"fmt"
	"sync"

	"candid/media"

	"gopkg.in/hraban/opus.v2"
)

// Opus works here on 20 ms at a time, the size WebRTC sends.
const (
	OpusSamples = media.SampleRate / 50 // of one packet we send
	// MaxOpusSamples is the longest packet there is, 120 ms (RFC 6716 section
	// 3.2.5): room for whatever another sender packs.
	MaxOpusSamples = media.SampleRate * 120 / 1000
	// MaxOpusPacket is the longest frame of Opus in bytes (RFC 6716 section
	// 3.2.1), and far more than fits a network packet.
	MaxOpusPacket = 1275
	// OpusSilence is the longest packet that says nothing but "still silent":
	// under DTX it need not be sent.
	OpusSilence = 2
)

// The bitrates an Opus encoder can be asked for, in bit/s (RFC 6716 section 2.1.1).
const (
	MinAudioBitrate     = 6_000
	MaxAudioBitrate     = 128_000
	DefaultAudioBitrate = 40_000
)

// OpusOptions are the settings of an encoder.
type OpusOptions struct {
	// Bitrate in bit/s; 0 is DefaultAudioBitrate.
	Bitrate int
	// LossPercent is the loss to be ready for: from 1 on, packets carry a
	// coarse copy of the one before (in-band FEC).
	LossPercent int
	// DTX sends next to nothing while it is silent.
	DTX bool
}

// OpusEncoder encodes 48 kHz mono. It may be used from any goroutine.
type OpusEncoder struct {
	mu  sync.Mutex
	enc *opus.Encoder
	out []byte
}

// NewOpusEncoder makes an encoder. It needs no closing.
func NewOpusEncoder(o OpusOptions) (*OpusEncoder, error) {
	enc, err := opus.NewEncoder(media.SampleRate, 1, opus.AppVoIP)
	if err != nil {
		return nil, fmt.Errorf("open opus encoder: %w", err)
	}
	e := &OpusEncoder{enc: enc, out: make([]byte, MaxOpusPacket)}
	if err := enc.SetInBandFEC(true); err != nil {
		return nil, fmt.Errorf("turn on opus fec: %w", err)
	}
	if o.Bitrate == 0 {
		o.Bitrate = DefaultAudioBitrate
	}
	if err := e.SetBitrate(o.Bitrate); err != nil {
		return nil, err
	}
	if err := e.SetLoss(o.LossPercent); err != nil {
		return nil, err
	}
	return e, e.SetDTX(o.DTX)
}

// Encode encodes OpusSamples samples. The packet is valid until the next Encode.
func (e *OpusEncoder) Encode(pcm []int16) ([]byte, error) {
	if len(pcm) != OpusSamples {
		return nil, fmt.Errorf("encode opus: %d samples, not %d", len(pcm), OpusSamples)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	n, err := e.enc.Encode(pcm, e.out)
	if err != nil {
		return nil, fmt.Errorf("encode opus: %w", err)
	}
	return e.out[:n], nil
}

// SetBitrate sets the bitrate in bit/s, held within MinAudioBitrate and
// MaxAudioBitrate.
func (e *OpusEncoder) SetBitrate(bps int) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	bps = min(max(bps, MinAudioBitrate), MaxAudioBitrate)
	if err := e.enc.SetBitrate(bps); err != nil {
		return fmt.Errorf("set opus bitrate to %d: %w", bps, err)
	}
	return nil
}

// SetLoss sets the loss to be ready for, in percent. More than 30 is taken as
// 30: beyond, the copies leave too little for the sound itself.
func (e *OpusEncoder) SetLoss(percent int) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	percent = min(max(percent, 0), 30)
	if err := e.enc.SetPacketLossPerc(percent); err != nil {
		return fmt.Errorf("set opus loss to %d %%: %w", percent, err)
	}
	return nil
}

// SetDTX turns discontinuous transmission on or off.
func (e *OpusEncoder) SetDTX(on bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.enc.SetDTX(on); err != nil {
		return fmt.Errorf("set opus dtx: %w", err)
	}
	return nil
}

// OpusDecoder decodes to 48 kHz mono. It belongs to one goroutine. Packets are
// to be given to it in order; what is missing is filled with DecodeFEC, when
// the packet after the hole is here, or with DecodePLC.
type OpusDecoder struct {
	dec *opus.Decoder
}

// NewOpusDecoder makes a decoder. It needs no closing.
func NewOpusDecoder() (*OpusDecoder, error) {
	dec, err := opus.NewDecoder(media.SampleRate, 1)
	if err != nil {
		return nil, fmt.Errorf("open opus decoder: %w", err)
	}
	return &OpusDecoder{dec: dec}, nil
}

// Decode decodes a packet into pcm and returns how many samples it held. pcm
// should have room for MaxOpusSamples; a packet that does not fit is an error.
func (d *OpusDecoder) Decode(packet []byte, pcm []int16) (int, error) {
	n, err := PacketSamples(packet)
	if err != nil {
		return 0, fmt.Errorf("decode opus: %w", err)
	}
	if n > len(pcm) {
		return 0, fmt.Errorf("decode opus: packet of %d samples, room for %d", n, len(pcm))
	}
	// The binding writes up to the capacity, not the length.
	got, err := d.dec.Decode(packet, pcm[:n:n])
	if err != nil {
		return 0, fmt.Errorf("decode opus: %w: %w", ErrMalformed, err)
	}
	return got, nil
}

// DecodeFEC fills pcm with the sound just before next, from the copy that next
// carries, or by concealment where it carries none. len(pcm) is the length of
// the hole: a multiple of 2.5 ms, at most 120 ms. next is still to be decoded.
func (d *OpusDecoder) DecodeFEC(next []byte, pcm []int16) error {
	if _, err := PacketSamples(next); err != nil {
		return fmt.Errorf("decode opus fec: %w", err)
	}
	if err := checkHole(len(pcm)); err != nil {
		return fmt.Errorf("decode opus fec: %w", err)
	}
	if err := d.dec.DecodeFEC(next, pcm[:len(pcm):len(pcm)]); err != nil {
		return fmt.Errorf("decode opus fec: %w: %w", ErrMalformed, err)
	}
	return nil
}

// DecodePLC fills pcm with a guess at what is missing; it fades to silence when
// called again and again. len(pcm) as for DecodeFEC.
func (d *OpusDecoder) DecodePLC(pcm []int16) error {
	if err := checkHole(len(pcm)); err != nil {
		return fmt.Errorf("conceal opus: %w", err)
	}
	if err := d.dec.DecodePLC(pcm[:len(pcm):len(pcm)]); err != nil {
		return fmt.Errorf("conceal opus: %w", err)
	}
	return nil
}

func checkHole(n int) error {
	const grain = media.SampleRate / 400 // 2.5 ms
	if n == 0 || n%grain != 0 || n > MaxOpusSamples {
		return fmt.Errorf("hole of %d samples is not 2.5 to 120 ms", n)
	}
	return nil
}

// PacketSamples returns how many samples (at 48 kHz, per channel) a packet
// holds, from its first two bytes (RFC 6716 section 3.1).
func PacketSamples(packet []byte) (int, error) {
	if len(packet) == 0 || len(packet) > MaxOpusPacket {
		return 0, fmt.Errorf("opus packet of %d bytes: %w", len(packet), ErrMalformed)
	}
	frame := frameSamples(packet[0] >> 3)
	frames := 1
	switch packet[0] & 3 {
	case 1, 2:
		frames = 2
	case 3:
		if len(packet) < 2 {
			return 0, fmt.Errorf("opus packet without its frame count: %w", ErrMalformed)
		}
		frames = int(packet[1] & 0x3f)
	}
	if frames == 0 || frames*frame > MaxOpusSamples {
		return 0, fmt.Errorf("opus packet of %d frames of %d samples: %w", frames, frame, ErrMalformed)
	}
	return frames * frame, nil
}

// frameSamples is the length of a frame for a configuration number (RFC 6716
// table 2).
func frameSamples(config byte) int {
	const ms = media.SampleRate / 1000
	switch {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		return [4]int{10 * ms, 20 * ms, 40 * ms, 60 * ms}[config%4]
	case config < 16: // hybrid: 10, 20 ms
		return [2]int{10 * ms, 20 * ms}[config%2]
	default: // CELT: 2.5, 5, 10, 20 ms
		return media.SampleRate / 400 << (config % 4)
	}
}
