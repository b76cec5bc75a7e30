package signal

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"candid/netstack"
	"candid/netstack/identity"
	"candid/netstack/invite"
)

// rawClient is a client without manners.
type rawClient struct {
	*testing.T
	ws  *websocket.Conn
	seq int
}

func dialRaw(t *testing.T, h *testHost, subprotocols ...string) *rawClient {
	t.Helper()
	d := websocket.Dialer{
		TLSClientConfig: identity.ClientConfig(h.id.Pin), Subprotocols: subprotocols, EnableCompression: true,
		HandshakeTimeout: 5 * time.Second,
	}
	ws, resp, err := d.Dial("wss://"+h.listener.Addr().String()+Path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if ext := resp.Header.Get("Sec-WebSocket-Extensions"); ext != "" {
		t.Errorf("the server agreed to %s", ext)
	}
	t.Cleanup(func() { _ = ws.Close() })
	_ = ws.SetReadDeadline(time.Now().Add(20 * time.Second))
	return &rawClient{T: t, ws: ws}
}

func joinRaw(t *testing.T, h *testHost) *rawClient {
	t.Helper()
	c := dialRaw(t, h, Subprotocol)
	c.say(fmt.Sprintf(`{"type":"join","body":{"version":1,"room":%q,"secret":%q,"key":%q,"name":"Raw"}}`, aRoom, aSecret, invite.NewSecret()))
	c.hear(TypeWelcome)
	return c
}

func (c *rawClient) say(text string) {
	c.Helper()
	if err := c.ws.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		c.Logf("write: %v", err) // the server may have cut already
	}
}

// number says a message with the next number.
func (c *rawClient) number(rest string) {
	c.Helper()
	c.seq++
	c.say(fmt.Sprintf(`{"seq":%d,%s}`, c.seq, rest))
}

// hear returns the next message of a type.
func (c *rawClient) hear(typ string) frame {
	c.Helper()
	for {
		_, data, err := c.ws.ReadMessage()
		if err != nil {
			c.Fatalf("no %s: %v", typ, err)
		}
		f, err := parseFrame(data)
		if err != nil {
			c.Fatalf("server sent %s: %v", data, err)
		}
		if f.Type == typ {
			return f
		}
	}
}

func (c *rawClient) hearError(want Code) {
	c.Helper()
	var b errorBody
	if err := decode(c.hear(TypeError).Envelope, &b); err != nil || b.Code != want {
		c.Errorf("got %+v (%v), want %s", b, err, want)
	}
}

// hearClose reads on until the server closes, and returns the code.
func (c *rawClient) hearClose() int {
	c.Helper()
	for {
		if _, _, err := c.ws.ReadMessage(); err != nil {
			return closeCode(err)
		}
	}
}

