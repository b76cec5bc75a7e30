package host_test

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"candid/app/host"
	"candid/netstack"
	"candid/netstack/identity"
	"candid/netstack/signal"

	"github.com/pion/webrtc/v4"
)

// post sends an offer to a path of the host, with a token.
func post(t *testing.T, h *host.Host, path, token, offer string) (int, string, string) {
	t.Helper()
	tr := &http.Transport{TLSClientConfig: identity.ClientConfig(h.Pin())}
	defer tr.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+h.Addresses()[0]+path, strings.NewReader(offer))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/sdp")
	res, err := (&http.Client{Transport: tr}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body), res.Header.Get("Location")
}

// Another program publishes into a room, where it is a member like others, once
// there is a token; not before, not with another, and not once it is revoked.
func TestWHIP(t *testing.T) {
	h := start(t, host.Config{})
	anna := member(t, h, true, "Anna")
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}); err != nil {
		t.Fatal(err)
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if code, _, _ := post(t, h, "/whip/otter", "", offer.SDP); code == http.StatusCreated {
		t.Error("let in before there is a token")
	}
	token, err := h.Token("otter")
	if err != nil {
		t.Fatal(err)
	}
	if code, _, _ := post(t, h, "/whip/otter", token+"x", offer.SDP); code == http.StatusCreated {
		t.Error("let in with another token")
	}
	code, answer, at := post(t, h, "/whip/otter?name=Studio", token, offer.SDP)
	if code != http.StatusCreated || at == "" || !strings.Contains(answer, "a=candidate") {
		t.Fatalf("%d %s %s", code, at, answer)
	}
	await(t, anna, func(e signal.MemberJoined) bool { return e.Member.Name == "Studio" && e.Member.Connected })
	if err := h.RevokeToken("otter"); err != nil {
		t.Fatal(err)
	}
	await(t, anna, func(e signal.MemberLeft) bool { return e.Member.Name == "Studio" })
	if code, _, _ := post(t, h, "/whip/otter", token, offer.SDP); code == http.StatusCreated {
		t.Error("let in with a revoked token")
	}
	sealed := start(t, host.Config{EndToEnd: true})
	if _, err := sealed.Token("otter"); err == nil {
		t.Error("an encrypted room is open to other tools")
	}
}

// orderTools sends what a member wants of other tools.
func orderTools(t *testing.T, c *signal.Client, o signal.ToolsOrder) {
	t.Helper()
	body, err := json.Marshal(o)
	if err == nil {
		err = c.Send(t.Context(), netstack.Envelope{Type: signal.TypeTools, To: netstack.HostID, Body: body})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// toldOfTools waits until the host says something of other tools.
func toldOfTools(t *testing.T, c *signal.Client, ok func(signal.Tools) bool) (got signal.Tools) {
	t.Helper()
	await(t, c, func(e signal.MessageReceived) bool {
		if e.Envelope.Type != signal.TypeTools {
			return false
		}
		got = signal.Tools{}
		if err := json.Unmarshal(e.Envelope.Body, &got); err != nil {
			t.Error(err)
		}
		return ok(got)
	})
	return got
}

// A moderator lets other tools in and shuts them out; everyone is told that they
// may come, and only moderators with what.
func TestModeratorOpensToTools(t *testing.T) {
	h := start(t, host.Config{})
	owner, err := h.LocalInvite("otter")
	if err != nil {
		t.Fatal(err)
	}
	anna, ben := join(t, owner, "Anna"), join(t, inviteTo(t, h, "otter"), "Ben")
	yes, no := true, false
	open := func(x signal.Tools) bool { return x.Open }
	shut := func(x signal.Tools) bool { return !x.Open }
	toldOfTools(t, ben, shut)
	orderTools(t, ben, signal.ToolsOrder{Open: &yes}) // is no moderator
	orderTools(t, anna, signal.ToolsOrder{})
	if got := toldOfTools(t, anna, func(signal.Tools) bool { return true }); got.Open {
		t.Fatal("opened by one who is no moderator")
	}
	orderTools(t, anna, signal.ToolsOrder{Open: &yes})
	a, b := toldOfTools(t, anna, open), toldOfTools(t, ben, open)
	if token, err := h.Token("otter"); err != nil || a.Token != token || !strings.HasSuffix(a.Publish, "/whip/otter") || !strings.HasSuffix(a.Watch, "/whep/otter") {
		t.Errorf("the moderator is told %+v, %v", a, err)
	}
	if b.Token != "" || b.Publish != "" {
		t.Errorf("another member is told %+v", b)
	}
	late := join(t, inviteTo(t, h, "otter"), "Carla")
	toldOfTools(t, late, open)
	orderTools(t, anna, signal.ToolsOrder{Open: &no})
	toldOfTools(t, anna, shut)
	toldOfTools(t, ben, shut)
	if next, err := h.Token("otter"); err != nil || next == a.Token {
		t.Errorf("the token came back: %v", err)
	}
	sealed := start(t, host.Config{EndToEnd: true})
	if owner, err = sealed.LocalInvite("otter"); err != nil {
		t.Fatal(err)
	}
	eve := join(t, owner, "Eve")
	orderTools(t, eve, signal.ToolsOrder{Open: &yes})
	toldOfTools(t, eve, func(x signal.Tools) bool { return !x.Open && strings.Contains(x.Error, "encrypt") })
}

// Figures name nobody and no address.
func TestMetrics(t *testing.T) {
	h := start(t, host.Config{Status: "127.0.0.1:0"})
	c := member(t, h, true, "Annabella")
	_ = c
	for path, want := range map[string]string{"/healthz": "ok\n", "/metrics": "\ncandid_members 1\n"} {
		res, err := http.Get("http://" + h.StatusAddress() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d %s, %v", path, res.StatusCode, body, err)
		}
		for _, secret := range []string{"Annabella", "otter", "127.0.0.1", string(c.ID())} {
			if strings.Contains(string(body), secret) {
				t.Errorf("%s tells %q", path, secret)
			}
		}
	}
	http.DefaultClient.CloseIdleConnections()
	if _, err := tls.Dial("tcp", h.StatusAddress(), nil); err == nil {
		t.Error("TLS where there is none")
	}
}
