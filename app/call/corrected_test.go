package call

import (
	"testing"

	"candid/netstack"
	"candid/netstack/probe"
)

// A server's own error is told when a look at our network brings it, once.
func TestCorrected(t *testing.T) {
	lines := []Line{{Link: netstack.Link{Peer: "b", Failures: []netstack.CandidateFailed{
		{Peer: "b", URL: "turn:a", ErrorCode: 701}, {Peer: "b", URL: "stun:b", ErrorCode: 701}, {Peer: "b", URL: "turn:c", ErrorCode: 486, ErrorText: "Quota"},
	}}}}
	report := probe.Report{Servers: []probe.Server{
		{URL: "turn:a", Code: 401, Text: "Unauthorized"}, {URL: "stun:b"}, {URL: "turn:c", Code: 486, Text: "Quota"},
	}}
	got := corrected(lines, report)
	if len(got) != 1 || got[0].URL != "turn:a" || got[0].ErrorCode != 401 || got[0].Peer != "b" {
		t.Errorf("%+v", got)
	}
}
