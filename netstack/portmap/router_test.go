package portmap

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

var loopback = netip.MustParseAddr("127.0.0.1")

// router is a home router on loopback.
type router struct {
	speaks   string // any of "pcp pmp upnp1 upnp2"
	no       int    // the code to refuse mappings with; 0 grants
	taken    uint16 // a port that is taken outside
	forever  bool   // UPnP: knows no leases
	life     uint32 // grants no longer lease
	scramble bool   // PCP: answers with a nonce of its own first
	describe func(w http.ResponseWriter, r *http.Request) bool
	location string

	mu       sync.Mutex
	external string
	silent   bool
	table    map[string]uint16 // "UDP 7788": port inside
	adds     int

	pmp, ssdp *net.UDPConn
	web       *httptest.Server
}

func (r *router) start(t *testing.T) *router {
	t.Helper()
	r.table = make(map[string]uint16)
	if r.external == "" {
		r.external = "198.51.100.7"
	}
	if r.life == 0 {
		r.life = 7200
	}
	var wg sync.WaitGroup
	listen := func(handle func(p []byte) [][]byte) *net.UDPConn {
		c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			buf := make([]byte, 2048)
			for {
				n, from, err := c.ReadFromUDPAddrPort(buf)
				if err != nil {
					return
				}
				for _, a := range handle(buf[:n]) {
					_, _ = c.WriteToUDPAddrPort(a, from)
				}
			}
		})
		return c
	}
	r.web = httptest.NewServer(http.HandlerFunc(r.serve))
	r.pmp, r.ssdp = listen(r.answerPMP), listen(r.answerSSDP)
	t.Cleanup(func() {
		_ = r.pmp.Close()
		_ = r.ssdp.Close()
		r.web.Close()
		wg.Wait()
	})
	return r
}

func (r *router) network() network {
	port := func(c *net.UDPConn) uint16 { return c.LocalAddr().(*net.UDPAddr).AddrPort().Port() }
	return network{
		gateway: func() (gateway, error) { return gateway{loopback, loopback}, nil },
		pmpPort: port(r.pmp), search: port(r.ssdp),
		ssdp: netip.AddrPortFrom(loopback, 9), // nobody's group
	}.withDefaults()
}

func (r *router) config() Config {
	return Config{Port: 7788, Timeout: 400 * time.Millisecond, Logger: slog.New(slog.DiscardHandler), net: r.network()}.withDefaults()
}

// change maps or, with a life of 0, unmaps.
func (r *router) change(t string, inside, outside uint16, life uint32) (uint16, int) {
	if life == 0 {
		for k, v := range r.table {
			if strings.HasPrefix(k, t) && v == inside {
				delete(r.table, k)
			}
		}
		return 0, 0
	}
	r.adds++
	if r.no != 0 {
		return 0, r.no
	}
	r.table[fmt.Sprintf("%s %d", t, outside)] = inside
	return outside, 0
}

func (r *router) answerPMP(p []byte) [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.silent || len(p) < 2:
	case p[0] == 2 && strings.Contains(r.speaks, "pcp"):
		return r.answerPCP(p)
	case p[0] != 0 && strings.Contains(r.speaks, "pmp"):
		return [][]byte{{0, 128, 0, 1, 0, 0, 0, 9}}
	case p[0] == 0 && strings.Contains(r.speaks, "pmp"):
		a := make([]byte, 16)
		a[1] = p[1] | 128
		if p[1] == 0 {
			ip := netip.MustParseAddr(r.external).As4()
			copy(a[8:], ip[:])
			return [][]byte{a[:12]}
		}
		life := min(binary.BigEndian.Uint32(p[8:]), r.life)
		inside, outside := binary.BigEndian.Uint16(p[4:]), binary.BigEndian.Uint16(p[6:])
		if outside == r.taken && r.taken != 0 {
			outside++
		}
		outside, no := r.change([]string{1: "UDP", 2: "TCP"}[p[1]], inside, outside, life)
		binary.BigEndian.PutUint16(a[2:], uint16(no))
		binary.BigEndian.PutUint16(a[8:], inside)
		binary.BigEndian.PutUint16(a[10:], outside)
		binary.BigEndian.PutUint32(a[12:], life)
		return [][]byte{{0, 200}, {1, 2, 3}, a}
	}
	return nil
}

