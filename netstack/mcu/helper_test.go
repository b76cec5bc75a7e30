package mcu_test

import (
	"image"
	"slices"
	"sync"
	"testing"
	"time"

	"candid/assets"
	"candid/media"
	"candid/media/codec"
	"candid/media/mix"
	"candid/media/playout"
	"candid/media/scene"
	"candid/netstack"
	"candid/netstack/mcu"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ids of members are letters.
func idOf(i int) netstack.PeerID { return netstack.PeerID(rune('a' + i)) }

// room is an Engine with what tests feed it.
type room struct {
	t testing.TB
	*mcu.Engine
	mu   sync.Mutex
	keys map[netstack.PeerID]int // key frames asked for
	quit chan struct{}
	work sync.WaitGroup
}

// newRoom starts a room; its close must be called before the test's bubble ends.
func newRoom(t testing.TB, cfg mcu.Config) *room {
	t.Helper()
	font, err := mix.ParseFont(assets.InterSemiBold)
	if err != nil {
		t.Fatal(err)
	}
	r := &room{t: t, keys: make(map[netstack.PeerID]int), quit: make(chan struct{})}
	cfg.Font = font
	cfg.KeyFrame = func(id netstack.PeerID) {
		r.mu.Lock()
		r.keys[id]++
		r.mu.Unlock()
	}
	if r.Engine, err = mcu.New(cfg); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *room) close() {
	close(r.quit)
	r.work.Wait()
	if err := r.Close(); err != nil {
		r.t.Error(err)
	}
}

func (r *room) asked(id netstack.PeerID) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys[id]
}

func (r *room) join(i int, name string) {
	r.t.Helper()
	if err := r.AddMember(idOf(i), name); err != nil {
		r.t.Fatal(err)
	}
}

// sender packetizes one track.
type sender struct {
	to  mcu.PacketSink
	seq uint16
}

func (s *sender) send(t testing.TB, payloads [][]byte, ts uint32) {
	for i, p := range payloads {
		s.seq++
		err := s.to.WriteRTP(&rtp.Packet{
			Header:  rtp.Header{Version: 2, SequenceNumber: s.seq, Timestamp: ts, Marker: i == len(payloads)-1},
			Payload: p,
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// camera sends what member i's camera sees, in w×h, until the room closes.
func (r *room) camera(i, w, h int) {
	r.t.Helper()
	time.Sleep(time.Duration(3+i%8) * time.Millisecond) // cameras do not beat with the mix
	cam := scene.NewCamera(scene.CameraOptions{Member: i, Width: w, Height: h})
	r.film(i, cam, func(int, *image.YCbCr) *image.YCbCr { return nil })
}

// film is camera with pictures that may be replaced before they are encoded.
func (r *room) film(i int, src media.VideoSource, replace func(int, *image.YCbCr) *image.YCbCr) {
	r.t.Helper()
	enc, err := codec.NewVP8Encoder(640, 360, 600_000)
	if err != nil {
		r.t.Fatal(err)
	}
	out := &sender{to: r.Video(idOf(i)), seq: uint16(65500 + i)}
	r.work.Go(func() {
		defer enc.Close()
		defer src.Close()
		began := time.Now()
		asked, payloader := 0, &codecs.VP8Payloader{EnablePictureID: true}
		for n := 0; ; n++ {
			f, err := src.ReadVideo()
			if err != nil {
				r.t.Error(err)
				return
			}
			select {
			case <-r.quit:
				return
			default:
			}
			if other := replace(n, f.Image); other != nil {
				f.Image = other
			}
			now := r.asked(idOf(i))
			data, _, err := enc.Encode(f, now != asked)
			if err != nil {
				r.t.Error(err)
				return
			}
			asked = now
			out.send(r.t, payloader.Payload(1200, data), uint32(time.Since(began).Milliseconds()*90))
		}
	})
}

// speak sends member i's tone until the room closes or stop is closed.
func (r *room) speak(i int, stop <-chan struct{}) {
	r.t.Helper()
	tone, err := scene.NewTone(scene.SoundOf(i))
	if err != nil {
		r.t.Fatal(err)
	}
	enc, err := codec.NewOpusEncoder(codec.OpusOptions{Bitrate: 64_000})
	if err != nil {
		r.t.Fatal(err)
	}
	out := &sender{to: r.Audio(idOf(i))}
	r.work.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		pcm := make([]int16, codec.OpusSamples)
		for ts := uint32(0); ; ts += codec.OpusSamples {
			select {
			case <-r.quit:
				return
			case <-stop:
				return
			case now := <-tick.C:
				tone.Fill(pcm, now)
			}
			data, err := enc.Encode(pcm)
			if err != nil {
				r.t.Error(err)
				return
			}
			out.send(r.t, [][]byte{slices.Clone(data)}, ts)
		}
	})
}

// screen decodes a mixed picture and reads the marks in it.
type screen struct {
	t    testing.TB
	view *mcu.View
	play *playout.Video

	mu      sync.Mutex
	tiles   func(size image.Point) []image.Rectangle
	marks   map[int][]scene.Mark // by sender
	late    []time.Duration
	sizes   []image.Point
	at      []time.Time
	last    *image.YCbCr
	packets []rtp.Header
}

func (s *screen) WriteRTP(p *rtp.Packet) error {
	s.mu.Lock()
	s.packets = append(s.packets, p.Header)
	s.mu.Unlock()
	s.play.Push(p.Clone(), time.Now())
	return nil
}

func (s *screen) WriteVideo(f media.VideoFrame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := f.Image.Rect.Size()
	s.sizes, s.at = append(s.sizes, size), append(s.at, time.Now())
	s.last = codec.Fit(s.last, size.X, size.Y)
	if err := codec.CopyI420(s.last, f.Image); err != nil {
		s.t.Error(err)
	}
	for _, r := range s.tiles(size) {
		if m, ok := scene.ReadStamp(f.Image.SubImage(r).(*image.YCbCr)); ok {
			s.marks[int(m.Sender)] = append(s.marks[int(m.Sender)], m)
			s.late = append(s.late, time.Since(m.Captured))
		}
	}
}

// watch shows what the room looks like for n members.
func (r *room) watch(id netstack.PeerID, size image.Point, l mix.Layout, n int) *screen {
	r.t.Helper()
	s := &screen{t: r.t, marks: make(map[int][]scene.Mark)}
	s.expect(l, n)
	dec, err := codec.NewVP8Decoder()
	if err != nil {
		r.t.Fatal(err)
	}
	s.play, err = playout.NewVideo(playout.VideoConfig{Sink: s, Decoder: dec, RequestKeyFrame: func() { s.view.RequestKeyFrame() }})
	if err != nil {
		r.t.Fatal(err)
	}
	if s.view, err = r.Watch(id, mcu.ViewOptions{Size: size, Layout: l}, s); err != nil {
		r.t.Fatal(err)
	}
	return s
}

func (s *screen) expect(l mix.Layout, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tiles = func(size image.Point) []image.Rectangle { return l.Tiles(nil, n, 0, size.X, size.Y) }
}

func (s *screen) close() {
	s.view.Close()
	if err := s.play.Close(); err != nil {
		s.t.Error(err)
	}
}

// seen is how many pictures of a sender were told by their marks.
func (s *screen) seen(sender int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.marks[sender])
}

func (s *screen) pictures() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.at)
}

