package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"candid/app/call"
	"candid/netstack"
	"candid/netstack/verdict"

	"github.com/pion/webrtc/v4"
)

// sample is a dump that Chrome 156 made of two connections on one page that
// call each other for 25 seconds: one sends, the other receives.
func sampleDump(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/webrtc-internals.json")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func importAll(t testing.TB, b []byte) *Recording {
	t.Helper()
	var out bytes.Buffer
	if err := ImportInternals(&out, bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	r, err := Read(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"verysecret", "a=ice-pwd"} {
		if bytes.Contains(out.Bytes(), []byte(secret)) {
			t.Errorf("%s is in the trace", secret)
		}
	}
	return r
}

func TestImportOfATrueDump(t *testing.T) {
	r := importAll(t, sampleDump(t))
	if r.Header.Program != "HeadlessChrome 156" || len(r.People) != 2 || r.Duration() < 20*time.Second || r.Duration() > 30*time.Second {
		t.Fatalf("%q, %d connections, %v", r.Header.Program, len(r.People), r.Duration())
	}
	m := r.At(r.Start.Add(15 * time.Second))
	s, lines := m.Snapshot, m.Lines
	if s.State != call.Connected || len(lines) != 2 {
		t.Fatalf("%v with %d lines", s.State, len(lines))
	}
	send, receive := lines[0], lines[1]
	if len(send.Link.Out) == 0 {
		send, receive = receive, send
	}
	for _, l := range lines {
		pair, local, remote, ok := l.Link.SelectedPair()
		if !ok || pair.State != netstack.PairSucceeded || local.Address != "192.0.2.2" && local.Address != "fd00::2" || remote.Port == 0 ||
			local.Type != webrtc.ICECandidateTypeHost || l.Link.State != webrtc.PeerConnectionStateConnected || l.Verdict.Path != verdict.Direct {
			t.Errorf("%s: %+v %+v %+v %v", l.Member.Name, pair, local, remote, l.Link.State)
		}
		if rtt := l.Link.RTT; !rtt.OK || rtt.Value > 100*time.Millisecond {
			t.Errorf("%s: round trip %v", l.Member.Name, rtt)
		}
		if l.Link.DTLSState != "connected" || l.Link.SRTP == "" || len(l.Link.Milestones) < 4 {
			t.Errorf("%s: DTLS %q SRTP %q, %d steps", l.Member.Name, l.Link.DTLSState, l.Link.SRTP, len(l.Link.Milestones))
		}
		if n := len(l.History); n < 13 || n > 17 {
			t.Errorf("%s: %d samples after 15 s", l.Member.Name, n)
		}
	}
	// The page itself computed 170 to 210 kbit/s for the picture and 24 for the sound.
	last := send.History[len(send.History)-1]
	if !last.Send.OK || last.Send.Value < 180_000 || last.Send.Value > 260_000 {
		t.Errorf("sends %v", last.Send)
	}
	got := receive.History[len(receive.History)-1]
	if !got.Receive.OK || got.Receive.Value < 170_000 || got.Receive.Value > 260_000 || !got.Loss.OK || got.Loss.Value > .01 || !got.Jitter.OK {
		t.Errorf("receives %+v", got)
	}
	if p := receive.Picture; !p.OK || p.Value.FrameWidth != 640 || p.Value.FrameHeight != 360 || p.Value.FramesPerSecond < 15 || !p.Value.JitterBufferDelay.OK {
		t.Errorf("picture %+v", p)
	}
	if p := receive.Sound; !p.OK || !p.Value.JitterBufferDelay.OK || !p.Value.Concealed.OK {
		t.Errorf("sound %+v", p)
	}
	if rep, err := r.Report(false); err != nil || rep.Summary != "Direct all the time." {
		t.Errorf("%q %v", rep.Summary, err)
	}
}

// TestImportOfAnOlderDump has what Chrome wrote before: times as text, names
// without "on", errors of servers.
func TestImportOfAnOlderDump(t *testing.T) {
	at := func(s int) string { return simStart.Add(time.Duration(s) * time.Second).UTC().Format(time.RFC3339) }
	series := func(kind string, values ...any) map[string]any {
		v, err := json.Marshal(values)
		if err != nil {
			t.Fatal(err)
		}
		return map[string]any{"statsType": kind, "startTime": at(1), "endTime": at(len(values)), "values": string(v)}
	}
	stats := map[string]any{
		"T-1-dtlsState": series("transport", "new", "connecting", "connected"), "T-1-selectedCandidatePairId": series("transport", "", "P", "P"),
		"P-state": series("candidate-pair", "in-progress", "succeeded", "succeeded"), "P-localCandidateId": series("candidate-pair", "L", "L", "L"), "P-remoteCandidateId": series("candidate-pair", "R", "R", "R"),
		"P-currentRoundTripTime": series("candidate-pair", nil, .05, .06),
		"L-ip":                   series("local-candidate", "10.1.1.1", "10.1.1.1", "10.1.1.1"), "L-candidateType": series("local-candidate", "relay", "relay", "relay"),
		"R-ip": series("remote-candidate", "8.8.8.8", "8.8.8.8", "8.8.8.8"), "R-candidateType": series("remote-candidate", "strange", "strange", "strange"),
		"broken": 5, "no-values": map[string]any{"statsType": "x", "values": "["},
	}
	delete(stats, "broken")
	b, err := json.Marshal(map[string]any{"PeerConnections": map[string]any{"1-1": map[string]any{"stats": stats, "updateLog": []any{
		map[string]any{"time": at(1), "type": "icecandidateerror", "value": "url: turn:198.51.100.1:3478\naddress: 10.1.1.x\nerror_text: Unauthorized\nerror_code: 401"},
		map[string]any{"time": at(3), "type": "connectionstatechange", "value": "failed"},
		map[string]any{"time": "some day", "type": "connectionstatechange", "value": "connected"},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	r := importAll(t, b)
	lines := r.At(simStart.Add(3500 * time.Millisecond)).Lines
	if len(lines) != 1 {
		t.Fatalf("%d lines", len(lines))
	}
	l := lines[0].Link
	if len(l.Failures) != 1 || l.Failures[0].ErrorCode != 401 || l.Failures[0].URL != "turn:198.51.100.1:3478" || l.Failures[0].ErrorText != "Unauthorized" {
		t.Errorf("failures %+v", l.Failures)
	}
	if !l.RTT.OK || l.RTT.Value != 50*time.Millisecond || l.Local[0].Address != "10.1.1.1" || l.State != webrtc.PeerConnectionStateConnecting && l.State != webrtc.PeerConnectionStateConnected {
		t.Errorf("link %+v", l)
	}
	if m := r.At(r.End); m.Snapshot.Others == nil || m.Lines[0].Link.State != webrtc.PeerConnectionStateFailed {
		t.Errorf("at the end: %+v", lines)
	}
}

func TestNotADump(t *testing.T) {
	for _, s := range []string{"", "hello", "{}", "[]", `{"PeerConnections":{}}`, `{"PeerConnections":{"1":{"stats":{}}}}`, `{"PeerConnections":5}`} {
		if err := ImportInternals(&bytes.Buffer{}, strings.NewReader(s)); !errors.Is(err, ErrNotADump) {
			t.Errorf("%q: %v", s, err)
		}
	}
	long := `{"PeerConnections":{"1":{"stats":{"a-b":{"statsType":"transport","startTime":"1900-01-01T00:00:00Z","endTime":"2100-01-01T00:00:00Z","values":[` + strings.Repeat("1,", 200_000) + `1]}}}}}`
	if err := ImportInternals(&bytes.Buffer{}, strings.NewReader(long)); err == nil {
		t.Error("two hundred years are not too long")
	}
}

func FuzzImportInternals(f *testing.F) {
	f.Add([]byte(`{"PeerConnections":{"1-1":{"stats":{"IT-bytesReceived":{"statsType":"inbound-rtp","startTime":"2026-11-21T09:00:00Z","endTime":"2026-11-21T09:00:02Z","values":"[1,2e300,-3]"},"IT-kind":{"statsType":"inbound-rtp","startTime":"2026-11-21T09:00:00Z","endTime":"2026-11-21T09:00:02Z","values":["video","audio",null]}},"updateLog":[{"timestamp":1795252025990.4,"type":"onconnectionstatechange","value":"\"connected\""}]}}}`))
	f.Add([]byte(`{"PeerConnections":{"1":{"stats":{"P-state":{"statsType":"candidate-pair","startTime":"2026-11-21T09:00:00Z","endTime":"2026-11-21T09:00:00Z","values":"[\"failed\"]"}}}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var out bytes.Buffer
		if err := ImportInternals(&out, bytes.NewReader(b)); err != nil {
			return
		}
		r, err := Read(bytes.NewReader(out.Bytes()), int64(out.Len()))
		if err != nil {
			t.Fatal(err)
		}
		r.At(r.End)
		rep, err := r.Report(false)
		if err == nil {
			err = rep.WriteHTML(&out)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}
