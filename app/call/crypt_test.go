package call_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"candid/app/call"
	"candid/media"
	"candid/media/codec"
	"candid/media/playout"
	"candid/media/scene"
	"candid/netstack"
	"candid/netstack/contacts"
	"candid/netstack/identity"
	"candid/netstack/sframe"
	"candid/netstack/sfu"
	"candid/netstack/signal"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

func sealedHall(t *testing.T) *hall { return newHallOf(t, signal.RoomOptions{EndToEnd: true}) }

// Two see and hear each other on every path that an encrypted room has, and can
// compare words.
func TestEncryptedCall(t *testing.T) {
	t.Parallel()
	h := sealedHall(t)
	ada, noor := joinAs(t, h.invite, "Ada", 0, 1), joinAs(t, h.invite, "Noor", 1, 0)
	for _, to := range []netstack.Topology{netstack.SFU, netstack.P2P} {
		h.planAll(to)
		on(t, to, ada, noor)
		seesAndHears(t, ada, noor)
	}
	h.planAll(netstack.MCU) // refused: a host cannot mix what it cannot see
	on(t, netstack.SFU, ada, noor)
	seesAndHears(t, ada, noor)
	for _, c := range append(ada.PathChanges(), noor.PathChanges()...) {
		t.Logf("%v → %v: %d missing, %d repeated, %v concealed", c.From, c.To, c.Missing, c.Repeated, c.Concealed)
		if c.Repeated > 0 { // that nothing is missing is TestChangeOfPath's
			t.Errorf("a frame was shown twice: %+v", c)
		}
	}
	if !ada.Snapshot().Encrypted {
		t.Error("not said to be encrypted")
	}
	a, n := ada.Snapshot().Self.ID, noor.Snapshot().Self.ID
	if w := ada.SafetyWords(n); len(w) != 4 || !slices.Equal(w, noor.SafetyWords(a)) {
		t.Errorf("words %q and %q", w, noor.SafetyWords(a))
	}
	safety(t, ada, call.SafetyWords)
	ada.SetVerified(n, true)
	safety(t, ada, call.SafetyVerified)
	safety(t, noor, call.SafetyWords) // who compares is who knows

	ada.SetVerified(n, false)
	safety(t, ada, call.SafetyChanged)
	until(t, "Noor sees nothing of Ada any more, and is told", func() bool {
		return noor.Snapshot().Others[0].Problem == "cannot be decrypted yet"
	})
	defer explain(t, []*person{ada, noor})
	seen := ada.meter.seen.Seen().Frames
	until(t, "Ada sees on", func() bool { return ada.meter.seen.Seen().Frames > seen+10 })
	ada.SetVerified(n, true)
	seesAndHears(t, noor)
}

// safety waits for what somebody knows of the only other.
func safety(t *testing.T, p *person, want call.Safety) {
	t.Helper()
	until(t, "safety", func() bool { o := p.Snapshot().Others; return len(o) == 1 && o[0].Safety == want })
}

// Whoever was compared with is known in the next call; another under the same
// name is told apart.
func TestKnownAgain(t *testing.T) {
	dir := t.TempDir()
	join := func(h *hall, name, dir string, member int) *person {
		t.Helper()
		book, err := contacts.Open(dir, signal.Looks)
		if err != nil {
			t.Fatal(err)
		}
		cfg := call.Config{Invite: h.invite, Name: name, Contacts: book}
		if dir != "" {
			if cfg.Person, err = identity.LoadOrCreatePerson(dir); err != nil {
				t.Fatal(err)
			}
		}
		return joinConfig(t, cfg, newStudio(t, member, 1-member))
	}
	ada, noor := dir+"/ada", dir+"/noor"
	for round, want := range []call.Safety{call.SafetyWords, call.SafetyVerified} {
		h := sealedHall(t)
		a, n := join(h, "Ada", ada, 0), join(h, "Noor", noor, 1)
		safety(t, a, want)
		if round == 0 {
			a.SetVerified(n.Snapshot().Self.ID, true)
			safety(t, a, call.SafetyVerified)
		}
		n.leave()
		a.leave()
	}
	h := sealedHall(t)
	a := join(h, "Ada", ada, 0)
	join(h, "nооr", "", 1) // with Cyrillic letters
	safety(t, a, call.SafetyChanged)
	if !has(a, func(n call.Noticed) bool { return n.Bad }) {
		t.Error("Ada was not told")
	}
}

// tap is what a host can see: the packets it forwards, decrypted as far as it
// can.
type tap struct {
	mu     sync.Mutex
	video  *playout.Video
	audio  *playout.Audio
	seen   scene.Watcher
	frames map[uint32][][]byte // payloads by timestamp
	whole  []wholeFrame
}

