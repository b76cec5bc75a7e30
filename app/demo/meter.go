package demo

import (
	"context"
	"errors"
	"fmt"
	"image"
	"runtime"
	"slices"
	"sync"
	"time"

	"candid/app/call"
	"candid/media"
	"candid/media/scene"
	"candid/netstack"
)

// settle is how long a call is left alone before it is measured: congestion
// control and jitter buffers have found their place by then.
const settle = 3 * time.Second

// Meter measures one call from inside one process. It is a call.Meter, and a
// media.AudioSink for what the speaker plays.
type Meter struct {
	name     string
	other    int
	listener *scene.Listener
	decoded  scene.Watcher
	shown    scene.Watcher
	joining  time.Time

	mu    sync.Mutex
	first time.Time // picture shown
	sent  []uint32  // numbers of the frames sent
	cpu   time.Duration
	began time.Time
}

// Result is what one process hands to the one that started it.
type Result struct {
	Process Process `json:"process"`
	// PathChanges are those of a walk; all else is nothing then.
	PathChanges []PathChange `json:"path_changes,omitempty"`
	Sent        []uint32     `json:"sent"`
	First       uint32       `json:"first"` // numbers of the frames decoded or shown
	Last        uint32       `json:"last"`
}

// NewMeter makes a meter for a process that sees and hears member other.
func NewMeter(name string, other int) (*Meter, error) {
	l, err := scene.NewListener(scene.SoundOf(other))
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return &Meter{name: name, other: other, listener: l, joining: time.Now()}, nil
}

// Joining notes that the call is being joined now.
func (m *Meter) Joining() { m.joining = time.Now() }

// WriteAudio takes what the speaker plays.
func (m *Meter) WriteAudio(b media.AudioBlock) { m.listener.WriteAudio(b) }

// Sent notes a picture of our own that was encoded and sent.
func (m *Meter) Sent(p *image.YCbCr) {
	mark, ok := scene.ReadStamp(p)
	if !ok {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent = append(m.sent, mark.Frame)
}

// Picture notes a decoded picture, and when it is shown.
func (m *Meter) Picture(_ netstack.PeerID, p *image.YCbCr) (shown func()) {
	mark, ok := scene.ReadStamp(p)
	if ok && int(mark.Sender) != m.other {
		return func() {} // a third must not hide that the other stands
	}
	m.decoded.See(mark, ok, time.Now())
	return func() {
		now := time.Now()
		m.shown.See(mark, ok, now)
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.first.IsZero() {
			m.first = now
		}
	}
}

// ErrNoCall: nobody was seen in time.
var ErrNoCall = errors.New("no picture came from the other side")

// Measure waits until the call has settled, measures it for d, and returns the
// figures. It blocks.
func (m *Meter) Measure(ctx context.Context, s *call.Session, d time.Duration) (Result, error) {
	if err := m.waitForPicture(ctx, 30*time.Second); err != nil {
		return Result{}, err
	}
	if err := sleep(ctx, settle); err != nil {
		return Result{}, err
	}
	soundBefore := sound(s)
	if err := m.begin(); err != nil {
		return Result{}, err
	}
	panel, err := watchPanel(ctx, s, d)
	if err != nil {
		return Result{}, err
	}
	r, err := m.result(s, soundBefore)
	if err != nil {
		return r, err
	}
	r.Process.Shown = panel
	// The other process may measure until a little later: it is told of the
	// frames sent until then, too.
	if err := sleep(ctx, time.Second); err != nil {
		return r, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r.Sent = m.sent
	return r, nil
}

func (m *Meter) waitForPicture(ctx context.Context, limit time.Duration) error {
	for end := time.Now().Add(limit); time.Now().Before(end); {
		m.mu.Lock()
		seen := !m.first.IsZero()
		m.mu.Unlock()
		if seen {
			return nil
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return ErrNoCall
}

func (m *Meter) begin() error {
	cpu, err := cpuTime()
	if err != nil {
		return err
	}
	m.listener.Reset()
	m.decoded.Reset()
	m.shown.Reset()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cpu, m.began = cpu, time.Now()
	return nil
}

func (m *Meter) result(s *call.Session, soundBefore call.Counters) (Result, error) {
	cpu, err := cpuTime()
	if err != nil {
		return Result{}, err
	}
	elapsed := time.Since(m.began)
	decoded, shown, heard := m.decoded.Seen(), m.shown.Seen(), m.listener.Heard()[0]
	m.mu.Lock()
	defer m.mu.Unlock()
	p := Process{Name: m.name, Goroutines: runtime.NumGoroutine()}
	p.JoinToFirstFrame = netstack.Some(ms(m.first.Sub(m.joining)))
	p.GlassToGlass = spread(shown.Latency)
	p.Frames = Frames{Decoded: decoded.Frames, Shown: shown.Frames}
	p.LongestFreeze = netstack.Some(ms(shown.Freeze))
	p.Audio = audio(heard, soundBefore, sound(s))
	if d, ok := scene.LipSync(heard, shown); ok {
		p.LipSync = netstack.Some(ms(d))
	}
	p.CPU = netstack.Some((cpu - m.cpu).Seconds() / elapsed.Minutes())
	p.RSS, p.PSS = memory()
	describe(&p, s.Lines(), m.first)
	return Result{Process: p, First: min(decoded.First, shown.First), Last: max(decoded.Last, shown.Last)}, nil
}

func audio(h scene.Heard, before, after call.Counters) (a Audio) {
	if h.Windows > 0 {
		a.ToneSNR = netstack.Some(h.SNR)
	}
	if s := spread(h.Latency); s.P50.OK {
		a.MouthToEar = s.P50
	}
	if total := after.Samples - before.Samples; total > 0 {
		a.ConcealedRatio = netstack.Some(float64(after.Concealed-before.Concealed) / float64(total))
	}
	return a
}

// sound sums the counters of all that is heard.
func sound(s *call.Session) (sum call.Counters) {
	for _, l := range s.Lines() {
		sum.Samples += l.Sound.Value.Total.Samples
		sum.Concealed += l.Sound.Value.Total.Concealed
	}
	return sum
}

// describe adds what the panel shows.
func describe(p *Process, lines []call.Line, first time.Time) {
	if len(lines) == 0 {
		return
	}
	l := lines[0]
	p.Path, p.Badge = l.Link.Topology.String()+" "+string(l.Verdict.Path), l.Verdict.Badge
	p.Why = l.Verdict.Why
	if _, local, remote, ok := l.Link.SelectedPair(); ok {
		p.SelectedPair = Pair{local.Type.String(), remote.Type.String(), local.Protocol, local.RelayProtocol}
	}
	if begun, ok := l.Link.Milestones[netstack.GatheringStarted]; ok {
		p.OfferToFirstFrame = netstack.Some(ms(first.Sub(begun)))
		if packet, ok := l.Link.Milestones[netstack.FirstPacket]; ok {
			p.OfferToFirstPacket = netstack.Some(ms(packet.Sub(begun)))
		}
	}
}

// sentWithin counts the frames of a sender that lie between the first and the
// last one its receiver decoded.
func sentWithin(sent []uint32, first, last uint32) int {
	return len(slices.DeleteFunc(slices.Clone(sent), func(n uint32) bool { return n < first || n > last }))
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