// longest is the longest time without a picture.
func (s *screen) longest() (d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 1; i < len(s.at); i++ {
		d = max(d, s.at[i].Sub(s.at[i-1]))
	}
	return d
}

// unbroken fails unless sequence numbers follow each other and timestamps grow
// from frame to frame.
func unbroken(t testing.TB, what string, packets []rtp.Header, perFrame bool) {
	t.Helper()
	for i := 1; i < len(packets); i++ {
		p, q := packets[i-1], packets[i]
		if q.SequenceNumber != p.SequenceNumber+1 || q.SSRC != p.SSRC {
			t.Fatalf("%s: packet %d has number %d of %d after %d of %d", what, i, q.SequenceNumber, q.SSRC, p.SequenceNumber, p.SSRC)
		}
		step := int32(q.Timestamp - p.Timestamp)
		if (p.Marker || !perFrame) && step <= 0 || perFrame && !p.Marker && step != 0 {
			t.Fatalf("%s: packet %d (marker before: %v) is %d later", what, i, p.Marker, step)
		}
	}
}

// ear plays mixed sound and measures who is heard.
type ear struct {
	t       testing.TB
	hearing *mcu.Hearing
	play    *playout.Audio
	scene   *scene.Listener
	quit    chan struct{}
	work    sync.WaitGroup
	mu      sync.Mutex
	packets []rtp.Header
	data    [][]byte
	step    int // largest between two samples since it was set to 0
}

func (e *ear) WriteRTP(p *rtp.Packet) error {
	e.mu.Lock()
	e.packets = append(e.packets, p.Header)
	e.data = append(e.data, p.Payload)
	e.mu.Unlock()
	e.play.Push(p.Clone(), time.Now())
	return nil
}

// listen measures the sounds of n members.
func (r *room) listen(id netstack.PeerID, n int) *ear {
	r.t.Helper()
	dec, err := codec.NewOpusDecoder()
	if err != nil {
		r.t.Fatal(err)
	}
	e := &ear{t: r.t, quit: make(chan struct{})}
	if e.play, err = playout.NewAudio(playout.AudioConfig{Decoder: dec}); err != nil {
		r.t.Fatal(err)
	}
	var sounds []scene.Sound
	for i := range n {
		sounds = append(sounds, scene.SoundOf(i))
	}
	if e.scene, err = scene.NewListener(sounds...); err != nil {
		r.t.Fatal(err)
	}
	if e.hearing, err = r.Listen(id, mcu.Stream{}, e); err != nil {
		r.t.Fatal(err)
	}
	e.work.Go(func() {
		tick := time.NewTicker(media.BlockDuration)
		defer tick.Stop()
		pcm, last := make([]int16, media.BlockSamples), 0
		for {
			select {
			case <-e.quit:
				return
			case now := <-tick.C:
				e.play.ReadBlock(pcm)
				e.mu.Lock()
				for _, v := range pcm {
					e.step = max(e.step, int(v)-last, last-int(v))
					last = int(v)
				}
				e.mu.Unlock()
				e.scene.WriteAudio(media.AudioBlock{PCM: pcm, Captured: now})
			}
		}
	})
	return e
}

func (e *ear) close() {
	e.hearing.Close()
	close(e.quit)
	e.work.Wait()
}

// steepest is the largest step between two samples since it was last asked.
func (e *ear) steepest() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	step := e.step
	e.step = 0
	return step
}

// present is which members are heard now.
func (e *ear) present() (who []int) {
	for i, h := range e.scene.Heard() {
		if h.Present {
			who = append(who, i)
		}
	}
	return who
}
