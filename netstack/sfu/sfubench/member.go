package main

import (
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"candid/netstack"
	"candid/netstack/sfu"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
)

// base is what times in packets count from.
var base = time.Now()

const stampSize = 8

// member is a client in the room.
type member struct {
	id        netstack.PeerID
	load      *load
	talker    *talker
	transport *sfu.Transport
	begun     time.Time
	first     chan time.Time

	mu     sync.Mutex
	count  int // streams
	delays []time.Duration
	got    int
	lost   int
	began  bool
}

func (m *member) watch() {
	for e := range m.transport.Events() {
		switch e := e.(type) {
		case netstack.TrackAdded:
			m.transport.Wish(sfu.Wish{Peer: e.Peer, Track: e.Track.ID(), Height: m.load.o.height})
			m.load.wg.Go(func() { m.read(e.Track) })
		case netstack.KeyFrameRequested:
			if m.talker != nil {
				m.talker.key.Store(true)
			}
		}
	}
}

func (m *member) read(t netstack.RemoteTrack) {
	last, any := uint16(0), false
	for {
		p, _, err := t.ReadRTP()
		if err != nil {
			return
		}
		now := time.Now()
		m.mu.Lock()
		if !m.began {
			m.began = true
			m.first <- now
		}
		if !any {
			m.count++
		}
		m.got++
		if n := len(p.Payload); n > stampSize {
			sent := time.Duration(binary.BigEndian.Uint64(p.Payload[n-stampSize:]))
			m.delays = append(m.delays, now.Sub(base)-sent)
		}
		if gap := p.SequenceNumber - last - 1; any && gap < 1000 {
			m.lost += int(gap)
		} else if any && gap > 1<<15 {
			m.lost-- // it was only late
		}
		if !any || int16(p.SequenceNumber-last) > 0 {
			last, any = p.SequenceNumber, true
		}
		m.mu.Unlock()
	}
}

func (m *member) waitFirst() (time.Duration, error) {
	select {
	case at := <-m.first:
		return at.Sub(m.begun), nil
	case <-time.After(joinPatience):
		return 0, errors.New("a member got no packet: " + string(m.id))
	}
}

func (m *member) streams() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.count
}

func (m *member) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.delays, m.got, m.lost = m.delays[:0], 0, 0
}

func (m *member) take() (delays []time.Duration, got, lost int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.delays, m.got, m.lost
}

// talker makes sound and a picture as an encoder would: 30 frames a second cut
// into packets of one size, sound every 20 ms.
type talker struct {
	o            options
	mic, camera  *webrtc.TrackLocalStaticRTP
	key          atomic.Bool
	stop         chan struct{}
	sound, video rtp.Sequencer
	payloader    codecs.VP8Payloader
}

const (
	keyFrameFactor = 4 // a key frame is so much larger
	packetSize     = 1100
)

func newTalker(o options) (*talker, error) {
	t := &talker{o: o, stop: make(chan struct{}), sound: rtp.NewRandomSequencer(), video: rtp.NewRandomSequencer()}
	t.payloader.EnablePictureID = true
	var err [2]error
	t.mic, err[0] = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "mic", "own")
	t.camera, err[1] = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, "camera", "own")
	t.key.Store(true)
	return t, errors.Join(err[:]...)
}

func (t *talker) tracks() []webrtc.TrackLocal { return []webrtc.TrackLocal{t.mic, t.camera} }

func (t *talker) run() {
	sound, picture := time.NewTicker(20*time.Millisecond), time.NewTicker(time.Second/30)
	defer sound.Stop()
	defer picture.Stop()
	for n, f := uint32(0), uint32(0); ; {
		select {
		case <-t.stop:
			return
		case <-sound.C:
			n++
			p := &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: t.sound.NextSequenceNumber(), Timestamp: n * 960}, Payload: make([]byte, 80)}
			stamp(p)
			_ = t.mic.WriteRTP(p)
		case <-picture.C:
			f++
			t.frame(f * 3000)
		}
	}
}

func (t *talker) frame(ts uint32) {
	size := t.o.bitrate / 30 / 8
	key := t.key.Swap(false)
	if key {
		size *= keyFrameFactor
	}
	frame := make([]byte, size)
	frame[0] = 1
	if key {
		w, h := t.o.height*16/9, t.o.height
		copy(frame, []byte{0, 0, 0, 0x9d, 0x01, 0x2a, byte(w), byte(w >> 8), byte(h), byte(h >> 8)})
	}
	parts := t.payloader.Payload(packetSize, frame)
	for i, part := range parts {
		p := &rtp.Packet{Header: rtp.Header{Version: 2, Marker: i == len(parts)-1, SequenceNumber: t.video.NextSequenceNumber(), Timestamp: ts}, Payload: part}
		stamp(p)
		_ = t.camera.WriteRTP(p)
	}
}

// stamp writes the time at the end of a payload; an SFU leaves it there.
func stamp(p *rtp.Packet) {
	if n := len(p.Payload); n > stampSize+6 {
		binary.BigEndian.PutUint64(p.Payload[n-stampSize:], uint64(time.Since(base)))
	}
}