type wholeFrame struct {
	data []byte
	ts   uint32
	at   time.Time
}

func (p *tap) TakeRTP(from sfu.Source, packet *rtp.Packet) {
	q := packet.Clone()
	if from.Kind == webrtc.RTPCodecTypeAudio {
		p.audio.Push(q, time.Now())
		return
	}
	p.video.Push(q, time.Now())
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frames[q.Timestamp] = append(p.frames[q.Timestamp], q.Payload)
	if q.Marker {
		format, _ := playout.FormatFor("video/VP8")
		if data, _, err := format.Assemble(nil, p.frames[q.Timestamp]); err == nil {
			p.whole = append(p.whole, wholeFrame{data, q.Timestamp, time.Now()})
		}
		delete(p.frames, q.Timestamp)
	}
}

func (p *tap) TakeReport(sfu.Source, netstack.SenderReport) {}

func (p *tap) WriteVideo(f media.VideoFrame) {
	mark, ok := scene.ReadStamp(f.Image)
	p.seen.See(mark, ok, time.Now())
}

// count is how many whole frames passed.
func (p *tap) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.whole)
}

// newTap listens in on one member, and for its tone.
func newTap(t *testing.T, h *hall, from netstack.PeerID, member int) (*tap, *scene.Listener) {
	t.Helper()
	p := &tap{frames: map[uint32][][]byte{}}
	vp8, err := codec.NewVP8Decoder()
	if err != nil {
		t.Fatal(err)
	}
	opus, err := codec.NewOpusDecoder()
	if err != nil {
		t.Fatal(err)
	}
	if p.video, err = playout.NewVideo(playout.VideoConfig{Sink: p, Decoder: vp8}); err != nil {
		t.Fatal(err)
	}
	if p.audio, err = playout.NewAudio(playout.AudioConfig{Decoder: opus}); err != nil {
		t.Fatal(err)
	}
	ear, err := scene.NewListener(scene.SoundOf(member))
	if err != nil {
		t.Fatal(err)
	}
	at, err := h.room.Tap(p)
	if err != nil {
		t.Fatal(err)
	}
	at.Wish(sfu.Wish{Peer: from, Track: "camera", Height: 720}, sfu.Wish{Peer: from, Track: "mic", Height: 1})
	quit := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(media.BlockDuration)
		defer tick.Stop()
		pcm := make([]int16, media.BlockSamples)
		for {
			select {
			case <-quit:
				return
			case now := <-tick.C:
				p.audio.ReadBlock(pcm)
				ear.WriteAudio(media.AudioBlock{PCM: pcm, Captured: now})
			}
		}
	})
	t.Cleanup(func() {
		at.Close()
		close(quit)
		wg.Wait()
		_ = p.video.Close()
	})
	return p, ear
}

// Issue 5, point 7: a room observed at its host. Whatever passes there, no
// picture can be read and no tone heard; in a room that is not encrypted both
// can.
func TestHostSeesNothing(t *testing.T) {
	t.Parallel()
	for _, sealed := range []bool{false, true} {
		h := newHallOf(t, signal.RoomOptions{EndToEnd: sealed})
		h.planAll(netstack.SFU)
		ada, noor := joinAs(t, h.invite, "Ada", 0, 1), joinAs(t, h.invite, "Noor", 1, 0)
		on(t, netstack.SFU, ada, noor)
		host, ear := newTap(t, h, ada.Snapshot().Self.ID, 0)
		until(t, "frames at the host", func() bool { return host.count() > 60 })
		seesAndHears(t, noor)
		if !sealed {
			until(t, "the host sees and hears", func() bool { return host.seen.Seen().Frames > 10 && ear.Heard()[0].SNR > 20 })
		} else if s, heard := host.seen.Seen(), ear.Heard()[0]; s.Frames > 0 || heard.Windows > 0 && heard.SNR > -10 { // noise has some of every tone
			t.Errorf("the host saw %+v and heard %+v", s, heard)
		} else {
			t.Logf("%d frames passed the host: %d pictures read, the tone %.0f dB below the noise", host.count(), s.Frames, -heard.SNR)
		}
		ada.leave()
		noor.leave()
	}
}

