package sframe

// windowSize is how far behind the newest frame another one may come: 2.5 s of
// sound, a second of three layers of picture.
const windowSize = 128

// window remembers which counters were had. Its zero value has had none.
type window struct {
	begun  bool
	newest uint64
	had    [windowSize / 64]uint64 // bit n: newest-n
}

// fresh reports whether ctr was not had, as far as is remembered.
func (w *window) fresh(ctr uint64) bool {
	if !w.begun || ctr > w.newest {
		return true
	}
	age := w.newest - ctr
	return age < windowSize && w.had[age/64]&(1<<(age%64)) == 0
}

// after reports whether ctr comes after all that were had.
func (w *window) after(ctr uint64) bool { return !w.begun || ctr > w.newest }

// take remembers ctr.
func (w *window) take(ctr uint64) {
	switch {
	case !w.begun:
		w.begun, w.newest = true, ctr
	case ctr > w.newest:
		w.shift(ctr - w.newest)
		w.newest = ctr
	}
	if age := w.newest - ctr; age < windowSize {
		w.had[age/64] |= 1 << (age % 64)
	}
}

func (w *window) shift(by uint64) {
	switch {
	case by >= windowSize:
		w.had = [windowSize / 64]uint64{}
	case by >= 64:
		w.had[1], w.had[0] = w.had[0]<<(by-64), 0
	default:
		w.had[1] = w.had[1]<<by | w.had[0]>>(64-by)
		w.had[0] <<= by
	}
}
