package sframe

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"time"
)

// The bounds of a Receiver. A sender has a camera, a microphone, a screen and
// its sound; a frame of an old key is late for no longer than a jitter buffer
// waits.
const (
	maxSecrets = 4
	maxTracks  = 12 // with their layers
	maxPaths   = 4
	keyGrace   = 2 * time.Second
)

// Receiver opens what one other member sends. Its methods may be called from
// any goroutine and do not block.
type Receiver struct {
	now func() time.Time

	mu      sync.Mutex
	secrets []*secret // the newest last
	using   uint64    // the greatest KID a frame was opened with
	since   time.Time // when it was first
	lowest  uint64    // KIDs below are over and do not come again
	closed  bool
	noKey   time.Time // since when frames come without a key; zero: they do not
}

type secret struct {
	kid    uint64
	raw    []byte
	tracks map[trackLayer]*opening
}

// trackLayer is one layer of a track: its frames come in order, those of
// different layers need not.
type trackLayer struct {
	track string
	layer uint64
}

// opening is a key of one track, and what came of it.
type opening struct {
	key    *key
	any    bool
	newest uint64 // on whatever path
	paths  map[string]*window
}

// NewReceiver makes a Receiver that has no keys yet. now is the clock; nil is
// time.Now.
func NewReceiver(now func() time.Time) *Receiver {
	if now == nil {
		now = time.Now
	}
	return &Receiver{now: now}
}

// Add takes a secret of the sender. With the first frame of it the ones before
// have keyGrace left. Of more than a handful the oldest is forgotten. That it is
// there already is no error.
func (r *Receiver) Add(kid uint64, raw []byte) error {
	if len(raw) != SecretSize {
		return fmt.Errorf("add a secret of %d bytes: %d are needed", len(raw), SecretSize)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || kid < r.lowest {
		return fmt.Errorf("add key %d: %w", kid, ErrNoKey)
	}
	for _, s := range r.secrets {
		if s.kid == kid && bytes.Equal(s.raw, raw) {
			return nil
		}
		if s.kid == kid {
			return fmt.Errorf("add key %d: there is another one", kid)
		}
	}
	r.secrets = append(r.secrets, &secret{kid: kid, raw: slices.Clone(raw), tracks: make(map[trackLayer]*opening)})
	slices.SortFunc(r.secrets, func(a, b *secret) int {
		if a.kid < b.kid {
			return -1
		}
		return 1
	})
	if n := len(r.secrets) - maxSecrets; n > 0 {
		r.dropLocked(r.secrets[n].kid)
	}
	return nil
}

// dropLocked forgets all secrets below kid, for good.
func (r *Receiver) dropLocked(kid uint64) {
	r.secrets = slices.DeleteFunc(r.secrets, func(s *secret) bool { return s.kid < kid })
	r.lowest = max(r.lowest, kid)
}

// Reset forgets all keys, for a sender that begins anew.
func (r *Receiver) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secrets, r.using, r.lowest, r.since = nil, 0, 0, time.Time{}
}

// Close forgets all keys: nothing opens any more.
func (r *Receiver) Close() {
	r.Reset()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
}

// Blind returns since when frames come for which there is no key; zero if there
// is a key, or nothing comes.
func (r *Receiver) Blind() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.noKey
}

// Track returns what opens one track of the sender; id is the track's, or that
// of a layer. path names the way it comes ("P2P", "SFU"): the same frame may
// come once on each, and a frame that lies far behind the newest on any of
// them opens on none.
func (r *Receiver) Track(id, path string) *Opener {
	track, _ := trackName(id)
	return &Opener{r: r, track: track, path: path}
}

// find returns the key for a frame and the window it must be fresh in; ordered:
// it must be newer than all before.
func (r *Receiver) find(kid, ctr uint64, track, path string, ordered bool) (*opening, *window, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kid, layer := kid>>layerBits, kid&(1<<layerBits-1)
	now := r.now()
	if r.using > r.lowest && now.Sub(r.since) > keyGrace {
		r.dropLocked(r.using)
	}
	i := slices.IndexFunc(r.secrets, func(s *secret) bool { return s.kid == kid })
	if i < 0 {
		if r.noKey.IsZero() && kid >= r.lowest {
			r.noKey = now
		}
		return nil, nil, ErrNoKey
	}
	o, err := r.secrets[i].opening(trackLayer{track, layer})
	if err != nil {
		return nil, nil, err
	}
	if o.any && ctr < o.newest && o.newest-ctr >= windowSize {
		return nil, nil, ErrReplayed
	}
	w := o.paths[path]
	if w == nil {
		if len(o.paths) >= maxPaths {
			return nil, nil, ErrNoKey
		}
		w = &window{}
		o.paths[path] = w
	}
	if !w.fresh(ctr) || ordered && !w.after(ctr) {
		return nil, nil, ErrReplayed
	}
	return o, w, nil
}

// opening returns the key of a track.
func (s *secret) opening(track trackLayer) (*opening, error) {
	if o := s.tracks[track]; o != nil {
		return o, nil
	}
	if len(s.tracks) >= maxTracks {
		return nil, ErrNoKey
	}
	k, err := trackKey(s.kid<<layerBits|track.layer, s.raw, track.track)
	if err != nil {
		return nil, err
	}
	o := &opening{key: k, paths: make(map[string]*window)}
	s.tracks[track] = o
	return o, nil
}

// take notes a frame that opened; it reports false if it was taken meanwhile.
func (r *Receiver) take(o *opening, w *window, kid, ctr uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	kid >>= layerBits
	if r.closed || kid < r.lowest || !w.fresh(ctr) {
		return false
	}
	w.take(ctr)
	o.newest, o.any = max(o.newest, ctr), true
	r.noKey = time.Time{}
	if kid > r.using {
		r.using, r.since = kid, r.now()
	}
	return true
}

// Opener opens the frames of one track on one path. It may be used from any
// goroutine.
type Opener struct {
	r           *Receiver
	track, path string
	mu          sync.Mutex // of scratch; held while opening
	scratch     scratch
}

// Open opens a frame in place and returns it; the result lies within frame. mime
// is the codec, ts the RTP timestamp it came with. After an error the frame is
// of no use. Pictures open in the order they were sealed in only, sound in any.
func (o *Opener) Open(mime string, ts uint32, frame []byte) ([]byte, error) {
	clear, err := Clear(mime, frame)
	if err != nil {
		return nil, err
	}
	kid, ctr, size, err := parseHeader(frame[clear:])
	if err != nil || len(frame) < clear+size+tagSize {
		return nil, ErrMalformed
	}
	ordered := clear > 0 // a picture
	k, w, err := o.r.find(kid, ctr, o.track, o.path, ordered)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	out, err := k.key.open(&o.scratch, frame, o.scratch.stamp(ts, clear), clear, size, ctr)
	o.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if !o.r.take(k, w, kid, ctr) {
		return nil, ErrReplayed
	}
	return out, nil
}
