package replay

import (
	"fmt"
	"math"
	"strings"
	"time"

	"candid/netstack"
	"candid/netstack/verdict"
)

const wordUnknown = "not measured"

// pathNames name ways as people do.
var pathNames = map[verdict.Path]string{
	verdict.Direct: "direct", verdict.Relayed: "relayed by the host", verdict.ViaSFU: "passed on by the host",
	verdict.ViaMCU: "mixed by the host", verdict.Broken: "without connection", verdict.Connecting: "looking for a way", verdict.Unknown: "unknown",
}

func pathName(p verdict.Path) string {
	if n := pathNames[p]; n != "" {
		return n
	}
	return "unknown"
}

// summary says in one sentence how the call was connected.
func summary(shares []Share) string {
	var parts []string
	for _, s := range shares {
		if s.Share > .995 {
			return capital(pathName(s.Path)) + " all the time."
		}
		part := pathName(s.Path) + " " + share(s.Share)
		if len(parts) == 0 {
			part += " of the time"
		}
		parts = append(parts, part)
	}
	switch len(parts) {
	case 0:
		return "Nobody else was in the call."
	case 1:
		return capital(parts[0]) + "."
	}
	return capital(strings.Join(parts[:len(parts)-1], ", ")) + " and " + parts[len(parts)-1] + "."
}

func share(v float64) string {
	if v < .01 {
		return "under 1 %"
	}
	return fmt.Sprintf("%.0f %%", v*100)
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// list joins names as one says them.
func list(names []string) string {
	switch n := len(names); n {
	case 0:
		return ""
	case 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
}

func millis(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case ms < 1:
		return "under 1 ms"
	case ms < 10:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", ms), ".0") + " ms"
	}
	return fmt.Sprintf("%.0f ms", ms)
}

func rate(bps int) string {
	if bps < 999_500 {
		return fmt.Sprintf("%.0f kbit/s", float64(bps)/1000)
	}
	return fmt.Sprintf("%.1f Mbit/s", float64(bps)/1e6)
}

func percent(v float64) string {
	if v > 0 && v < 0.0005 {
		return "under 0.1 %"
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", v*100), ".0") + " %"
}

func optional[T any](o netstack.Opt[T], write func(T) string) string {
	if !o.OK {
		return wordUnknown
	}
	return write(o.Value)
}

// lasting writes a length of time.
func lasting(d time.Duration) string {
	d = d.Round(time.Second)
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case h > 0:
		return fmt.Sprintf("%d h %d min", h, m)
	case m > 0 && s > 0:
		return fmt.Sprintf("%d min %d s", m, s)
	case m > 0:
		return fmt.Sprintf("%d min", m)
	}
	return fmt.Sprintf("%d s", s)
}

// into writes how long after the start of a call something was.
func into(d time.Duration) string {
	d = max(0, d.Round(time.Second))
	if d >= time.Hour {
		return fmt.Sprintf("%d:%02d:%02d", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

// roundUp returns the next 1, 2, 3, 5 or 8 times a power of ten.
func roundUp(v float64) float64 {
	if v <= 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return 1
	}
	p := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 3, 5, 8} {
		if m*p >= v*(1-1e-9) {
			return m * p
		}
	}
	return 10 * p
}
