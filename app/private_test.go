package app

import (
	"bytes"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
)

// Logs carry no address, token, SDP, link or device's name, wherever in a record
// they are; what is left can still be understood.
func TestLogsKeepPrivate(t *testing.T) {
	var out bytes.Buffer
	log := logger(&out, true).With("from", netip.MustParseAddrPort("203.0.113.7:5000")).WithGroup("net")
	addresses := []string{
		"203.0.113.7", "198.51.100.20", "2001:db8::1", "2001:db8:0:1::77", "fe80::1%eth0", "192.168.1.23",
		"0f3a5c6e-aaaa-4bbb-8ccc-123456789abc.local", "stun.example.org",
	}
	secrets := []string{
		"kJv0q83vYx0ZmOvfdzKq2g", "MZXW6YTBOI2345QWERTY7A", "mfrggzdfmztwq2lk22", "o=-", "4567 udp", "Ada's headset", "nCIg8Uu0",
		"qwGNmVjpjkCuRsTzLhWbXcYdEfAaKkPp", "CVBiCkyOKkUbHjXM", "letmein", "sesame", "opensaysme",
	}
	log.Warn("dial 203.0.113.7:7788 failed", "err", errors.New(`dial tcp 198.51.100.20:443: connect: connection refused`))
	log.Info("addresses changed", "added", []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.168.1.23")})
	log.Debug("check", "pair", slog.GroupValue(slog.String("to", "[2001:db8:0:1::77]:4000"), slog.String("by", "fe80::1%eth0")))
	log.Debug("candidate refused", "err", errors.New("candidate:1 1 udp 2130706431 203.0.113.7 4567 udp typ host"))
	log.Debug("gathered", "host", "0f3a5c6e-aaaa-4bbb-8ccc-123456789abc.local", "err", "lookup stun.example.org: no such host")
	log.Debug("server", "url", "turn:stun.example.org:3478?transport=tcp", "credential", "kJv0q83vYx0ZmOvfdzKq2g")
	log.Debug("joined", "token", "MZXW6YTBOI2345QWERTY7A", "link", "candid://203.0.113.7:7788/tea#t=nCIg8Uu0")
	log.Debug("refused", "sdp", "v=0\r\no=- 1 2 IN IP4 203.0.113.7\r\n")
	log.Debug(`Started agent: remoteUfrag: "CVBiCkyOKkUbHjXM", remotePwd: "qwGNmVjpjkCuRsTzLhWbXcYdEfAaKkPp"`)
	log.Debug("refused", "err", errors.New(`token=letmein, {"password":"sesame"} went in`), "password", "opensaysme")
	log.Debug("microphone opened", "name", "Ada's headset")
	log.Debug("listening on 127.0.0.1:7788", "took", "1.25s", "version", "v1.2.3", "at", "01:02:03")
	text := out.String()
	for _, private := range append(addresses, secrets...) {
		if strings.Contains(text, private) {
			t.Errorf("%q is in the log", private)
		}
	}
	for _, wanted := range []string{"dial … failed", "connection refused", "no such host", "127.0.0.1:7788", "1.25s", "v1.2.3", "01:02:03", "turn:…", "Started agent", "went in"} {
		if !strings.Contains(text, wanted) {
			t.Errorf("%q is not in the log any more", wanted)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

func FuzzScrub(f *testing.F) {
	f.Add("dial 203.0.113.7:7788: [2001:db8::1]:5000 kJv0q83vYx0ZmOvfdzKq2g")
	f.Add(":::::....%%")
	f.Fuzz(func(t *testing.T, s string) {
		out := scrub(s + " 203.0.113.7:80 ")
		if strings.Contains(out, "203.0.113.7:80 ") && !strings.Contains(s, "203.0.113") {
			t.Errorf("%q became %q", s, out)
		}
	})
}
