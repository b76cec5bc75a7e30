package playout

import (
	"slices"
	"time"
)

// What the jitter buffer aims at.
const (
	delayWindow  = 300                     // packets: 6 s of 20 ms
	delayMaxAge  = int64(20 * time.Second) // with fewer packets (DTX); clocks drift
	onTimeShare  = 0.985                   // of packets that shall be there in time: one stall of 80 ms sets no pace
	usualShare   = 0.9                     // of packets that are not repeated or held up
	targetMargin = int64(3 * time.Millisecond)
	firstMargin  = int64(15 * time.Millisecond) // more, while little is known
	firstPackets = 50
	maxTarget    = int64(400 * time.Millisecond)
	lossMemory   = int64(10 * time.Second)
)

// delays remembers how late packets came: for each, its arrival minus its RTP
// time, in ns. Only differences mean anything. From them follows how long sound
// must be held so that nearly all of it is there when its turn comes.
type delays struct {
	x      [delayWindow]int64
	at     [delayWindow]int64
	n      int // packets seen
	fresh  int // packets seen since update
	sorted [delayWindow]int64

	least, usual, late int64    // the fastest packet; the one at usualShare; at onTimeShare
	lossAt             [2]int64 // when packets were last found lost
}

func (d *delays) reset() { d.n, d.fresh = 0, 0 }

func (d *delays) add(x, at int64) {
	i := d.n % delayWindow
	d.x[i], d.at[i] = x, at
	d.n++
	d.fresh++
	if d.n == 1 {
		d.least, d.usual, d.late = x, x, x
	}
	if d.fresh >= 10 || d.n < firstPackets {
		d.update(at)
	}
}

// update sorts the window; it takes some 10 µs and allocates nothing.
func (d *delays) update(now int64) {
	d.fresh = 0
	n := 0
	for i := range min(d.n, delayWindow) {
		if now-d.at[i] < delayMaxAge {
			d.sorted[n] = d.x[i]
			n++
		}
	}
	if n == 0 {
		return
	}
	s := d.sorted[:n]
	slices.Sort(s)
	d.least = s[0]
	d.usual = s[int(float64(n)*usualShare)]
	d.late = s[min(int(float64(n)*onTimeShare), n-1)]
}

// lost notes that packets did not come.
func (d *delays) lost(now int64) { d.lossAt[0], d.lossAt[1] = d.lossAt[1], now }

// lossy reports whether loss is more than a single accident.
func (d *delays) lossy(now int64) bool {
	return d.lossAt[0] != 0 && now-d.lossAt[0] < lossMemory
}

// target returns the delay to aim at, on the scale of add. wait is how much
// longer to wait for the packet after a lost one. Where lost packets are sent
// again they are among the late ones, and waiting for those may be enough.
func (d *delays) target(wait int64) int64 {
	hold := max(d.late, d.usual+wait) - d.least + targetMargin
	if d.n < firstPackets {
		hold += firstMargin
	}
	return d.least + min(hold, maxTarget)
}
