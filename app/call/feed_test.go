package call

import (
	"image"
	"slices"
	"testing"
	"time"

	"candid/media"
	"candid/netstack"
)

// feeding is a feed with frames of 30 a second, and what it showed.
type feeding struct {
	*feed
	shown []int
	now   time.Time
}

func newFeeding() *feeding {
	f := &feeding{now: time.Unix(1000, 0)}
	f.feed = newFeed(&viewer{meter: f}, netstack.P2P)
	return f
}

func (f *feeding) Picture(_ netstack.PeerID, p *image.YCbCr) func() {
	f.shown = append(f.shown, int(p.Y[0]))
	return nil
}
func (f *feeding) Sent(*image.YCbCr) {}

// brings has frame n arrive over a path.
func (f *feeding) brings(path netstack.Topology, n int) {
	f.now = f.now.Add(5 * time.Millisecond)
	img := image.NewYCbCr(image.Rect(0, 0, 16, 16), image.YCbCrSubsampleRatio420)
	img.Y[0] = byte(n)
	f.packet(path, uint16(n), uint32(n)*3000)
	f.write(path, media.VideoFrame{Image: img, Timestamp: uint32(n) * 3000}, f.now)
}

func TestFeed(t *testing.T) {
	const a, b = netstack.P2P, netstack.SFU
	for _, c := range []struct {
		name string
		play func(f *feeding)
		want []int
	}{
		{"the new path is behind", func(f *feeding) {
			f.follow(a, true)
			for n := 3; n < 8; n++ {
				f.brings(a, n)
				f.brings(b, n-2)
			}
			f.follow(b, true)
			for n := 6; n < 10; n++ {
				f.brings(b, n)
			}
		}, []int{1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{"the new path is ahead", func(f *feeding) {
			f.follow(a, true)
			for n := 3; n < 8; n++ {
				f.brings(b, n+2)
				f.brings(a, n)
			}
			f.follow(b, true)
			f.brings(a, 8)
			f.brings(b, 10)
			f.follow(b, false)
			f.brings(b, 11)
		}, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		{"the old path is dead", func(f *feeding) {
			f.follow(a, true)
			for n := 6; n < 12; n++ {
				f.now = f.now.Add(30 * time.Millisecond)
				f.brings(b, n)
			}
		}, []int{1, 2, 6, 7, 8, 9, 10, 11}},
		{"each path loses one", func(f *feeding) {
			f.follow(a, true)
			for n := 3; n < 10; n++ {
				if n != 5 {
					f.brings(a, n)
				}
				if n != 7 {
					f.brings(b, n)
				}
			}
		}, []int{1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{"the sender leaves some out", func(f *feeding) {
			f.follow(a, true)
			for _, n := range []int{3, 6, 7, 11} {
				f.brings(a, n)
				f.brings(b, n)
			}
		}, []int{1, 2, 3, 6, 7, 11}},
		{"another path is not asked", func(f *feeding) {
			f.brings(b, 3)
			f.brings(a, 4)
		}, []int{1, 2, 4}},
	} {
		f := newFeeding()
		f.brings(a, 1)
		f.brings(a, 2)
		c.play(f)
		if !slices.Equal(f.shown, c.want) {
			t.Errorf("%s: shown %v, want %v", c.name, f.shown, c.want)
		}
	}
}

// The ledger tells what a seam lost from what the sender left out.
func TestLedger(t *testing.T) {
	const a, b = netstack.P2P, netstack.SFU
	var l ledger
	came := func(path netstack.Topology, seq, n int) { l.packet(path, uint16(seq), uint32(n)*3000) }
	show := func(ns ...int) {
		for _, n := range ns {
			l.show(uint32(n) * 3000)
		}
	}
	for i, n := range []int{1, 2, 3, 6, 7} { // 4 and 5 were left out by the sender
		came(a, 10+i, n)
		show(n)
	}
	if m, r := l.count(3000, 7*3000, 3000); m != 0 || r != 0 {
		t.Errorf("of a whole stream %d are missing, %d repeated", m, r)
	}
	for i, n := range []int{10, 11, 12} { // the other path begins: 8 and 9 are unknown
		came(b, 100+i, n)
	}
	show(10, 10, 12)
	if m, r := l.count(3000, 12*3000, 3000); m != 3 || r != 1 {
		t.Errorf("%d are missing, %d repeated; want 8, 9 and 11, and 10", m, r)
	}
	for n := 13; n < 13+2*ledgerLines; n++ {
		came(b, 90+n, n)
	}
	if len(l.lines) != ledgerLines {
		t.Errorf("%d lines are kept", len(l.lines))
	}
}

func TestShare(t *testing.T) {
	large, small := image.Pt(1280, 720), image.Pt(640, 360)
	if s := layerSize(small, 0); s != image.Pt(320, 180) {
		t.Errorf("small layer of 360p: %v", s)
	}
	if s := layerSize(small, 1); s != (image.Point{}) {
		t.Errorf("middle layer of 360p: %v", s)
	}
	if s := layerSize(large, 0); s != image.Pt(320, 180) {
		t.Errorf("small layer of 720p: %v", s)
	}
	all := [layerCount]bool{true, true, true}
	for _, c := range []struct {
		name  string
		taken taken
		size  image.Point
		want  [layerCount]int
	}{
		{"nobody", taken{hostBudget: 1e6}, large, [layerCount]int{}},
		{"direct only", taken{direct: true, directBudget: 1e6}, large, [layerCount]int{0, 0, 1e6}},
		{"plenty", taken{host: all, hostBudget: 8e6}, large, [layerCount]int{247680, 990720, 8e6 - 247680 - 990720}},
		{"too little for the top", taken{host: all, hostBudget: 600_000}, large, [layerCount]int{247680, 352320, 0}},
		{"only the top", taken{host: [layerCount]bool{false, false, true}, hostBudget: 100_000}, large, [layerCount]int{0, 0, 100_000}},
		{"both paths", taken{direct: true, directBudget: 500_000, host: [layerCount]bool{true, false, true}, hostBudget: 2e6}, small, [layerCount]int{247680, 0, 500_000}},
	} {
		if got := share(&c.taken, c.size); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestFeedAbreast(t *testing.T) {
	const a, b = netstack.P2P, netstack.SFU
	f := newFeeding()
	f.follow(a, true)
	for n := 1; n < 10; n++ {
		f.brings(a, n)
	}
	for _, c := range []struct {
		n    int
		want bool
	}{{1, false}, {9 - mostBehind - 1, false}, {9 - mostBehind, true}, {9, true}, {10, true}} {
		f.brings(b, c.n)
		if got := f.abreast(b); got != c.want {
			t.Errorf("picture %d came where 9 was shown: abreast is %v", c.n, got)
		}
	}
	if n := f.of(b).total; n != 5 {
		t.Errorf("brought %d, want 5", n)
	}
}
