// Package playout plays what arrives from a network: RTP packets are put in
// order, decoded, and handed on at the right moment.
//
//   - Video is one remote picture: packets in, pictures out to a
//     media.VideoSink, each the moment it is complete.
//   - Audio is one remote sound: packets in, and a media.Voice out that is
//     pulled in blocks of 10 ms by whoever plays it.
//   - Sync keeps the two of one member together.
//   - Mixer sums voices; Speaker and NullSpeaker pull it.
//
// Nothing here trusts a packet: memory is bounded, and what makes no sense is
// dropped and counted.
package playout

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
)

// RTPReader is where packets come from: netstack.RemoteTrack and
// *webrtc.TrackRemote are such.
type RTPReader interface {
	// ReadRTP blocks until a packet arrives; io.EOF after the track ended. The
	// packet belongs to the caller.
	ReadRTP() (*rtp.Packet, interceptor.Attributes, error)
}

// SenderReport ties an RTP timestamp to the sender's wall clock (RFC 3550
// section 6.4.1). It has the shape of netstack.SenderReport.
type SenderReport struct {
	NTP     time.Time // sender's clock
	RTPTime uint32
	At      time.Time // when it arrived here
}

// pump feeds push with what r yields until r ends.
func pump(r RTPReader, now func() time.Time, push func(*rtp.Packet, time.Time)) error {
	for {
		p, _, err := r.ReadRTP()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read rtp: %w", err)
		}
		push(p, now())
	}
}

func orDiscard(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return log
}

// unwrap16 and unwrap32 continue a counter that wraps: they return the value
// nearest to last that looks like v on the wire.
func unwrap16(last int64, v uint16) int64 { return last + int64(int16(v-uint16(last))) }
func unwrap32(last int64, v uint32) int64 { return last + int64(int32(v-uint32(last))) }
