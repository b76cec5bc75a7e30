package portmap

import (
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// A router cannot make us ask anybody else, nor read without end.
func TestRow41HostileRouter(t *testing.T) {
	var touched atomic.Int32
	victim := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { touched.Add(1) }))
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Skipf("no second loopback address: %v", err)
	}
	_ = victim.Listener.Close()
	victim.Listener = l
	victim.Start()
	defer victim.Close()

	say := func(body string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/desc.xml" {
				return false
			}
			_, _ = w.Write([]byte(body))
			return true
		}
	}
	service := func(control string) string {
		return "<root><service><serviceType>" + services[1] + "</serviceType><controlURL>" + control + "</controlURL></service></root>"
	}
	for _, tc := range []struct {
		name   string
		router *router
	}{
		{"a description elsewhere", &router{location: victim.URL + "/desc.xml"}},
		{"a description by name", &router{location: "http://localhost/desc.xml"}},
		{"a description in a file", &router{location: "file:///etc/passwd"}},
		{"a redirect", &router{describe: func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, victim.URL, http.StatusFound)
			return true
		}}},
		{"control elsewhere", &router{describe: say(service(victim.URL + "/ctl"))}},
		{"a base elsewhere", &router{describe: say("<URLBase>" + victim.URL + "</URLBase>" + service("//"+strings.TrimPrefix(victim.URL, "http://")+"/ctl"))}},
		{"too long", &router{describe: say("<root>" + strings.Repeat("<a>b</a>", 100_000))}},
		{"too deep", &router{describe: say(strings.Repeat("<a>", 10_000))}},
		{"cut off", &router{describe: say("<root><service>")}},
		{"entities", &router{describe: say(`<!DOCTYPE r [<!ENTITY a "aaaa">]><root>&a;</root>`)}},
		{"empty", &router{describe: say("")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.router.speaks = "upnp1"
			r := tc.router.start(t)
			m := Open(r.config())
			defer m.Close()
			if s := outcome(t, m); s.Outcome != NoAnswer {
				t.Errorf("%+v", s)
			}
		})
	}
	if touched.Load() != 0 {
		t.Errorf("somebody else was asked %d times", touched.Load())
	}
}

func FuzzNATPMP(f *testing.F) {
	f.Add([]byte{0, 128, 0, 0, 0, 0, 0, 1, 198, 51, 100, 7})
	f.Add([]byte{0, 129, 0, 0, 0, 0, 0, 1, 30, 108, 30, 108, 0, 0, 28, 32})
	f.Fuzz(func(t *testing.T, p []byte) {
		if a, ok := parseNATPMP(p); ok && (a.op > 2 || a.life < 0) {
			t.Errorf("%+v", a)
		}
	})
}

func FuzzPCP(f *testing.F) {
	f.Add(append([]byte{2, 129, 0, 0, 0, 0, 14, 16}, make([]byte, 52)...))
	f.Add([]byte{0, 128, 0, 1})
	f.Fuzz(func(t *testing.T, p []byte) {
		if a, ok := parsePCP(p); ok && a.version == pcpVersion && a.op == pcpMap && a.result == 0 && len(a.nonce) != 12 {
			t.Errorf("%+v", a)
		}
	})
}

func FuzzSSDP(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nLOCATION: http://127.0.0.1:5000/desc.xml\r\n\r\n")
	f.Add("HTTP/1.1 200 OK\nlocation:http://127.0.0.1@evil/\n")
	f.Fuzz(func(t *testing.T, s string) {
		if u, err := parseSSDP([]byte(s), loopback); err == nil {
			checkURL(t, u)
		}
	})
}

func FuzzDescription(f *testing.F) {
	f.Add([]byte(strings.Replace(description, "%s", "1", 1)))
	f.Add([]byte("<URLBase>http://127.0.0.1:1/</URLBase>"))
	at, err := url.Parse("http://127.0.0.1:5000/desc.xml")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		found, err := parseDescription(bytes.NewReader(p), at, loopback)
		if err != nil {
			return
		}
		if len(found) > maxServices {
			t.Errorf("%d services", len(found))
		}
		for _, s := range found {
			checkURL(t, s.control)
		}
	})
}

func checkURL(t *testing.T, u *url.URL) {
	t.Helper()
	if ip, err := netip.ParseAddr(u.Hostname()); err != nil || ip.Unmap() != loopback || u.Scheme != "http" {
		t.Errorf("leads to %s", u)
	}
}

func FuzzSOAP(f *testing.F) {
	f.Add([]byte(`<s:Envelope><s:Body><u:R><NewExternalIPAddress>198.51.100.7</NewExternalIPAddress></u:R></s:Body></s:Envelope>`), 200)
	f.Add([]byte(`<e><errorCode>718</errorCode></e>`), 500)
	f.Fuzz(func(t *testing.T, p []byte, status int) {
		leaves, err := parseSOAP(bytes.NewReader(p), status)
		if err == nil && (status != 200 || len(leaves) > maxLeaves) {
			t.Errorf("status %d: %d leaves", status, len(leaves))
		}
		for _, v := range leaves {
			if len(v) > maxText {
				t.Errorf("a text of %d bytes", len(v))
			}
		}
	})
}
