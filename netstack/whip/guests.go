package whip

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"time"

	"candid/netstack"
	"candid/netstack/sfu"
)

// followEvery is how often viewers' lines are looked at.
const followEvery = time.Second

var errFull = errors.New("too many publish and watch already")

// admit lets one in.
func (h *Handler) admit(s *session, offer, name string) (answer string, err error) {
	what := "whep-"
	if s.publish {
		what = "whip-"
	}
	s.id = netstack.PeerID(what + rand.Text()[:12])
	closed := h.loop.Do(func() {
		if len(h.sessions) >= h.cfg.Sessions {
			err = errFull
			return
		}
		g := sfu.Guest{Sends: s.publish, Gone: func() { _ = h.loop.Post(func() { h.end(s) }) }}
		if !s.publish {
			if g.Takes, err = h.stage(s.name, s.room); err != nil {
				return
			}
		}
		if answer, err = s.room.Admit(s.id, offer, g); err == nil {
			h.sessions[s.key] = s
			return
		}
		h.strike(s.room)
	})
	if err = errors.Join(err, closed); err != nil {
		return "", fmt.Errorf("letting one in: %w", err)
	}
	if s.publish && h.cfg.Joined != nil {
		h.cfg.Joined(s.name, s.id, name)
	}
	return answer, nil
}

// end lets one go. It runs on the loop.
func (h *Handler) end(s *session) {
	if h.sessions[s.key] != s {
		return
	}
	delete(h.sessions, s.key)
	s.room.Leave(s.id)
	if s.publish && h.cfg.Left != nil {
		h.cfg.Left(s.name, s.id)
	}
	h.strike(s.room)
}

// stage is what viewers of a room get; the first of them has it set up.
func (h *Handler) stage(name string, room *sfu.Room) ([]*sfu.Injected, error) {
	st := h.stages[room]
	if st == nil {
		var err error
		if st, err = newStage(room); err != nil {
			return nil, err
		}
		h.stages[room] = st
		h.light(name, st)
		h.loop.Go(func(ctx context.Context) { h.watch(ctx, room, st) })
	}
	return []*sfu.Injected{st.sound.to, st.picture.to}, nil
}

// Changed says that members of a room switched their cameras on or off. It does
// not wait.
func (h *Handler) Changed(name string) {
	_ = h.loop.Post(func() {
		for _, s := range h.sessions {
			if st := h.stages[s.room]; s.name == name && st != nil {
				h.light(name, st)
				return
			}
		}
	})
}

// light tells a stage whose camera is off.
func (h *Handler) light(name string, st *stage) {
	if h.cfg.Dark != nil {
		st.setDark(h.cfg.Dark(name))
	}
}

// watch has a stage follow the lines of its viewers, until it is taken down.
func (h *Handler) watch(ctx context.Context, room *sfu.Room, st *stage) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-st.done:
			return
		case <-tick.C:
		}
		_ = h.loop.Do(func() {
			line := math.MaxInt
			for _, s := range h.sessions {
				if s.room == room && !s.publish {
					line = min(line, room.Estimate(s.id).Or(line))
				}
			}
			st.follow(line)
		})
	}
}

// strike takes a stage down that nobody watches.
func (h *Handler) strike(room *sfu.Room) {
	st := h.stages[room]
	if st == nil {
		return
	}
	for _, s := range h.sessions {
		if s.room == room && !s.publish {
			return
		}
	}
	delete(h.stages, room)
	st.close()
}
