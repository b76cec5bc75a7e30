package call_test

import (
	"encoding/json"
	"image"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"candid/app/call"
	"candid/app/host"
	"candid/media/mix"
	"candid/media/scene"
	"candid/netstack"
	"candid/netstack/invite"
	"candid/netstack/mcu"
	"candid/netstack/sfu"
)

// This file is the processes of TestWander: a host and members that can be
// killed as only a process can. Each is this test program again, takes orders
// on its standard input and answers each with what it knows. When that ends it
// puts everything away, and fails if something is left.

// walkerEnv holds, in such a process, what it is to be.
const walkerEnv = "CANDID_TEST_WALKER"

// role is what a process is to be: a member if it has an invite, or else a host.
type role struct {
	Invite string
	Name   string
	Slot   int // its tone and the sender number of its pictures

	Dir  string
	Port int
}

// order is something a process is to do. All are followed by an answer.
type order struct {
	Do   string // "tell", "listen", "mute", "camera", "hand", "force", "room"
	On   bool
	Path netstack.Topology
}

// told is what a member knows.
type told struct {
	Self               call.Member
	Others             []call.Member
	Plan               call.Plan
	Forced, RoomForced netstack.Topology
	Mixed, Changing    bool
	Lines              map[netstack.PeerID]netstack.Topology
	Changes            []call.PathChange

	// Since the last "listen".
	Tones    [walkerSlots]tone
	Pictures map[netstack.PeerID]map[int]int // how many new ones, by whose they are said to be and whose they are
}

// tone is how often one was heard and not, and whether it is now.
type tone struct {
	Windows, Silent int
	Present         bool
}

// hosts is what a host knows.
type hosts struct {
	Moderator, Guests string // invites
	Port              int
	Members           map[netstack.PeerID]bool // whether they answer
	Goroutines, Files int
	Stacks            string // of the goroutines, if asked for
}

// TestWalker is one of the processes, and nothing by itself.
func TestWalker(t *testing.T) {
	text := os.Getenv(walkerEnv)
	if text == "" {
		t.Skip("is a part of TestWander")
	}
	var r role
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	if l, err := net.Listen("tcp", "127.0.0.1:0"); err == nil { // what the runtime opens once is open now
		_ = l.Close()
	}
	before := openFiles(t)
	if r.Invite == "" {
		t.Run("host", func(t *testing.T) { serveRoom(t, r) })
	} else {
		t.Run("member", func(t *testing.T) { walk(t, r) })
	}
	until(t, "as many descriptors as at the start", func() bool { return openFiles(t) <= before })
}

// answer does orders until there are no more.
func answer(t *testing.T, do func(order) any) {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var o order
		if err := in.Decode(&o); err != nil {
			return
		}
		if err := out.Encode(do(o)); err != nil {
			t.Fatal(err)
		}
	}
}

