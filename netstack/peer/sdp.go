package peer

import (
	"errors"
	"fmt"
	"strings"
)

// Limits on what the other side may send, checked on the text before anything
// parses it: pion takes 1.7 s for 5000 media sections.
const (
	maxSDP       = 64 << 10 // bytes
	maxSections  = 64       // m= lines
	maxLines     = 4096
	maxCandidate = 512 // bytes of one candidate
)

// description is an SDP taken apart as far as this package looks into it.
type description struct {
	sdp         string // without candidates
	candidates  []string
	ufrag       string
	fingerprint string // lower case "sha-256 ab:cd:…"
}

var errFingerprint = errors.New("sdp: want one sha-256 fingerprint, the same in all sections")

// readSDP checks text against the limits and takes its candidates out, so that
// they go the way of trickled ones. It demands exactly one DTLS fingerprint
// (RFC 8122), of sha-256: pion would accept any of several, md5 included.
func readSDP(text string) (description, error) {
	var d description
	if len(text) > maxSDP {
		return d, fmt.Errorf("sdp: %d bytes, %d are allowed", len(text), maxSDP)
	}
	var kept strings.Builder
	kept.Grow(len(text))
	lines, sections := 0, 0
	for line := range strings.Lines(text) {
		if lines++; lines > maxLines {
			return d, fmt.Errorf("sdp: more than %d lines", maxLines)
		}
		bare := strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(bare, "m="):
			if sections++; sections > maxSections {
				return d, fmt.Errorf("sdp: more than %d media sections", maxSections)
			}
		case strings.HasPrefix(bare, "a=candidate:"):
			if !ofRTCP(bare) {
				d.candidates = append(d.candidates, bare[len("a="):])
			}
			continue
		case bare == "a=end-of-candidates":
			continue
		case strings.HasPrefix(bare, "a=ice-ufrag:"):
			d.ufrag = bare[len("a=ice-ufrag:"):]
		case strings.HasPrefix(strings.ToLower(bare), "a=fingerprint:"):
			print := strings.ToLower(bare[len("a=fingerprint:"):])
			if d.fingerprint != "" && d.fingerprint != print {
				return d, errFingerprint
			}
			d.fingerprint = print
		}
		kept.WriteString(line)
	}
	if !strings.HasPrefix(d.fingerprint, "sha-256 ") {
		return d, errFingerprint
	}
	if d.ufrag == "" || sections == 0 {
		return d, errors.New("sdp: no ICE credentials or no media section")
	}
	d.sdp = kept.String()
	return d, nil
}

// ofRTCP reports whether a candidate is of component 2, which pion lists too
// although RTCP shares the path of RTP.
func ofRTCP(line string) bool {
	_, rest, _ := strings.Cut(line, " ")
	return strings.HasPrefix(rest, "2 ")
}

// resting rewrites media sections offered as inactive to recvonly where idle
// says that we send nothing in them either. They mean the same then, but pion
// stops its receiver for good when it is told inactive twice, and a track that
// comes back later is never heard.
func resting(text string, idle func(mid string) bool) string {
	sections := strings.Split(text, "\nm=")
	for i, s := range sections[1:] {
		mid, inactive := "", false
		for line := range strings.Lines(s) {
			line = strings.TrimRight(line, "\r\n")
			if m, ok := strings.CutPrefix(line, "a=mid:"); ok {
				mid = m
			}
			inactive = inactive || line == "a=inactive"
		}
		if inactive && idle(mid) {
			sections[i+1] = strings.Replace(s, "a=inactive", "a=recvonly", 1)
		}
	}
	return strings.Join(sections, "\nm=")
}

// trickled leaves out the candidates of our own description: they are sent one
// by one, and counting them twice wears out the other side's limit.
func trickled(text string) string {
	var out strings.Builder
	out.Grow(len(text))
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "a=candidate:") && !strings.HasPrefix(line, "a=end-of-candidates") {
			out.WriteString(line)
		}
	}
	return out.String()
}
