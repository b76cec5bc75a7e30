package sframe

import (
	"fmt"
	"slices"
	"sync"
)

// Sender seals what one member sends. Its methods may be called from any
// goroutine and do not block.
type Sender struct {
	mu     sync.Mutex
	kid    uint64
	secret []byte
	tracks map[string]*sealing
}

// sealing is the key of one track and how many frames it has sealed.
type sealing struct {
	mu      sync.Mutex // held while sealing: some 10 µs for a picture
	key     *key
	ctr     uint64
	scratch scratch
}

// NewSender makes a Sender with its first secret.
func NewSender(kid uint64, secret []byte) (*Sender, error) {
	s := &Sender{tracks: make(map[string]*sealing)}
	return s, s.Use(kid, secret)
}

// Use makes all tracks go on with another secret from their next frame. kid
// must be greater than before.
func (s *Sender) Use(kid uint64, secret []byte) error {
	if len(secret) != SecretSize {
		return fmt.Errorf("use a secret of %d bytes: %d are needed", len(secret), SecretSize)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.secret != nil && kid <= s.kid {
		return fmt.Errorf("use key %d after %d: a number is used once", kid, s.kid)
	}
	for id, t := range s.tracks {
		name, layer := trackName(id)
		k, err := trackKey(kid<<layerBits|layer, secret, name)
		if err != nil {
			return err
		}
		t.mu.Lock()
		t.key, t.ctr = k, 0
		t.mu.Unlock()
	}
	s.kid, s.secret = kid, slices.Clone(secret)
	return nil
}

// Track returns what seals one track, or one layer of it.
func (s *Sender) Track(id string) (*Sealer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tracks[id]
	if t == nil {
		name, layer := trackName(id)
		k, err := trackKey(s.kid<<layerBits|layer, s.secret, name)
		if err != nil {
			return nil, err
		}
		t = &sealing{key: k}
		s.tracks[id] = t
	}
	return &Sealer{t: t}, nil
}

// Sealer seals the frames of one track.
type Sealer struct{ t *sealing }

// Seal appends to dst the sealed frame, which is at most Overhead bytes longer.
// mime is the codec, ts the RTP timestamp that the frame is sent with. dst and
// frame must not overlap. It allocates only to grow dst.
func (z *Sealer) Seal(dst []byte, mime string, ts uint32, frame []byte) ([]byte, error) {
	clear, err := Clear(mime, frame)
	if err != nil {
		return dst, fmt.Errorf("seal a frame: %w", err)
	}
	z.t.mu.Lock()
	defer z.t.mu.Unlock()
	ctr := z.t.ctr
	z.t.ctr++
	s := &z.t.scratch
	return z.t.key.seal(s, dst, frame[:clear], frame[clear:], s.stamp(ts, clear), ctr), nil
}
