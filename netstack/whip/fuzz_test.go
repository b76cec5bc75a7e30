package whip_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"candid/netstack/sfu"
	"candid/netstack/whip"
)

// Whatever a tool with a good token posts: an answer or a refusal in words, and
// nothing is left when the room closes.
func FuzzOffer(f *testing.F) {
	const offer = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n" +
		"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\na=setup:actpass\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n" +
		"a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\na=rtpmap:111 opus/48000/2\r\n" +
		"m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=sendonly\r\na=rtcp-mux\r\na=setup:actpass\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n" +
		"a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\na=rtpmap:96 VP8/90000\r\n"
	f.Add(offer, "Studio", true)
	f.Add(strings.ReplaceAll(offer, "sendonly", "recvonly"), "", false)
	f.Add("v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n", "\u202e", true)
	f.Fuzz(func(t *testing.T, sdp, name string, publish bool) {
		log := slog.New(slog.DiscardHandler)
		server, err := sfu.NewServer(sfu.Config{Candidates: func() []netip.AddrPort { return []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:9")} }, Logger: log})
		if err != nil {
			t.Fatal(err)
		}
		room := server.NewRoom()
		h, err := whip.New(whip.Config{Logger: log, Open: func(string, string, bool) (*sfu.Room, bool) { return room, true }})
		if err != nil {
			t.Fatal(err)
		}
		at := "/whep/den"
		if publish {
			at = "/whip/den"
		}
		r := httptest.NewRequest(http.MethodPost, at, strings.NewReader(sdp))
		r.URL.RawQuery = "name=" + name
		r.Header.Set("Authorization", "Bearer x")
		r.Header.Set("Content-Type", "application/sdp")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		switch w.Code {
		case http.StatusCreated:
			if w.Header().Get("Location") == "" || !strings.Contains(w.Body.String(), "a=ice-lite") {
				t.Errorf("let in with %q", w.Body)
			}
		case http.StatusUnprocessableEntity, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusServiceUnavailable:
		default:
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if err := errors.Join(h.Close(), room.Close()); err != nil {
			t.Error(err)
		}
	})
}
