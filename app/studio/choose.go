package studio

import "time"

// failure is a device that did not work, and is not tried again before until.
type failure struct {
	err   error
	until time.Time
}

// choose says which of the devices is to be open: the one wished for, or else
// the default, or else the one in use (its ID is inUse), or else any real one;
// none that failed a moment ago. It reports false for none.
func choose(list []Device, wish, inUse string, failed map[string]failure, now time.Time) (Device, bool) {
	if wish == None {
		return Device{}, false
	}
	works := func(d Device) bool {
		f, bad := failed[d.ID]
		return !bad || !now.Before(f.until)
	}
	var best Device
	rank := 0
	consider := func(d Device, r int) {
		if r > rank && works(d) {
			best, rank = d, r
		}
	}
	for _, d := range list {
		switch {
		case d.ID == wish:
			consider(d, 4)
		case d.Default:
			consider(d, 3)
		case d.ID == inUse && !d.Synthetic:
			consider(d, 2)
		case !d.Synthetic:
			consider(d, 1)
		}
	}
	return best, rank > 0
}
