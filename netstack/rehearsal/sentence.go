package rehearsal

import (
	"fmt"
	"strings"

	"candid/netstack"
	"candid/netstack/verdict"
)

// Sentence predicts how a call will go.
func (r Result) Sentence() string {
	var s string
	switch len(r.Lines) {
	case 0:
		return "Nobody is in the room now, so only the way to the host could be tried."
	case 1:
		s = oneSentence(r.Lines[0])
	default:
		s = r.counted()
	}
	if r.Room == netstack.SFU || r.Room == netstack.MCU {
		s += " The room itself goes through the host at the moment."
	}
	return s
}

func oneSentence(l Line) string {
	switch l.Verdict.Path {
	case verdict.Direct:
		return "A call with " + l.Name + " would go directly."
	case verdict.Relayed:
		return "A call with " + l.Name + " would be relayed by the host."
	case verdict.Connecting, verdict.Unknown:
		return "No way to " + l.Name + " was found yet."
	}
	return "No way to " + l.Name + " was found."
}

// counted says how many lines go which way.
func (r Result) counted() string {
	n := map[verdict.Path]int{}
	for _, l := range r.Lines {
		n[l.Verdict.Path]++
	}
	var parts []string
	part := func(count int, words string) {
		if count > 0 {
			parts = append(parts, fmt.Sprintf(words, count))
		}
	}
	part(n[verdict.Direct], "%d reached directly")
	part(n[verdict.Relayed], "%d relayed by the host")
	part(len(r.Lines)-n[verdict.Direct]-n[verdict.Relayed], "%d not reached")
	return fmt.Sprintf("Of the %d people there, %s.", len(r.Lines), strings.Join(parts, ", "))
}