func serveRoom(t *testing.T, r role) {
	quiet := slog.New(slog.DiscardHandler)
	h, err := host.Start(t.Context(), host.Config{
		Loopback: true, Dir: r.Dir, Port: r.Port, Rooms: []string{"tea"}, Logger: quiet,
		Mix: func(room *sfu.Room) (host.Mixer, error) {
			return &roomMixer{room: mcu.NewRoom(room, mcu.Config{Speakers: walkerSlots, Logger: quiet}), here: map[netstack.PeerID]bool{}}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}()
	answer(t, func(o order) any {
		moderator, err := h.ModeratorInvite("tea")
		if err != nil {
			t.Fatal(err)
		}
		guests, err := h.Invite("tea")
		if err != nil {
			t.Fatal(err)
		}
		out := hosts{moderator.String(), guests.String(), h.Port(), map[netstack.PeerID]bool{}, runtime.NumGoroutine(), openFiles(t), ""}
		if o.Do == "stacks" {
			var b strings.Builder
			_ = pprof.Lookup("goroutine").WriteTo(&b, 1)
			out.Stacks = b.String()
		}
		for _, m := range h.Snapshot().Rooms[0].Members {
			out.Members[m.ID] = m.Connected
		}
		return out
	})
}

// roomMixer offers the mix to everyone, with all of them in its sound: tones
// never end, so that nobody would give up a place to another.
type roomMixer struct {
	room *mcu.Room
	here map[netstack.PeerID]bool
}

func (m *roomMixer) SetMembers(all []host.MixMember) {
	here := map[netstack.PeerID]bool{}
	for _, who := range all {
		here[who.ID] = true
		if !m.here[who.ID] {
			_ = m.room.Join(who.ID, who.Name)
			_ = m.room.SetMixed(who.ID, true)
		}
		m.room.SetState(who.ID, who.Muted, who.CameraOff, who.Name)
	}
	for id := range m.here {
		if !here[id] {
			m.room.Leave(id)
		}
	}
	m.here = here
}

func (m *roomMixer) Close() error { return m.room.Close() }

// eyes count new pictures.
type eyes struct {
	mu   sync.Mutex
	seen map[netstack.PeerID]map[int]*scene.Watcher
}

func (e *eyes) Picture(from netstack.PeerID, p *image.YCbCr) func() {
	if from != netstack.HostID {
		e.see(from, p)
		return nil
	}
	for n := 1; n <= walkerSlots+2; n++ { // some may be on their way out
		for _, tile := range mix.Grid.Tiles(nil, n, 0, p.Rect.Dx(), p.Rect.Dy()) {
			e.see(from, p.SubImage(tile).(*image.YCbCr))
		}
	}
	return nil
}

func (e *eyes) Sent(*image.YCbCr) {}

func (e *eyes) see(from netstack.PeerID, p *image.YCbCr) {
	mark, ok := scene.ReadStamp(p)
	if !ok {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.seen[from] == nil {
		e.seen[from] = map[int]*scene.Watcher{}
	}
	if e.seen[from][int(mark.Sender)] == nil {
		e.seen[from][int(mark.Sender)] = &scene.Watcher{}
	}
	e.seen[from][int(mark.Sender)].See(mark, true, time.Now())
}

func (e *eyes) tell() map[netstack.PeerID]map[int]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := map[netstack.PeerID]map[int]int{}
	for from, all := range e.seen {
		out[from] = map[int]int{}
		for sender, w := range all {
			out[from][sender] = w.Seen().Frames
		}
	}
	return out
}

func (e *eyes) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen = map[netstack.PeerID]map[int]*scene.Watcher{}
}

// walk is a member.
func walk(t *testing.T, r role) {
	i, err := invite.Parse(r.Invite)
	if err != nil {
		t.Fatal(err)
	}
	var all []int
	for slot := range walkerSlots {
		all = append(all, slot)
	}
	studio, see := newStudioFor(t, r.Slot, all, 320, 180), &eyes{}
	see.forget()
	p := joinConfig(t, call.Config{Invite: i, Name: r.Name, Meter: see}, studio)
	p.SetTile(call.MixID, 360, false) // four tiles of the size of the cameras
	answer(t, func(o order) any {
		switch o.Do {
		case "mute":
			p.SetMuted(o.On)
		case "camera":
			p.SetCameraOff(!o.On)
		case "hand":
			p.RaiseHand(o.On)
		case "force":
			p.Force(o.Path)
		case "room":
			p.ForceRoom(o.Path)
		case "listen":
			see.forget()
			studio.listener.Reset()
		}
		s := p.Snapshot()
		out := told{
			Self: s.Self, Others: s.Others, Plan: s.Plan, Forced: s.Forced, RoomForced: s.RoomForced, Mixed: s.Mixed,
			Changing: s.Change.OK && !s.Change.Value.Done && s.Change.Value.Failed == "",
			Lines:    map[netstack.PeerID]netstack.Topology{}, Changes: p.PathChanges(), Pictures: see.tell(),
		}
		for _, l := range p.Lines() {
			out.Lines[l.Member.ID] = l.Link.Topology
		}
		for i, h := range studio.listener.Heard() {
			out.Tones[i] = tone{h.Windows, h.Silent, h.Present}
		}
		return out
	})
	p.leave()
	if n := studio.left(); n > 0 {
		t.Errorf("%d sinks and voices were left in the studio", n)
	}
}

// process is one of them, from the side of the test.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	enc *json.Encoder
	dec *json.Decoder
	out io.Reader
}

func begin(t *testing.T, r role) *process {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(os.Args[0], "-test.run=^TestWalker$")}
	p.cmd.Env = append(os.Environ(), walkerEnv+"="+string(text))
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if p.out, err = p.cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.enc, p.dec = json.NewEncoder(p.in), json.NewDecoder(p.out)
	t.Cleanup(p.kill)
	return p
}

// ask gives an order and waits for the answer.
func ask[T any](p *process, o order) (out T) {
	p.t.Helper()
	err := p.enc.Encode(o)
	if err == nil {
		err = p.dec.Decode(&out)
	}
	if err != nil {
		rest, _ := io.ReadAll(io.MultiReader(p.dec.Buffered(), p.out))
		p.t.Fatalf("a process does not answer: %v\n%s", err, rest)
	}
	return out
}

// end has a process put everything away, and waits for it.
func (p *process) end() {
	p.t.Helper()
	_ = p.in.Close()
	rest, _ := io.ReadAll(io.MultiReader(p.dec.Buffered(), p.out))
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("a process ends with %v:\n%s", err, strings.TrimSpace(string(rest)))
	}
}

// kill ends it without a word, if it has not ended.
func (p *process) kill() {
	if p.cmd.ProcessState == nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
}
