package replay

import (
	"sync"
	"sync/atomic"
	"time"

	"candid/app/call"
	"candid/netstack"
	"candid/netstack/unbounded"
)

// playEvery is how often a Player moves on.
const playEvery = 200 * time.Millisecond

// Player stands in for a call and gives the window a Recording: what a call
// tells, it tells of the moment it is at; what a call can be told, it ignores.
// Its methods may be called from any goroutine.
type Player struct {
	call.Past // it cannot be changed

	rec    *Recording
	events *unbounded.Channel[call.Event]
	quit   chan struct{}
	done   sync.WaitGroup
	leave  sync.Once
	shown  atomic.Pointer[Moment]

	mu      sync.Mutex
	at      time.Time
	speed   float64
	playing bool
}

// NewPlayer returns a Player that stands at the start. ticks is nil
// but for tests. Leave must be called; it does not close the Recording.
func NewPlayer(r *Recording, ticks <-chan time.Time) *Player {
	p := &Player{rec: r, events: unbounded.New[call.Event](), quit: make(chan struct{}), at: r.Start, speed: 1}
	p.show(r.Start)
	p.done.Go(func() { p.run(ticks) })
	return p
}

func (p *Player) run(ticks <-chan time.Time) {
	if ticks == nil {
		t := time.NewTicker(playEvery)
		defer t.Stop()
		ticks = t.C
	}
	var last time.Time
	for {
		select {
		case <-p.quit:
			return
		case now := <-ticks:
			if !last.IsZero() {
				p.move(now.Sub(last))
			}
			last = now
		}
	}
}

// move plays d of the time outside.
func (p *Player) move(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.playing {
		return
	}
	from := p.at
	p.at = from.Add(time.Duration(float64(d) * p.speed))
	if !p.at.Before(p.rec.End) {
		p.at, p.playing = p.rec.End, false
	}
	p.show(p.at)
	for _, e := range p.rec.Between(from, p.at) {
		p.events.Put(e.Event)
	}
}

func (p *Player) show(t time.Time) {
	m := p.rec.At(t)
	p.shown.Store(&m)
}

// Seek goes to a moment; one outside of the recording is its start or end.
// Whoever reads Events is told of the state there.
func (p *Player) Seek(t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.After(p.rec.End) {
		t = p.rec.End
	}
	if t.Before(p.rec.Start) {
		t = p.rec.Start
	}
	p.at = t
	p.show(t)
	s := p.shown.Load().Snapshot
	p.events.Put(call.StateChanged{State: s.State, Problem: s.Problem, Err: s.Err})
}

// Play plays on, at a speed that is 1 as it was.
func (p *Player) Play(speed float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.playing, p.speed = speed > 0, speed
}

// Pause stops at the present moment.
func (p *Player) Pause() { p.Play(0) }

// Playing reports whether it plays; at the end it does not.
func (p *Player) Playing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.playing
}

// Now is the moment shown: the age of numbers is to be told from it, and not
// from the clock.
func (p *Player) Now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at
}

// Recording is what is played.
func (p *Player) Recording() *Recording { return p.rec }

// Snapshot returns the state of the call at the moment shown.
func (p *Player) Snapshot() call.Snapshot { return p.shown.Load().Snapshot }

// Lines returns the lines at the moment shown.
func (p *Player) Lines() []call.Line { return p.shown.Load().Lines }

// Graph returns the room as it was measured then.
func (p *Player) Graph() []call.Edge { return p.shown.Load().Graph }

// Outgoing returns what was sent then.
func (p *Player) Outgoing() []call.Outgoing { return p.shown.Load().Outgoing }

// PathChanges returns the changes of path up to then.
func (p *Player) PathChanges() []call.PathChange { return p.shown.Load().Changes }

// Events yields what happened while playing; closed by Leave.
func (p *Player) Events() <-chan call.Event { return p.events.Out() }

// Levels is empty: sound is not recorded.
func (p *Player) Levels() map[netstack.PeerID]float64 { return map[netstack.PeerID]float64{} }

// Leave ends playing.
func (p *Player) Leave() {
	p.leave.Do(func() {
		close(p.quit)
		p.done.Wait()
		p.events.Close()
	})
}
