package ui

import (
	"math"
	"time"

	"candid/app/call"
)

var unmeasured = math.NaN()

func number(ok bool, v float64) float64 {
	if !ok {
		return unmeasured
	}
	return v
}

// pick puts samples on a raster of one a second that ends at the newest; where
// there is none, the value is not measured.
func pick(history []call.Sample, span time.Duration, value func(call.Sample) float64) []float64 {
	n := int(span / time.Second)
	out := make([]float64, n)
	for i := range out {
		out[i] = unmeasured
	}
	if len(history) == 0 {
		return out
	}
	end := history[len(history)-1].At
	for i := len(history) - 1; i >= 0; i-- {
		back := int(end.Sub(history[i].At).Round(time.Second) / time.Second)
		if back >= n {
			break
		}
		if back >= 0 {
			out[n-1-back] = value(history[i])
		}
	}
	return out
}

// newest is the last value, or NaN.
func (s series) newest() float64 {
	if len(s.Values) == 0 {
		return unmeasured
	}
	return s.Values[len(s.Values)-1]
}

// top is the upper end of the scale: a round number above every value.
func (c chartView) top() float64 {
	most := c.Floor
	for _, s := range c.Series {
		for _, v := range s.Values {
			if v > most { // false for NaN
				most = v
			}
		}
	}
	return roundUp(most)
}

// roundUp returns the next 1, 2, 3, 5 or 8 times a power of ten.
func roundUp(v float64) float64 {
	if v <= 0 {
		return 1
	}
	p := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 3, 5, 8, 10} {
		if m*p >= v*(1-1e-9) {
			return m * p
		}
	}
	return 10 * p
}

// valueText writes a value, or that there is none.
func (c chartView) valueText(v float64) string {
	if math.IsNaN(v) {
		return wordUnproven
	}
	return c.Write(v)
}

// at is the index of the sample under a share of the width, 0 to 1.
func (c chartView) at(share float64) int {
	n := len(c.Series[0].Values)
	return min(n-1, max(0, int(math.Round(share*float64(n-1)))))
}

// secondsBack says how long before the newest a sample was.
func (c chartView) secondsBack(i int) int { return len(c.Series[0].Values) - 1 - i }
