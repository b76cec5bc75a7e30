package trace

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"reflect"
	"testing"

	"candid/netstack"

	"github.com/pion/webrtc/v4"
)

var candidate = netstack.Candidate{ID: "c1", Type: webrtc.ICECandidateTypeSrflx, Protocol: "udp", Address: "203.0.113.9", Port: 4444,
	Priority: 1 << 31, RelatedAddress: "192.168.1.7", RelatedPort: 5, URL: "stun:stun.example.org:3478", Network: netstack.WiFi}

var events = []netstack.Event{
	netstack.CandidateFound{Peer: "p", Local: true, Candidate: candidate},
	netstack.CandidateFailed{Peer: "p", URL: "turn:203.0.113.1:7788", ErrorCode: 486, ErrorText: "allocation quota reached"},
	netstack.PairChanged{Peer: "p", Pair: netstack.Pair{ID: "1", Local: "c1", State: netstack.PairSucceeded, Priority: 1<<63 + 1, RTT: netstack.Some(second(1).Sub(start))}},
	netstack.LinkChanged{Peer: "p", State: webrtc.PeerConnectionStateConnected, Why: "it works"},
	netstack.MilestoneReached{Peer: "p", Step: netstack.DTLSConnected, At: start},
	netstack.TrackAdded{Peer: "p", Track: ended{Track{"camera", "s", "video", "video/VP8"}}},
	netstack.KeyFrameRequested{Peer: "p", TrackID: "camera"},
	netstack.DemandChanged{Peer: "p", TrackID: "camera", Wanted: true},
	netstack.SpeakersChanged{Speakers: []netstack.PeerID{"p", "q"}},
	netstack.Restarted{Peer: "p", Why: "the address is gone"},
}

func TestEventsComeBack(t *testing.T) {
	var out bytes.Buffer
	e := NewEncoder(&out, Header{Start: start})
	e.Record("something of tomorrow", start, 1)
	for _, ev := range events {
		kind, body := OfEvent(ev)
		e.Record(kind, start, body)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	var got []netstack.Event
	for rec := range open(t, out.Bytes()).All() {
		ev, err := rec.Event()
		if err != nil {
			t.Fatal(err)
		}
		if ev != nil {
			got = append(got, ev)
		}
	}
	if !reflect.DeepEqual(got, events) {
		t.Errorf("got\n%+v, want\n%+v", got, events)
	}
	track := got[5].(netstack.TrackAdded).Track
	track.RequestKeyFrame()
	if _, _, err := track.ReadRTP(); !errors.Is(err, io.EOF) || track.SenderReport().OK || track.Codec().MimeType != "video/VP8" {
		t.Errorf("a track of the past: %v", err)
	}
}

// TestNoEventIsForgotten reads which events package netstack has.
func TestNoEventIsForgotten(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "../event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, e := range events {
		known[reflect.TypeOf(e).Name()] = true
	}
	n := 0
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Name.Name != "event" {
			continue
		}
		n++
		if name := fn.Recv.List[0].Type.(*ast.Ident).Name; !known[name] {
			t.Errorf("%s does not come back, or is not in this test", name)
		}
	}
	if n < 8 {
		t.Errorf("found only %d events", n)
	}
}

func TestBadEventIsAnError(t *testing.T) {
	rec := Record{Kind: "link-changed", body: "hello"}
	if e, err := rec.Event(); err == nil || e != nil {
		t.Errorf("got %v, %v", e, err)
	}
}
