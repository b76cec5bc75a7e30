package sfu

import (
	"testing"
	"time"
)

func TestDelays(t *testing.T) {
	for _, us := range []int64{0, 1, 3, 4, 5, 7, 8, 100, 1000, 12345, 5_000_000, 1 << 40} {
		var d delays
		d.add(us * 1000)
		got := d.quantile(0.5)
		if at := time.Duration(us) * time.Microsecond; us < 1<<24 && (got <= at || got > at+at/4+time.Microsecond) {
			t.Errorf("%v is counted as %v", at, got)
		}
	}
	var d delays
	for i := range int64(1000) {
		d.add(i * 1000)
	}
	if p := d.quantile(0.99); p < 980*time.Microsecond || p > 1300*time.Microsecond {
		t.Errorf("p99 %v", p)
	}
	if (&delays{}).quantile(0.5) != 0 {
		t.Error("nothing took some time")
	}
}
