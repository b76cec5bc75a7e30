package sfu

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"candid/netstack/sfu/forward"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// Limits on what a client may send as SDP, checked before and while it is read.
const (
	maxSDP      = 64 << 10
	maxSections = 64
	maxLines    = 4096
	maxName     = 64 // of a mid, rid, track, ICE user name fragment …
	maxPassword = 256
)

var errFingerprint = errors.New("sdp: want one sha-256 fingerprint, the same in all sections")

// remoteSDP is a client's offer or answer as far as it matters here.
type remoteSDP struct {
	ufrag, pwd  string
	fingerprint string // lower case "sha-256 ab:cd:…"
	setup       string
	sections    []remoteSection
}

// remoteSection is one media section (RFC 9429 section 5.2), from the client's
// point of view.
type remoteSection struct {
	kind     webrtc.RTPCodecType // 0: neither sound nor picture
	mid      string
	rejected bool
	sends    bool
	receives bool
	codec    forward.Codec // the one that is used: VP8 if it is there; 0: none is known
	formats  map[forward.Codec]format
	ids      map[string]uint8
	track    string // of msid; empty: not named
	ssrcs    []uint32
	rids     []string
	rtpmap   map[string]string // payload type to encoding name
	fmtp     map[string]string // payload type to parameters
	order    []string          // payload types in order of preference
}

// readSDP reads text line by line; unknown lines are skipped (RFC 8866 section 5).
func readSDP(text string) (remoteSDP, error) {
	var d remoteSDP
	if len(text) > maxSDP {
		return d, fmt.Errorf("sdp: %d bytes, %d are allowed", len(text), maxSDP)
	}
	lines := 0
	for line := range strings.Lines(text) {
		if lines++; lines > maxLines {
			return d, fmt.Errorf("sdp: more than %d lines", maxLines)
		}
		line = strings.TrimRight(line, "\r\n")
		var err error
		switch {
		case strings.HasPrefix(line, "m="):
			err = d.begin(line[2:])
		case strings.HasPrefix(line, "a="):
			name, value, _ := strings.Cut(line[2:], ":")
			if err = d.attribute(name, value); err == nil && len(d.sections) > 0 {
				d.sections[len(d.sections)-1].attribute(name, value)
			}
		}
		if err != nil {
			return d, err
		}
	}
	switch {
	case !strings.HasPrefix(d.fingerprint, "sha-256 "):
		return d, errFingerprint
	case d.ufrag == "" || d.pwd == "" || len(d.ufrag) > maxPassword || len(d.pwd) > maxPassword:
		return d, errors.New("sdp: no usable ICE credentials")
	case len(d.sections) == 0:
		return d, errors.New("sdp: no media section")
	}
	return d, d.finish()
}

func (d *remoteSDP) begin(line string) error {
	f := strings.Fields(line)
	if len(f) < 4 {
		return errors.New("sdp: broken media section")
	}
	if len(d.sections) == maxSections {
		return fmt.Errorf("sdp: more than %d media sections", maxSections)
	}
	s := remoteSection{order: f[3:], sends: true, receives: true, ids: map[string]uint8{}, rtpmap: map[string]string{}, fmtp: map[string]string{}, formats: map[forward.Codec]format{}}
	s.kind = webrtc.NewRTPCodecType(f[0])
	s.rejected = f[1] == "0"
	d.sections = append(d.sections, s)
	return nil
}

// attribute takes what may stand in a section or before all, and is the same
// everywhere because of BUNDLE.
func (d *remoteSDP) attribute(name, value string) error {
	switch name {
	case "ice-ufrag":
		d.ufrag = value
	case "ice-pwd":
		d.pwd = value
	case "setup":
		d.setup = value
	case "fingerprint":
		print := strings.ToLower(value)
		if d.fingerprint != "" && d.fingerprint != print {
			return errFingerprint
		}
		d.fingerprint = print
	}
	return nil
}

func (s *remoteSection) attribute(name, value string) {
	switch name {
	case "mid":
		s.mid = value
	case "sendrecv", "sendonly", "recvonly", "inactive":
		s.sends, s.receives = name == "sendrecv" || name == "sendonly", name == "sendrecv" || name == "recvonly"
	case "rtpmap":
		if pt, encoding, ok := strings.Cut(value, " "); ok && len(s.rtpmap) < maxSections {
			s.rtpmap[pt] = encoding
		}
	case "fmtp":
		if pt, value, ok := strings.Cut(value, " "); ok && len(s.fmtp) < maxSections && len(value) <= maxPassword {
			s.fmtp[pt] = value
		}
	case "extmap":
		id, uri, _ := strings.Cut(value, " ")
		id, _, _ = strings.Cut(id, "/")
		uri, _, _ = strings.Cut(uri, " ")
		if n, err := strconv.ParseUint(id, 10, 8); err == nil && n > 0 && n < 15 && len(s.ids) < maxSections {
			s.ids[uri] = uint8(n)
		}
	case "msid":
		if _, track, ok := strings.Cut(value, " "); ok {
			s.track = strings.TrimSpace(track)
		}
	case "ssrc":
		text, _, _ := strings.Cut(value, " ")
		n, err := strconv.ParseUint(text, 10, 32)
		if ssrc := uint32(n); err == nil && (len(s.ssrcs) == 0 || s.ssrcs[len(s.ssrcs)-1] != ssrc) && len(s.ssrcs) < maxSections {
			s.ssrcs = append(s.ssrcs, ssrc)
		}
	case "rid":
		if f := strings.Fields(value); len(f) >= 2 && f[1] == "send" && len(s.rids) < maxLayers {
			s.rids = append(s.rids, f[0])
		}
	}
}

