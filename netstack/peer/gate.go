package peer

import (
	"sync"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
)

// LevelExtension is the header extension under which a published packet of
// sound may carry its level (RFC 6464). It leaves under the number the two
// sides agreed on, or not at all.
const LevelExtension = 1

// gate is a published track on its way to one connection. It can be shut, so
// that a track published on several connections flows only where somebody takes
// it, and gives what passes sequence numbers without a break: SRTP loses count
// in a hole of 2^15 (RFC 3711 section 3.3.1), and a NACK would ask for it.
type gate struct {
	webrtc.TrackLocal
	ask func() // for a key frame; does not block

	mu     sync.Mutex
	asked  time.Time
	shut   bool
	begins bool // a picture that was shut out goes on with a key frame
	begun  bool
	number uint16 // of the newest packet that left
	writer webrtc.TrackLocalWriter
	vp8    bool
	level  uint8 // agreed number of the level extension; 0: none
}

// askEvery is how often a gate asks for the key frame it waits for: the first
// is on its way when it is opened.
const askEvery = 200 * time.Millisecond

func newGate(t webrtc.TrackLocal, ask func()) *gate { return &gate{TrackLocal: t, ask: ask} }

// set opens or shuts the gate.
func (g *gate) set(open bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut == !open {
		return
	}
	g.shut = !open
	if open {
		g.begins, g.asked = g.TrackLocal.Kind() == webrtc.RTPCodecTypeVideo, time.Now()
	}
}

// Bind puts the gate between the track and the connection.
func (g *gate) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	g.mu.Lock()
	g.writer, g.level = c.WriteStream(), 0
	for _, e := range c.HeaderExtensions() {
		if e.URI == audioLevelURI && g.TrackLocal.Kind() == webrtc.RTPCodecTypeAudio {
			g.level = uint8(e.ID)
		}
	}
	g.mu.Unlock()
	codec, err := g.TrackLocal.Bind(gatedContext{c, g})
	g.mu.Lock()
	g.vp8 = codec.MimeType == webrtc.MimeTypeVP8
	g.mu.Unlock()
	return codec, err
}

// gatedContext hands the track the gate instead of the connection.
type gatedContext struct {
	webrtc.TrackLocalContext
	g *gate
}

func (c gatedContext) WriteStream() webrtc.TrackLocalWriter { return c.g }

// WriteRTP lets a packet pass, or not. Packets come in order.
func (g *gate) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	g.mu.Lock()
	if g.shut || g.begins && !g.keyFrame(payload) {
		ask := !g.shut && time.Since(g.asked) > askEvery
		if ask {
			g.asked = time.Now()
		}
		g.mu.Unlock()
		if ask {
			g.ask()
		}
		return 0, nil
	}
	g.begins = false
	if g.number++; !g.begun {
		g.begun, g.number = true, h.SequenceNumber
	}
	own := *h // the other connections of the track get the same header
	own.SequenceNumber = g.number
	w, level := g.writer, g.level
	g.mu.Unlock()
	if value := h.GetExtension(LevelExtension); value != nil {
		own.Extension, own.Extensions = false, nil
		if level != 0 {
			if err := own.SetExtension(level, value); err != nil {
				return 0, err
			}
		}
	}
	return w.WriteRTP(&own, payload)
}

// keyFrame reports whether a packet begins a frame that needs no other.
func (g *gate) keyFrame(payload []byte) bool {
	if !g.vp8 {
		return true
	}
	var v codecs.VP8Packet
	frame, err := v.Unmarshal(payload)
	return err == nil && v.S == 1 && v.PID == 0 && len(frame) > 0 && frame[0]&1 == 0
}

// Write lets a whole packet pass.
func (g *gate) Write(b []byte) (int, error) {
	var p rtp.Packet
	if err := p.Unmarshal(b); err != nil {
		return 0, err
	}
	return g.WriteRTP(&p.Header, p.Payload)
}