// Issue 5, point 7: who was removed decodes nothing once the others have changed
// their keys, even if it hears every packet, at the host.
func TestRemovedDecodesNothing(t *testing.T) {
	t.Parallel()
	h := sealedHall(t)
	h.planAll(netstack.SFU)
	ada, noor := joinAs(t, h.invite, "Ada", 0, 1), joinAs(t, h.invite, "Noor", 1, 0)
	kim := joinAs(t, h.invite, "Kim", 2, 0)
	on(t, netstack.SFU, ada, noor, kim)
	seesAndHears(t, noor, kim)
	id := ada.Snapshot().Self.ID
	host, _ := newTap(t, h, id, 0)
	until(t, "frames at the host", func() bool { return host.count() > 30 })
	open := kim.Opener(id, "camera", "video/VP8")
	kim.leave()
	left := time.Now()
	at := host.count()
	until(t, "frames after Kim has left", func() bool { return host.count() > at+40 })
	host.mu.Lock()
	defer host.mu.Unlock()
	opened, late, last, changed := 0, 0, time.Duration(0), time.Duration(0)
	for _, f := range host.whole {
		_, err := open(f.ts, bytes.Clone(f.data))
		switch after := f.at.Sub(left); {
		case err == nil && changed > 0:
			late++
		case err == nil:
			opened++
			last = max(last, after)
		case after > 0 && changed == 0:
			changed = after // the first frame of the new key
		}
	}
	t.Logf("%d of %d frames opened for Kim, the last %v after she left; the key changed %v after it; %d opened after that", opened, len(host.whole), last, changed, late)
	if late > 0 || changed == 0 {
		t.Errorf("%d frames opened for Kim after the key changed (%v)", late, changed)
	}
	if opened == 0 {
		t.Error("Kim opened nothing before either: the test is no test")
	}
	if last > 2*time.Second { // 300 ms is what e2ee holds to; this machine may be busy
		t.Errorf("Kim opened a frame %v after she left", last)
	}
}

// Issue 5, point 7: frames that are sent again, in another order, as another's or
// as another track's are never shown.
func TestSwappedAndReplayedAreNotShown(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 1))
	mine, other := stream(t, 0), stream(t, 1)
	keys := sframe.NewReceiver(nil)
	if err := keys.Add(0, bytes.Repeat([]byte{0}, sframe.SecretSize)); err != nil {
		t.Fatal(err)
	}
	opener := keys.Track("camera", "SFU")
	decoder, err := codec.NewVP8Decoder()
	if err != nil {
		t.Fatal(err)
	}
	defer decoder.Close()
	shown := map[int64]int{}
	newest := int64(-1)
	show := func(f []byte) {
		plain, err := opener.Open("video/VP8", 7, bytes.Clone(f))
		if err != nil {
			return
		}
		img, err := decoder.Decode(plain)
		if err != nil {
			return
		}
		mark, ok := scene.ReadStamp(img)
		if !ok || mark.Sender != 0 {
			t.Fatalf("shown: %+v, %v", mark, ok)
		}
		if n := int64(mark.Frame); n > newest {
			newest = n
		} else {
			t.Errorf("frame %d was shown after %d", n, newest)
		}
		shown[int64(mark.Frame)]++
	}
	for i, f := range mine {
		show(f)
		show(other[i])                      // another member's
		show(f)                             // again
		show(mine[rng.IntN(i+1)])           // an old one
		show(mine[max(i-1-rng.IntN(5), 0)]) // one just past
	}
	t.Logf("%d frames of %d shown, each once and in order; %d swapped or replayed ones not", len(shown), len(mine), 4*len(mine))
	if len(shown) != len(mine) {
		t.Errorf("%d of %d frames were shown", len(shown), len(mine))
	}
}

// stream is what a member sends: sealed VP8 frames of the scene.
func stream(t *testing.T, member int) [][]byte {
	t.Helper()
	sender, err := sframe.NewSender(0, bytes.Repeat([]byte{byte(member)}, sframe.SecretSize))
	if err != nil {
		t.Fatal(err)
	}
	seal, err := sender.Track("camera")
	if err != nil {
		t.Fatal(err)
	}
	encoder, err := codec.NewVP8Encoder(320, 180, 300_000)
	if err != nil {
		t.Fatal(err)
	}
	defer encoder.Close()
	camera := scene.NewCamera(scene.CameraOptions{Width: 320, Height: 180, Member: member})
	defer camera.Close()
	var out [][]byte
	for len(out) < 60 {
		f, err := camera.ReadVideo()
		if err != nil {
			t.Fatal(err)
		}
		data, _, err := encoder.Encode(f, false)
		if err != nil {
			t.Fatal(err)
		}
		if len(data) == 0 {
			continue
		}
		sealed, err := seal.Seal(nil, "video/VP8", 7, data)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, sealed)
	}
	return out
}
