package ui

import (
	"fmt"
	"strings"
	"time"

	"candid/app/call"
	"candid/netstack"
)

// seamWait is how long after a change of path its cost is known.
const seamWait = 1300 * time.Millisecond

// seam tells of a change of path when it is known what it cost.
type seam struct {
	change call.PathChange
	at     time.Time // when it is told; zero: nothing waits
	told   time.Time // PathChange.At of the last one told
}

// changed takes a change of path.
func (s *seam) changed(c call.PathChange, now time.Time) {
	if !c.Done || c.Failed != "" || c.At.Equal(s.told) && !s.told.IsZero() {
		return
	}
	if s.at.IsZero() || !c.At.Equal(s.change.At) {
		s.at = now.Add(seamWait)
	}
	s.change = c
}

// due is the sentence about the newest change, once.
func (s *seam) due(snap call.Snapshot, now time.Time) (notice, bool) {
	if s.at.IsZero() || now.Before(s.at) {
		return notice{}, false
	}
	s.at, s.told = time.Time{}, s.change.At
	if c := snap.Change; c.OK && c.Value.Done && c.Value.At.Equal(s.change.At) {
		s.change = c.Value
	}
	return notice{Icon: "shuffle", Text: seamWords(s.change, snap)}, true
}

// seamWords says which path media takes now, why, and what the change cost.
func seamWords(c call.PathChange, s call.Snapshot) string {
	why := count(len(s.Others)+1, "person", "people")
	switch c.To {
	case s.Forced:
		why = "as you chose"
	case s.RoomForced:
		why = "as a moderator chose"
	}
	return "Now " + pathWords(c.To) + ": " + why + ". " + seamCost(c)
}

// seamCost is what was lost.
func seamCost(c call.PathChange) string {
	parts := []string{"No picture lost"}
	if c.Missing > 0 {
		parts[0] = count(c.Missing, "picture", "pictures") + " lost"
	}
	if ms := c.Concealed.Milliseconds(); ms > 0 {
		parts = append(parts, fmt.Sprintf("%d ms of sound made up", ms))
	}
	return strings.Join(parts, ", ") + "."
}

// pathWords says a path as one would.
func pathWords(t netstack.Topology) string {
	switch t {
	case netstack.P2P:
		return "straight to each other"
	case netstack.SFU:
		return "through the host"
	case netstack.MCU:
		return "mixed by the host"
	}
	return "on the old path"
}

// failedWords says why the old path stayed.
func failedWords(c call.PathChange) string {
	return "Still " + pathWords(c.From) + ": " + strings.TrimSuffix(c.Failed, ".") + "."
}
