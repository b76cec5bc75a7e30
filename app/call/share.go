package call

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"candid/media"
	"candid/netstack"
)

// shared is the screen that this member shows. It belongs to the session's
// loop; its goroutine reads the screen.
type shared struct {
	source  media.VideoSource
	video   *outgoingVideo
	reading sync.WaitGroup
}

// Screens lists what can be shared; the error says in words why nothing can.
func (s *Session) Screens(context.Context) ([]Screen, error) {
	found, err := s.cfg.Studio.Screens()
	list := make([]Screen, len(found))
	for i, f := range found {
		list[i] = Screen{ID: f.ID, Name: f.Name}
	}
	return list, err
}

// Share shows a screen to everyone until StopShare.
func (s *Session) Share(screenID string) {
	s.loop.Go(func(context.Context) {
		source, err := s.cfg.Studio.OpenScreen(screenID) // takes some milliseconds
		if err != nil {
			s.post(func() { s.room.tell(Noticed{Text: inWords(err), Bad: true}) })
			return
		}
		if s.loop.Post(func() { s.room.share(source) }) != nil {
			s.close(source)
		}
	})
}

// StopShare ends Share.
func (s *Session) StopShare() { s.post(func() { s.room.unshare() }) }

// inWords is what an error says to a person.
func inWords(err error) string {
	var e interface{ Explain() (what, next string) }
	if !errors.As(err, &e) {
		return "The screen cannot be shown: " + err.Error()
	}
	what, next := e.Explain()
	if next != "" {
		what += " " + next
	}
	return what
}

// share begins to show a screen, in the place of the one before.
func (r *room) share(source media.VideoSource) {
	if r.state == Ended {
		r.s.close(source)
		return
	}
	r.unshare()
	sh, err := r.publishScreen(source)
	if err != nil {
		r.s.close(source)
		r.tell(Noticed{Text: inWords(err), Bad: true})
		return
	}
	r.shared = sh
	r.s.screen.Store(sh.video)
	sh.reading.Go(func() {
		err := sh.film()
		r.s.post(func() {
			if r.shared != sh {
				return
			}
			r.unshare()
			if !errors.Is(err, io.EOF) {
				r.tell(Noticed{Text: inWords(err), Bad: true})
			}
		})
	})
	r.said.Sharing = true
	r.say()
	r.paths.encode()
}

// publishScreen makes the track of a screen known on both paths.
func (r *room) publishScreen(source media.VideoSource) (*shared, error) {
	video, err := newOutgoingVideo(screenTrack, string(r.self.ID), false, r.crypt.sealer, nil, r.s.log)
	if err != nil {
		return nil, err
	}
	for _, t := range []netstack.Transport{r.s.mesh, r.s.host} {
		if err := t.Publish(video.top().track); err != nil {
			video.Close()
			return nil, fmt.Errorf("publish the screen: %w", err)
		}
	}
	return &shared{source: source, video: video}, nil
}

// film sends what the screen shows, until it ends.
func (sh *shared) film() error {
	for {
		f, err := sh.source.ReadVideo()
		if err != nil {
			return err
		}
		sh.video.WriteVideo(f)
	}
}

// unshare stops showing a screen, if one is shown.
func (r *room) unshare() {
	sh := r.shared
	if sh == nil {
		return
	}
	r.shared = nil
	r.s.screen.Store(nil)
	for _, t := range []netstack.Transport{r.s.mesh, r.s.host} {
		if err := t.Unpublish(sh.video.top().track); err != nil {
			r.s.log.Warn("screen not taken back", "err", err)
		}
	}
	sh.stop(r.s)
	r.said.Sharing = false
	r.say()
	r.paths.encode()
}

// stop closes the screen and waits for what reads it.
func (sh *shared) stop(s *Session) {
	s.close(sh.source)
	sh.reading.Wait()
	sh.video.Close()
}
