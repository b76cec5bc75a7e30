package call

import (
	"slices"
	"time"

	"candid/media"
)

// seam is what is lost of the pictures and sound of some members while it is
// watched.
type seam struct {
	seen      map[*feed]uint32 // newest picture shown when we began to count
	made      map[*sound]uint64
	missing   int
	repeated  int
	concealed time.Duration
}

func newSeam() seam {
	return seam{seen: map[*feed]uint32{}, made: map[*sound]uint64{}}
}

// count begins to watch what is played.
func (s *seam) count(all []*other) {
	for _, o := range all {
		if ts, ok := o.camera.mark(); ok {
			s.seen[o.camera] = ts
		}
		s.made[o.sound] = o.sound.concealed()
	}
}

// counted adds up what was lost so far, and ends the watch.
func (s *seam) counted(all []*other) {
	for _, o := range all {
		if ts, ok := s.seen[o.camera]; ok {
			missing, repeated := o.camera.since(ts)
			s.missing, s.repeated = s.missing+missing, s.repeated+repeated
			delete(s.seen, o.camera)
		}
		if before, ok := s.made[o.sound]; ok {
			if now := o.sound.concealed(); now > before {
				s.concealed = max(s.concealed, time.Duration(now-before)*time.Second/media.SampleRate)
			}
			delete(s.made, o.sound)
		}
	}
}

// still is the watch kept for as long as a change took, right after it: what
// the line costs without one.
type still struct {
	seam
	since time.Time
	long  time.Duration
	all   []*other
}

// rest begins it, after the newest change.
func (p *paths) rest(long time.Duration) {
	// Of its own: who leaves meanwhile is taken out of the room's list in place.
	p.still = &still{newSeam(), time.Now(), long, slices.Clone(p.played(p.current))}
	p.still.count(p.still.all)
}

// rested ends it once it took as long as the change did.
func (p *paths) rested(now time.Time) {
	s := p.still
	if s == nil || now.Sub(s.since) < s.long {
		return
	}
	p.still = nil
	s.counted(s.all)
	c := &p.past[len(p.past)-1]
	c.StillFor, c.StillMissing, c.StillConcealed = now.Sub(s.since), s.missing, s.concealed
	p.keep()
}