// finish checks names and picks the codec of each section.
func (d *remoteSDP) finish() error {
	mids := map[string]bool{}
	for i := range d.sections {
		s := &d.sections[i]
		if !isToken(s.mid) || mids[s.mid] {
			return fmt.Errorf("sdp: section %d has no name of its own", i)
		}
		mids[s.mid] = true
		if s.track != "" && !isToken(s.track) {
			return errors.New("sdp: a track has a name that cannot be used")
		}
		for _, rid := range s.rids {
			if !isToken(rid) {
				return errors.New("sdp: a simulcast layer has a name that cannot be used")
			}
		}
		s.pick()
	}
	return nil
}

// has reports whether a header extension is agreed on in some section.
func (d *remoteSDP) has(uri string, id uint8) bool {
	for i := range d.sections {
		if d.sections[i].ids[uri] == id {
			return true
		}
	}
	return false
}

// isToken reports whether s can be a name in SDP and in what we make of it.
func isToken(s string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// extensions we know of, by kind.
var (
	audioExtensions = []string{sdp.SDESMidURI, sdp.AudioLevelURI, sdp.TransportCCURI}
	videoExtensions = []string{sdp.SDESMidURI, sdp.TransportCCURI, sdp.SDESRTPStreamIDURI}
)

// defaultIDs are used until a client has offered its own.
func defaultIDs() map[string]uint8 {
	return map[string]uint8{sdp.SDESMidURI: 1, sdp.TransportCCURI: 2, sdp.AudioLevelURI: 3, sdp.SDESRTPStreamIDURI: 4}
}

func extensionsOf(kind webrtc.RTPCodecType) []string {
	if kind == webrtc.RTPCodecTypeAudio {
		return audioExtensions
	}
	return videoExtensions
}

// localSection is one media section of ours, from our point of view.
type localSection struct {
	kind           webrtc.RTPCodecType
	media          string // of one we cannot use
	mid            string
	rejected       bool
	sends          bool
	receives       bool
	formats        []format
	rids           []string // we receive
	stream, track  string   // we send
	ssrc           uint32
	onlyExtensions map[string]uint8
}

// localSDP writes our descriptions.
type localSDP struct {
	id, version uint64
	ufrag, pwd  string
	fingerprint string
	setup       string
	candidates  []string
	sections    []localSection
}

func (d *localSDP) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "v=0\r\no=- %d %d IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-lite\r\na=msid-semantic:WMS *\r\na=group:BUNDLE", d.id, d.version)
	for i := range d.sections {
		if !d.sections[i].rejected {
			b.WriteString(" " + d.sections[i].mid)
		}
	}
	b.WriteString("\r\n")
	first := true
	for i := range d.sections {
		d.sections[i].write(&b, d, first)
		first = first && d.sections[i].rejected
	}
	return b.String()
}

func (s *localSection) write(b *strings.Builder, d *localSDP, first bool) {
	if s.rejected {
		fmt.Fprintf(b, "m=%s 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\na=inactive\r\n", s.media, s.mid)
		return
	}
	fmt.Fprintf(b, "m=%s 9 UDP/TLS/RTP/SAVPF", s.kind)
	for _, f := range s.formats {
		fmt.Fprintf(b, " %d", f.pt)
	}
	b.WriteString("\r\nc=IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=rtcp-rsize\r\n")
	fmt.Fprintf(b, "a=mid:%s\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:%s\r\na=setup:%s\r\n", s.mid, d.ufrag, d.pwd, d.fingerprint, d.setup)
	fmt.Fprintf(b, "a=%s\r\n", direction(s.sends, s.receives))
	for _, f := range s.formats {
		f.write(b, s.kind)
	}
	for _, uri := range extensionsOf(s.kind) {
		if id := s.onlyExtensions[uri]; id != 0 {
			fmt.Fprintf(b, "a=extmap:%d %s\r\n", id, uri)
		}
	}
	for _, rid := range s.rids {
		fmt.Fprintf(b, "a=rid:%s recv\r\n", rid)
	}
	if len(s.rids) > 0 {
		fmt.Fprintf(b, "a=simulcast:recv %s\r\n", strings.Join(s.rids, ";"))
	}
	if s.sends {
		fmt.Fprintf(b, "a=msid:%s %s\r\na=ssrc:%d cname:%s\r\na=ssrc:%d msid:%s %s\r\n", s.stream, s.track, s.ssrc, s.stream, s.ssrc, s.stream, s.track)
	}
	if first { // BUNDLE: one transport
		for _, c := range d.candidates {
			fmt.Fprintf(b, "a=%s\r\n", c)
		}
		b.WriteString("a=end-of-candidates\r\n")
	}
}

func direction(sends, receives bool) string {
	switch {
	case sends && receives:
		return "sendrecv"
	case sends:
		return "sendonly"
	case receives:
		return "recvonly"
	}
	return "inactive"
}
