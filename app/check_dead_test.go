package app

import (
	"bytes"
	"encoding/json"
	"net"
	"testing"
	"time"

	"candid/netstack/invite"
)

// TestCheckOfTheDead: where every server takes what is sent and says nothing,
// the report is whole and not late.
func TestCheckOfTheDead(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	u, err := net.ListenPacket("udp", l.Addr().String())
	if err != nil {
		t.Skip("the same UDP port is taken")
	}
	defer u.Close()
	at := l.Addr().String()
	dead := invite.Invite{Addresses: []string{at, "192.0.2.1:7788"}, Room: "otter", Secret: invite.NewSecret()}
	dead.Pin[0] = 1
	var out, errs bytes.Buffer
	began := time.Now()
	code := checkCommand([]string{dead.String(), "--json", "--server", "turn:" + at, "--server", "stun:192.0.2.1:3478"}, &out, &errs)
	took := time.Since(began)
	var c checked
	if err := json.Unmarshal(out.Bytes(), &c); err != nil {
		t.Fatalf("%v: %s %s", err, out.String(), errs.String())
	}
	t.Logf("took %v, by its own word %v", took, c.Duration)
	if code != exitFailed || c.Sentence == "" || len(c.Servers) == 0 || len(c.Signaling) != 2 {
		t.Errorf("exit code %d, %+v", code, c)
	}
	// 3 s are promised; a loaded machine may take longer to say so.
	if c.Duration > 3*time.Second || took > 8*time.Second {
		t.Errorf("took %v, by its own word %v", took, c.Duration)
	}
}
