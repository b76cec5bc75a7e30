package sfu

import (
	"strings"
	"testing"
)

// FuzzReadSDP: whatever a client sends as its description, no panic, and what
// is taken keeps to the limits.
func FuzzReadSDP(f *testing.F) {
	f.Add("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=fingerprint:sha-256 12:34:56:78:90:AB:CD:EF:12:34:56:78:90:AB:CD:EF:12:34:56:78:90:AB:CD:EF:12:34:56:78:90:AB:CD:EF\r\n" +
		"m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:actpass\r\na=rtpmap:96 VP8/90000\r\n" +
		"a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=msid:s camera\r\na=rid:q send\r\na=simulcast:send q;h;f\r\na=ssrc:1234 cname:x\r\na=sendonly\r\n")
	f.Add("m=audio 9 x 111\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:")
	f.Add(strings.Repeat("m=\r\n", 70))
	f.Fuzz(func(t *testing.T, text string) {
		d, err := readSDP(text)
		if err != nil {
			return
		}
		if len(d.sections) == 0 || len(d.sections) > maxSections || d.ufrag == "" || !strings.HasPrefix(d.fingerprint, "sha-256 ") {
			t.Errorf("%d sections, user %q, fingerprint %q were taken", len(d.sections), d.ufrag, d.fingerprint)
		}
		for _, s := range d.sections {
			if len(s.mid) > maxName || len(s.track) > maxName {
				t.Errorf("names of %d and %d bytes were taken", len(s.mid), len(s.track))
			}
		}
	})
}