func TestRow01NonsenseIsAnsweredThenCut(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	witness := dial(t, ClientConfig{Invite: h.invite()})
	for name, text := range map[string]string{
		"not JSON":      `{"type":`,
		"wrong types":   `{"type":5,"to":{}}`,
		"deep":          `{"type":"x-test","body":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `}`,
		"NUL":           "{\"type\":\"ack\x00\"}",
		"invalid UTF-8": "{\"type\":\"ack\",\"body\":\"\xff\xfe\"}",
		"no type":       `{}`,
		"array":         `[1,2,3]`,
		"bad path":      `{"type":"ack","path":"tunnel"}`,
		"bad id":        `{"type":"x-test","to":"a b"}`,
		"no number":     `{"type":"chat","body":{"text":"x"}}`,
	} {
		c := joinRaw(t, h)
		c.say(text)
		c.hearError(CodeMalformed)
		for range maxFaults - 1 {
			c.say(text)
		}
		if code := c.hearClose(); code != closeProtocol {
			t.Errorf("%s: closed with %d", name, code)
		}
		if e := next[MemberLeft](t, witness); e.Why != LeftFault {
			t.Errorf("%s: %+v", name, e)
		}
	}
	if err := witness.Chat("still here"); err != nil {
		t.Fatal(err)
	}
	next[ChatReceived](t, witness)
}

func TestUnknownTypesAreAnsweredThenCut(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	c := joinRaw(t, h)
	c.number(`"type":"teleport"`)
	c.hearError(CodeUnknownType)
	c.number(`"type":"welcome"`)
	c.hearError(CodeNotAllowed)
	c.number(`"type":"join"`)
	c.hearError(CodeNotAllowed)
	for range maxFaults {
		c.number(`"type":"teleport"`)
	}
	if code := c.hearClose(); code != closeProtocol {
		t.Errorf("closed with %d", code)
	}
}

func TestNumbersMustBeRight(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	c := joinRaw(t, h)
	c.number(`"type":"chat","body":{"text":"one"}`)
	c.hear(TypeChat)
	c.say(`{"seq":1,"type":"chat","body":{"text":"one"}}`) // again: not seen
	c.number(`"type":"chat","body":{"text":"two"}`)
	if f := c.hear(TypeChat); !strings.Contains(string(f.Body), "two") {
		t.Errorf("got %s", f.Body)
	}
	c.say(`{"seq":9,"type":"chat","body":{"text":"nine"}}`)
	if code := c.hearClose(); code != closeProtocol {
		t.Errorf("gap: closed with %d", code)
	}
	c = joinRaw(t, h)
	c.say(`{"ack":4000,"type":"ack"}`)
	if code := c.hearClose(); code != closeProtocol {
		t.Errorf("ack of the future: closed with %d", code)
	}
}

func TestRow02HugeMessageIsCutBeforeItIsRead(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	c := joinRaw(t, h)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	w, err := c.ws.NextWriter(websocket.TextMessage)
	if err != nil {
		t.Fatal(err)
	}
	chunk := []byte(strings.Repeat(" ", 1<<16))
	sent := 0
	for range 300 << 20 / len(chunk) {
		if _, err := w.Write(chunk); err != nil {
			break
		}
		sent += len(chunk)
	}
	runtime.ReadMemStats(&after)
	if sent >= 300<<20 {
		t.Error("300 MiB were taken")
	}
	if grown := int64(after.TotalAlloc - before.TotalAlloc); grown > 8<<20 {
		t.Errorf("%d bytes allocated", grown)
	}
}

func TestFirstMessageMustBeAJoin(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	for name, text := range map[string]string{
		"chat":      `{"seq":1,"type":"chat","body":{"text":"hello"}}`,
		"garbage":   `hello`,
		"no body":   `{"type":"join"}`,
		"no key":    `{"type":"join","body":{"version":1,"room":"otter","secret":"` + aSecret + `"}}`,
		"short key": `{"type":"join","body":{"version":1,"room":"otter","secret":"` + aSecret + `","key":"1"}}`,
	} {
		c := dialRaw(t, h, Subprotocol)
		c.say(text)
		if code := c.hearClose(); code != closeProtocol {
			t.Errorf("%s: closed with %d", name, code)
		}
	}
	if n := len(h.Members(aRoom)); n != 0 {
		t.Errorf("%d members", n)
	}
}

func TestVersions(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	for name, c := range map[string]*rawClient{
		"subprotocol": dialRaw(t, h, "candid.99"),
		"body":        dialRaw(t, h, Subprotocol),
	} {
		c.say(fmt.Sprintf(`{"type":"join","body":{"version":99,"room":%q,"secret":%q}}`, aRoom, aSecret))
		var b refusedBody
		if err := decode(c.hear(TypeRefused).Envelope, &b); err != nil || b.Code != CodeVersion || b.Version != Version {
			t.Errorf("%s: %+v, %v", name, b, err)
		}
		if code := c.hearClose(); code != closeRefused {
			t.Errorf("%s: closed with %d", name, code)
		}
	}
	err := refusedBody{Code: CodeVersion, Version: 2}.err()
	if !strings.Contains(err.Error(), "this program is too old") {
		t.Errorf("got %v", err)
	}
}

func TestForeignOriginIsRefused(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	d := websocket.Dialer{TLSClientConfig: identity.ClientConfig(h.id.Pin), Subprotocols: []string{Subprotocol}}
	for _, origin := range []string{"https://evil.example", "null"} {
		ws, resp, err := d.Dial("wss://"+h.listener.Addr().String()+Path, http.Header{"Origin": {origin}})
		if err == nil {
			_ = ws.Close()
			t.Errorf("%s was let in", origin)
		} else if resp == nil || resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %v", origin, err)
		}
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	cfg := identity.ClientConfig(h.id.Pin)
	cfg.MinVersion, cfg.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	if c, err := tls.Dial("tcp", h.listener.Addr().String(), cfg); err == nil {
		_ = c.Close()
		t.Error("TLS 1.2 was accepted")
	}
}

func TestRow04SDPAndCandidateLimits(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	a, b := dial(t, ClientConfig{Invite: h.invite()}), dial(t, ClientConfig{Invite: h.invite()})
	send := func(typ string, body map[string]any) error {
		raw, _ := json.Marshal(body)
		return a.Send(context.Background(), netstack.Envelope{Type: typ, To: b.ID(), Body: raw})
	}
	if err := send(TypeDescription, map[string]any{"type": "offer", "sdp": strings.Repeat("x", 70<<10)}); err == nil {
		t.Error("70 KiB of SDP were queued")
	}
	_ = send(TypeDescription, map[string]any{"type": "offer", "sdp": strings.Repeat("m=x\r\n", maxMedia+1)})
	_ = send(TypeDescription, map[string]any{"type": "offer", "sdp": strings.Repeat("a=candidate:1\r\n", maxCandidates+1)})
	_ = send(TypeCandidate, map[string]any{"candidate": strings.Repeat("c", maxCandidate+1)})
	for range 3 {
		if e := next[MessageRefused](t, a); e.Code != CodeLimit || e.To != b.ID() {
			t.Errorf("got %+v", e)
		}
	}
	candidate := map[string]any{"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host"}
	for range maxCandidates + 1 {
		_ = send(TypeCandidate, candidate)
	}
	if e := next[MessageRefused](t, a); e.Code != CodeLimit || e.Type != TypeCandidate {
		t.Errorf("got %+v", e)
	}
	_ = send(TypeDescription, map[string]any{"type": "offer", "sdp": "v=0\r\n"}) // counts anew
	_ = send(TypeCandidate, candidate)
	got := 0
	for e := next[MessageReceived](t, b).Envelope; e.Type == TypeCandidate; e = next[MessageReceived](t, b).Envelope {
		got++
	}
	if got != maxCandidates {
		t.Errorf("%d candidates arrived", got)
	}
	if e := next[MessageReceived](t, b).Envelope; e.Type != TypeCandidate {
		t.Errorf("got %+v", e)
	}
}

func TestUnknownMember(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	c := dial(t, ClientConfig{Invite: h.invite()})
	for _, to := range []netstack.PeerID{"nobody", c.ID(), netstack.HostID} {
		_ = c.Send(context.Background(), numbered(to, 1))
		if e := next[MessageRefused](t, c); e.Code != CodeNoSuchMember || e.To != to {
			t.Errorf("%s: %+v", to, e)
		}
	}
}

func TestRow10SlowReaderIsCutAndOthersAreNot(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	a, b := dial(t, ClientConfig{Invite: h.invite()}), dial(t, ClientConfig{Invite: h.invite()})
	joinRaw(t, h) // reads and acknowledges nothing from here on
	next[MemberJoined](t, a)
	id := nextWhere(t, a, func(e MemberJoined) bool { return e.Member.Name == "Raw" }).Member.ID
	for n := range maxInFlight * 3 / 4 {
		_ = a.Send(context.Background(), numbered(id, n))
		_ = b.Send(context.Background(), numbered(id, n))
	}
	for n := range 50 { // the others do not notice
		_ = b.Send(context.Background(), numbered(a.ID(), n))
		if m := next[MessageReceived](t, a); numberOf(m.Envelope) != n {
			t.Fatalf("got %+v", m)
		}
	}
	nextWhere(t, b, func(e MemberChanged) bool { return e.Member.ID == id && !e.Member.Connected })
}

func TestPanicCostsOneMember(t *testing.T) {
	h := startHost(t, ServerConfig{OnMessage: func(string, netstack.Envelope) { panic("by the test") }}, nil, "127.0.0.1:0")
	a, b := dial(t, ClientConfig{Invite: h.invite()}), dial(t, ClientConfig{Invite: h.invite()})
	_ = a.Send(context.Background(), numbered(netstack.HostID, 1))
	if e := next[MemberLeft](t, b); e.Why != LeftFault || e.Member.ID != a.ID() {
		t.Errorf("got %+v", e)
	}
	if e := next[MemberJoined](t, b); e.Member.ID != a.ID() { // a comes back, without that message
		t.Errorf("got %+v", e)
	}
	_ = a.Chat("back")
	next[ChatReceived](t, b)
	if n := h.Stats().Panics; n != 1 {
		t.Errorf("%d panics counted", n)
	}
}

func TestPanicWhileJoining(t *testing.T) {
	h := startHost(t, ServerConfig{OnJoin: func(v Visitor) {
		if v.Name == "Bad" {
			panic("by the test")
		}
	}}, nil, "127.0.0.1:0")
	good := dial(t, ClientConfig{Invite: h.invite()})
	if _, err := tryDial(ClientConfig{Invite: h.invite(), Name: "Bad"}); err == nil {
		t.Error("joined")
	}
	_ = good.Chat("unmoved")
	next[ChatReceived](t, good)
	if n := len(h.Members(aRoom)); n != 1 {
		t.Errorf("%d members", n)
	}
}

// TestRow03CompressionIsNotAgreed: what is not compressed cannot be a bomb.
func TestRow03CompressionIsNotAgreed(t *testing.T) {
	h := startHost(t, ServerConfig{}, nil, "127.0.0.1:0")
	c := dialRaw(t, h, Subprotocol) // fails if an extension is agreed to
	const compressed = 1 << 6       // RSV1 of RFC 7692 section 6
	raw := c.ws.NetConn()
	if _, err := raw.Write([]byte{0x81 | compressed, 0x80 | 4, 0, 0, 0, 0, 'b', 'o', 'm', 'b'}); err != nil {
		t.Fatal(err)
	}
	if code := c.hearClose(); code != websocket.CloseProtocolError && code != websocket.CloseAbnormalClosure {
		t.Errorf("a compressed message closes with %d", code)
	}
}
