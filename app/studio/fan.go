package studio

import "sync"

// fan hands one thing to many sinks. A sink must not be removed from within
// its own call.
type fan[S any] struct {
	mu    sync.RWMutex
	sinks map[*S]S
}

// add returns a function that takes the sink out again: once it has returned,
// the sink is not called any more.
func (f *fan[S]) add(sink S) (remove func()) {
	key := &sink
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sinks == nil {
		f.sinks = map[*S]S{}
	}
	f.sinks[key] = sink
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.sinks, key)
	}
}

// each calls fn with every sink. Sinks do not block, so it holds the lock: that
// is what makes remove final.
func (f *fan[S]) each(fn func(S)) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, sink := range f.sinks {
		fn(sink)
	}
}

// empty reports whether nobody listens.
func (f *fan[S]) empty() bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return len(f.sinks) == 0
}
