package peer

import (
	"bytes"
	"io"
	"net"
	"testing"

	"github.com/pion/stun/v3"
)

func permission(t *testing.T, ip string) *stun.Message {
	t.Helper()
	peer := stun.XORMappedAddress{IP: net.ParseIP(ip), Port: 9}
	m, err := stun.Build(stun.TransactionID, askPermission, asPeer{peer})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

type asPeer struct{ stun.XORMappedAddress }

func (a asPeer) AddTo(m *stun.Message) error { return a.AddToAs(m, stun.AttrXORPeerAddress) }

// A permission is answered at once, for the first time it is asked for; and
// never in the middle of what the server sends.
func TestPermissionsAreAnsweredAtOnce(t *testing.T) {
	near, far := net.Pipe()
	n := newNetwork(&Factory{ctx: t.Context()})
	tracked, err := n.track(near)
	if err != nil {
		t.Fatal(err)
	}
	c := &trackedStream{Conn: near, t: tracked, permitter: newPermitter()}
	var asked bytes.Buffer
	done := make(chan struct{})
	go func() { defer close(done); _, _ = io.Copy(&asked, far) }()
	buf := make([]byte, 1500)
	read := func() []byte {
		t.Helper()
		n, err := c.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return buf[:n]
	}
	first := permission(t, "192.168.1.2")
	if _, err := c.Write(first.Raw); err != nil {
		t.Fatal(err)
	}
	got := &stun.Message{Raw: read()}
	if err := got.Decode(); err != nil || got.Type != grantPermission || got.TransactionID != first.TransactionID {
		t.Fatalf("%v, %v", got, err)
	}
	if c.permitter.answer(permission(t, "192.168.1.2").Raw, nil) {
		t.Error("answered again: that is the server's to do")
	}
	if c.permitter.answer([]byte("\x00\x01\x00\x00!\x12\xa4Babcdefghijkl"), nil) {
		t.Error("answered what was no question for a permission")
	}

	// Five bytes of channel data, in two parts, with what fills it up to eight.
	halves := make(chan []byte)
	go func() {
		for b := range halves {
			_, _ = far.Write(b)
		}
	}()
	halves <- []byte{0x40, 0, 0, 5, 'h', 'e'}
	if got := read(); len(got) != 6 {
		t.Fatalf("read %q", got)
	}
	if !c.permitter.answer(permission(t, "192.168.1.3").Raw, nil) {
		t.Fatal("another address was not answered")
	}
	halves <- []byte{'l', 'l', 'o', 0, 0, 0}
	if got := read(); string(got) != "llo\x00\x00\x00" {
		t.Fatalf("read %q within a message", got)
	}
	if got := read(); !stun.IsMessage(got) {
		t.Fatalf("read %q, want the answer", got)
	}
	close(halves)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	<-done
	if asked.Len() != len(first.Raw) {
		t.Errorf("the server was sent %d bytes, want the question", asked.Len())
	}
}