func (r *router) answerPCP(p []byte) [][]byte {
	a := append([]byte(nil), p...)
	a[1] |= 128
	a[2], a[3] = 0, 0
	clear(a[8:24])
	if p[1] == pcpAnnounce {
		return [][]byte{a}
	}
	life := min(binary.BigEndian.Uint32(p[4:]), r.life)
	m := a[24:]
	inside, outside := binary.BigEndian.Uint16(m[16:]), binary.BigEndian.Uint16(m[18:])
	outside, no := r.change(transport(m[12]).String(), inside, outside, life)
	a[3] = byte(no)
	binary.BigEndian.PutUint32(a[4:], life)
	binary.BigEndian.PutUint16(m[18:], outside)
	ip := netip.MustParseAddr(r.external).As16()
	copy(m[20:], ip[:])
	if r.scramble {
		forged := append([]byte(nil), a...)
		forged[24] ^= 1
		forged[24+19] ^= 1
		return [][]byte{forged, a}
	}
	return [][]byte{a}
}

func (r *router) answerSSDP(p []byte) [][]byte {
	version := "1"
	if strings.Contains(r.speaks, "upnp2") {
		version = "2"
	}
	if !strings.Contains(r.speaks, "upnp") || !strings.Contains(string(p), "InternetGatewayDevice:"+version) {
		return nil
	}
	at := r.location
	if at == "" {
		at = r.web.URL + "/desc.xml"
	}
	return [][]byte{[]byte("garbage"), []byte("HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: x\r\nLocation: " + at + "\r\n\r\n")}
}

const description = `<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0"><device><deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType>
<serviceList><service><serviceType>urn:schemas-upnp-org:service:Layer3Forwarding:1</serviceType><controlURL>/l3f</controlURL></service></serviceList>
<deviceList><device><deviceList><device><serviceList>
<service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:%s</serviceType><SCPDURL>/x.xml</SCPDURL><controlURL>/ctl</controlURL></service>
</serviceList></device></deviceList></device></deviceList></device></root>`

func (r *router) serve(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.describe != nil && r.describe(w, req):
	case r.silent:
		w.WriteHeader(http.StatusServiceUnavailable)
	case req.URL.Path == "/desc.xml":
		version := "1"
		if strings.Contains(r.speaks, "upnp2") {
			version = "2"
		}
		fmt.Fprintf(w, description, version)
	case req.URL.Path == "/ctl":
		r.control(w, req)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (r *router) control(w http.ResponseWriter, req *http.Request) {
	b, _ := io.ReadAll(req.Body)
	arg := func(name string) string {
		_, s, _ := strings.Cut(string(b), "<"+name+">")
		s, _, _ = strings.Cut(s, "<")
		return s
	}
	port := func(name string) (n uint16) { _, _ = fmt.Sscan(arg(name), &n); return n }
	fault := func(code int) {
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprintf(w, `<s:Envelope><s:Body><s:Fault><detail><UPnPError><errorCode>%d</errorCode></UPnPError></detail></s:Fault></s:Body></s:Envelope>`, code)
	}
	action := req.Header.Get("SOAPAction")
	switch action = strings.Trim(action[strings.Index(action, "#")+1:], `"`); action {
	case "GetExternalIPAddress":
		fmt.Fprintf(w, `<s:Envelope><s:Body><u:R><NewExternalIPAddress>%s</NewExternalIPAddress></u:R></s:Body></s:Envelope>`, r.external)
		return
	case "AddPortMapping":
		outside := port("NewExternalPort")
		switch {
		case arg("NewInternalClient") != "127.0.0.1":
			fault(606)
			return
		case r.forever && arg("NewLeaseDuration") != "0":
			fault(onlyPermanent)
			return
		case outside == r.taken && r.taken != 0:
			fault(718)
			return
		}
		if _, no := r.change(arg("NewProtocol"), port("NewInternalPort"), outside, 1); no != 0 {
			fault(no)
			return
		}
	case "DeletePortMapping":
		delete(r.table, fmt.Sprintf("%s %d", arg("NewProtocol"), port("NewExternalPort")))
	}
	fmt.Fprintf(w, `<s:Envelope><s:Body><u:%sResponse/></s:Body></s:Envelope>`, action)
}

func (r *router) mappings() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.table)
}

func (r *router) added() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.adds
}

func (r *router) set(f func()) { r.mu.Lock(); f(); r.mu.Unlock() }

func outcome(t *testing.T, m *Mapper) State {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return m.Wait(ctx)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("did not happen: %s", what)
		}
	}
}
