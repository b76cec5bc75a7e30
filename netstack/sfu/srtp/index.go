package srtp

// Index keeps the index of one incoming stream: what its 16-bit numbers mean,
// and which were had.
type Index struct {
	window Window
	any    bool
}

// Guess returns the index a number most likely has (RFC 3711 appendix A).
func (x *Index) Guess(number uint16) uint64 {
	if !x.any {
		return uint64(number)
	}
	highest := x.window.highest
	guess := highest&^0xFFFF | uint64(number)
	switch {
	case guess+1<<15 < highest:
		guess += 1 << 16
	case guess > highest+1<<15 && guess >= 1<<16:
		guess -= 1 << 16
	}
	return guess
}

// Seen reports whether the packet with an index was had, or is too old to tell.
func (x *Index) Seen(index uint64) bool { return x.any && x.window.Seen(index) }

// Add notes a packet that was authenticated.
func (x *Index) Add(index uint64) {
	x.any = true
	x.window.Add(index)
}

// Window is a replay window of 1024 packets (RFC 3711 section 3.3.2): wider
// than repair reaches back.
type Window struct {
	highest uint64
	any     bool
	bits    [windowSize / 64]uint64
}

const windowSize = 1024

// Seen reports whether n was added, or is older than the window.
func (w *Window) Seen(n uint64) bool {
	if !w.any || n > w.highest {
		return false
	}
	return w.highest-n >= windowSize || w.bits[n/64%(windowSize/64)]&(1<<(n%64)) != 0
}

// Add notes n.
func (w *Window) Add(n uint64) {
	switch {
	case !w.any || n >= w.highest+windowSize:
		w.bits = [windowSize / 64]uint64{}
		w.highest, w.any = n, true
	case n > w.highest:
		for i := w.highest + 1; i <= n; i++ {
			w.bits[i/64%(windowSize/64)] &^= 1 << (i % 64)
		}
		w.highest = n
	case w.highest-n >= windowSize:
		return
	}
	w.bits[n/64%(windowSize/64)] |= 1 << (n % 64)
}
