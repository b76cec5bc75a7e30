package ui

import (
	"fmt"
	"strings"
	"time"

	"candid/netstack"
)

// millis writes a duration as a person reads a round trip.
func millis(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case ms > 0 && ms < 0.1:
		return "under 0.1 ms"
	case ms < 10:
		return trimZero(fmt.Sprintf("%.1f", ms)) + " ms"
	case ms < 10000:
		return fmt.Sprintf("%.0f ms", ms)
	}
	return fmt.Sprintf("%.0f s", ms/1000)
}

// roundTrip writes a round trip as badges do.
func roundTrip(d time.Duration) string {
	if d < time.Millisecond {
		return "under 1 ms"
	}
	return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
}

// rate writes bits per second.
func rate(bps float64) string {
	switch {
	case bps < 1000:
		return fmt.Sprintf("%.0f bit/s", bps)
	case bps < 999_500:
		return fmt.Sprintf("%.0f kbit/s", bps/1000)
	}
	return trimZero(fmt.Sprintf("%.1f", bps/1e6)) + " Mbit/s"
}

// percent writes a share of 0 to 1.
func percent(v float64) string {
	if v > 0 && v < 0.0005 {
		return "under 0.1 %"
	}
	return trimZero(fmt.Sprintf("%.1f", v*100)) + " %"
}

func trimZero(s string) string { return strings.TrimSuffix(s, ".0") }

// bytesOf writes an amount of data.
func bytesOf(n uint64) string {
	v := float64(n)
	for _, u := range []string{"B", "kB", "MB"} {
		if v < 1000 {
			return trimZero(fmt.Sprintf("%.1f", v)) + " " + u
		}
		v /= 1000
	}
	return trimZero(fmt.Sprintf("%.1f", v)) + " GB"
}

// known writes a value, or that it is not measured: never 0 for nothing.
func known[T any](o netstack.Opt[T], write func(T) string) string {
	if !o.OK {
		return wordUnproven
	}
	return write(o.Value)
}

// clock writes how long a call lasts.
func clock(d time.Duration) string {
	d = max(d, 0)
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	if h > 0 {
		return fmt.Sprintf("%d:%02d:%02d", h, m, s)
	}
	return fmt.Sprintf("%02d:%02d", m, s)
}

// ago writes when something was, as one says it.
func ago(t, now time.Time) string {
	d := now.Sub(t)
	day := func(t time.Time) time.Time { y, m, d := t.Date(); return time.Date(y, m, d, 0, 0, 0, 0, t.Location()) }
	t = t.In(now.Location())
	days := int(day(now).Sub(day(t)).Hours()+12) / 24
	switch {
	case t.IsZero():
		return ""
	case d < 2*time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d minutes ago", int(d.Minutes()))
	case days == 0:
		return "today, " + t.Format("15:04")
	case days == 1:
		return "yesterday, " + t.Format("15:04")
	case days < 7:
		return t.Format("Monday, 15:04")
	case t.Year() == now.Year():
		return t.Format("2 January")
	}
	return t.Format("2 January 2006")
}

// count writes a number of things.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// restCount is how many more there are.
func restCount(n int) string { return fmt.Sprintf("%d more", n) }

// joined writes names after each other.
func joined(names []string) string { return strings.Join(names, ", ") }

// countWords is a number of news, in little space.
func countWords(n int) string {
	if n > 99 {
		return "99+"
	}
	return fmt.Sprint(n)
}
