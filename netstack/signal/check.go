package signal

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Limits of what members send each other, checked by the server before
// anything is relayed and long before anyone parses it.
const (
	maxSDP        = 64 << 10
	maxMedia      = 64 // m-lines of a description
	maxCandidates = 64 // from one member to another, after each description
	maxCandidate  = 512
)

// peerBody is the part of a relayed body that the server looks at. Bodies are
// those of W3C WebRTC: RTCSessionDescriptionInit and RTCIceCandidateInit.
type peerBody struct {
	SDP       *string `json:"sdp"`
	Candidate *string `json:"candidate"`
}

// found is what a relayed body holds.
type found struct {
	description bool
	candidates  int
	addrs       []netip.AddrPort
}

// inspect checks a relayed body against the limits and returns the addresses
// it signals. The error is a sentence for the sender.
func inspect(body json.RawMessage) (found, error) {
	var f found
	if len(body) == 0 || body[0] != '{' {
		return f, nil // nothing of ours to look at
	}
	var b peerBody
	if err := json.Unmarshal(body, &b); err != nil {
		return f, fmt.Errorf("body: %w", err)
	}
	if b.SDP != nil {
		if err := f.readSDP(*b.SDP); err != nil {
			return f, err
		}
	}
	if b.Candidate != nil && *b.Candidate != "" { // empty: end of candidates
		if len(*b.Candidate) > maxCandidate {
			return f, fmt.Errorf("candidate of %d bytes, %d are allowed", len(*b.Candidate), maxCandidate)
		}
		f.add(*b.Candidate)
	}
	return f, nil
}

func (f *found) readSDP(sdp string) error {
	if len(sdp) > maxSDP {
		return fmt.Errorf("SDP of %d bytes, %d are allowed", len(sdp), maxSDP)
	}
	f.description = true
	media := 0
	for line := range strings.Lines(sdp) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case strings.HasPrefix(line, "m="):
			media++
		case strings.HasPrefix(line, "a=candidate:"):
			f.add(line[len("a="):])
		}
	}
	if media > maxMedia {
		return fmt.Errorf("SDP with %d media sections, %d are allowed", media, maxMedia)
	}
	if f.candidates > maxCandidates {
		return fmt.Errorf("SDP with %d candidates, %d are allowed", f.candidates, maxCandidates)
	}
	return nil
}

// add notes a candidate-attribute (RFC 8839 section 5.1): "candidate:"
// foundation component transport priority address port "typ" type …
func (f *found) add(candidate string) {
	f.candidates++
	fields := strings.Fields(candidate)
	if len(fields) < 6 {
		return
	}
	addr, err := netip.ParseAddr(fields[4])
	if err != nil {
		return // an mDNS name
	}
	port, err := strconv.ParseUint(fields[5], 10, 16)
	if err != nil {
		return
	}
	f.addrs = append(f.addrs, netip.AddrPortFrom(addr.Unmap().WithZone(""), uint16(port)))
}

// relayed reports whether messages of this type go from member to member. The
// server does not read more of them than inspect does; types that begin with
// "x-" are free for trying things out.
func relayed(typ string) bool {
	switch typ {
	case TypeDescription, TypeCandidate, TypeHello, TypeRestart:
		return true
	}
	return strings.HasPrefix(typ, "x-")
}
