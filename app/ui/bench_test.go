package ui

import (
	"fmt"
	"math"
	"testing"
	"time"

	"candid/app/call"
	"candid/netstack"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
)

// BenchmarkCharts draws the panel's graphs, as happens once a second while it is
// open.
func BenchmarkCharts(b *testing.B) {
	test.NewTempApp(b)
	var h []call.Sample
	for i := range 600 {
		v := 1 + math.Sin(float64(i)/7)
		h = append(h, call.Sample{At: noon.Add(time.Duration(i) * time.Second), RTT: netstack.Some(time.Duration(v * 2e7)), Loss: netstack.Some(v / 100),
			Jitter: netstack.Some(time.Duration(v * 3e6)), Receive: netstack.Some(int(v * 1e6)), Send: netstack.Some(int(v * 9e5))})
	}
	for _, s := range chartSpans {
		b.Run(s.Name, func(b *testing.B) {
			c := newChartStack()
			c.set(charts(h, s.Len))
			c.Resize(fyne.NewSize(panelInner, c.heightFor(0)))
			for b.Loop() {
				c.views = charts(h, s.Len)
				c.draw(panelInner, int(c.heightFor(0)))
			}
		})
	}
}

// BenchmarkHandOver carries one picture through a Surface, but for the upload.
func BenchmarkHandOver(b *testing.B) {
	p := newPump(func(f func()) { f() })
	s := newSurface(p, true)
	p.setSurfaces([]*Surface{s})
	hide(s)
	b.ReportAllocs()
	for b.Loop() {
		p.last.Store(0)
		s.Show(s.Buffer(1280, 720))
	}
}

// BenchmarkGrid lays tiles out.
func BenchmarkGrid(b *testing.B) {
	for _, n := range []int{2, 9, 16} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				gridBoxes(n, fyne.NewSize(1280, 700))
			}
		})
	}
}
