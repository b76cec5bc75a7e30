package capture

import (
	"sync/atomic"
	"time"

	"candid/media"
)

// backlog is how many blocks may wait for a reader: 320 ms. The reader is
// faster than sound, so it fills only if the whole process stands still; then
// the newest sound is dropped.
const backlog = 32

// blockRing carries sound from the thread of a sound device to one reader. The
// writer never waits and never allocates.
type blockRing struct {
	slots   [backlog]block
	written atomic.Uint64 // blocks complete, by the writer
	read    atomic.Uint64 // blocks given back, by the reader
	dropped atomic.Uint64 // samples
	wake    chan struct{}

	fill int // samples in the block being written; the writer's
}

type block struct {
	pcm [media.BlockSamples]int16
	at  time.Time
}

func newBlockRing() *blockRing { return &blockRing{wake: make(chan struct{}, 1)} }

// write appends native-endian 16-bit samples, the last of which was taken now.
func (r *blockRing) write(pcm []int16, now time.Time) {
	for len(pcm) > 0 {
		w := r.written.Load()
		if w-r.read.Load() == backlog {
			r.dropped.Add(uint64(len(pcm)))
			return
		}
		b := &r.slots[w%backlog]
		if r.fill == 0 {
			b.at = now.Add(-time.Duration(len(pcm)) * time.Second / media.SampleRate)
		}
		n := copy(b.pcm[r.fill:], pcm)
		pcm = pcm[n:]
		if r.fill += n; r.fill == media.BlockSamples {
			r.fill = 0
			r.written.Store(w + 1)
			select {
			case r.wake <- struct{}{}:
			default:
			}
		}
	}
}

// next returns the oldest block without waiting, or nil. It stays valid until
// done.
func (r *blockRing) next() *block {
	n := r.read.Load()
	if n == r.written.Load() {
		return nil
	}
	return &r.slots[n%backlog]
}

// done gives the block of next back.
func (r *blockRing) done() { r.read.Add(1) }
