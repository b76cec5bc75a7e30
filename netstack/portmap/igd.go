package portmap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// igd speaks UPnP-IGD with one service of the router: WANIPConnection:1 or :2,
// or WANPPPConnection:1.
type igd struct {
	gw      gateway
	http    *http.Client
	kind    string // the service's type
	control *url.URL
}

// services we can talk to, the best first.
var services = []string{
	"urn:schemas-upnp-org:service:WANIPConnection:2",
	"urn:schemas-upnp-org:service:WANIPConnection:1",
	"urn:schemas-upnp-org:service:WANPPPConnection:1",
}

// maxServices of one router are looked at.
const maxServices = 8

// findUPnP searches for the router's service. Where there are several, one that
// tells an address outside is the one in use.
func findUPnP(ctx context.Context, n network, gw gateway) (client, error) {
	var best *igd
	h := onlyTo(gw)
	defer h.CloseIdleConnections()
	err := search(ctx, n, gw, func(at *url.URL) bool {
		all, err := describe(ctx, h, at, gw)
		if err != nil {
			return false
		}
		for _, s := range all {
			ip, err := s.externalIP(ctx)
			if err == nil && !ip.IsUnspecified() {
				best = s
				return true
			}
			if best == nil {
				best = s
			}
		}
		return false
	})
	if best != nil {
		return best, nil
	}
	return nil, err
}

// onlyTo returns an HTTP client that connects to the router and nowhere else,
// follows no redirects and uses no proxy.
func onlyTo(gw gateway) *http.Client {
	d := net.Dialer{Timeout: 2 * time.Second, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(gw.local, 0))}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DisableKeepAlives: true, DisableCompression: true,
			MaxResponseHeaderBytes: 16 << 10, ResponseHeaderTimeout: 3 * time.Second,
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				at, err := netip.ParseAddrPort(address)
				if err != nil || at.Addr().Unmap() != gw.ip {
					return nil, errNotOurs
				}
				return d.DialContext(ctx, network, address)
			},
		},
	}
}

// describe fetches a description and returns the services to talk to, the best
// first.
func describe(ctx context.Context, h *http.Client, at *url.URL, gw gateway) ([]*igd, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask for the router's description: %w", err)
	}
	resp, err := h.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask for the router's description: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask for the router's description: it says %s", resp.Status)
	}
	found, err := parseDescription(resp.Body, at, gw.ip)
	if err != nil {
		return nil, err
	}
	out := make([]*igd, len(found))
	for i, s := range found {
		out[i] = &igd{gw, h, s.kind, s.control}
	}
	return out, nil
}

type service struct {
	kind    string
	control *url.URL
}

// parseDescription returns the services a description names that we can talk
// to, the best first. Those whose control address leads elsewhere than to the
// router are left out.
func parseDescription(r io.Reader, at *url.URL, router netip.Addr) ([]service, error) {
	base := at
	var kind, control string
	var out []service
	end := func() {
		if s, err := resolve(base, control, router); err == nil && slices.Contains(services, kind) && len(out) < maxServices {
			out = append(out, service{kind, s})
		}
		kind, control = "", ""
	}
	err := walk(r, func(name string) {
		if name == "service" {
			end()
		}
	}, func(path []string, text string) {
		switch path[len(path)-1] {
		case "URLBase":
			if u, err := sameHost(text, router); err == nil {
				base = u
			}
		case "serviceType":
			kind = text
		case "controlURL":
			control = text
		}
	})
	if err != nil {
		return nil, err
	}
	end()
	slices.SortStableFunc(out, func(a, b service) int {
		return slices.Index(services, a.kind) - slices.Index(services, b.kind)
	})
	return out, nil
}

func resolve(base *url.URL, ref string, router netip.Addr) (*url.URL, error) {
	if ref == "" || len(ref) > maxURL {
		return nil, errNotOurs
	}
	u, err := base.Parse(ref)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotOurs, err)
	}
	return sameHost(u.String(), router)
}

// call makes one SOAP call and returns the leaves of the answer.
func (s *igd) call(ctx context.Context, action string, args ...[2]string) (map[string]string, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body><u:%s xmlns:u="%s">`, action, s.kind)
	for _, a := range args { // all values are our own: numbers, addresses, words
		fmt.Fprintf(&b, "<%s>%s</%s>", a[0], a[1], a[0])
	}
	fmt.Fprintf(&b, `</u:%s></s:Body></s:Envelope>`, action)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.control.String(), &b)
	if err != nil {
		return nil, fmt.Errorf("ask the router by UPnP: %w", err)
	}
	req.Header.Set("Content-Type", `text/xml; charset="utf-8"`)
	req.Header.Set("SOAPAction", `"`+s.kind+"#"+action+`"`)
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the router by UPnP: %w: %w", errNoAnswer, err)
	}
	defer resp.Body.Close()
	return parseSOAP(resp.Body, resp.StatusCode)
}

// maxLeaves of a SOAP answer are kept.
const maxLeaves = 32

// parseSOAP reads an answer, or the fault in it (UPnP Device Architecture 2.0,
// sections 3.2.2 and 3.2.5).
func parseSOAP(r io.Reader, status int) (map[string]string, error) {
	leaves := make(map[string]string)
	err := walk(r, nil, func(path []string, text string) {
		if len(leaves) < maxLeaves {
			leaves[path[len(path)-1]] = text
		}
	})
	switch {
	case status == http.StatusInternalServerError && err == nil && leaves["errorCode"] != "":
		code := 0
		for _, c := range leaves["errorCode"] {
			if c < '0' || c > '9' || code > 9999 {
				return nil, fmt.Errorf("UPnP: an error code of %.8q", leaves["errorCode"])
			}
			code = code*10 + int(c-'0')
		}
		return nil, &refusedError{protocol: UPnP, code: code, text: upnpReason(code), conflict: code == 718}
	case status != http.StatusOK:
		return nil, &refusedError{protocol: UPnP, code: status, text: fmt.Sprintf("its answer is HTTP status %d", status)}
	}
	return leaves, err
}

// upnpReason: WANIPConnection:2, section 2.5.
func upnpReason(code int) string {
	switch code {
	case 401, 602:
		return "it does not know this request"
	case 606:
		return "it is not allowed"
	case 714:
		return "there is no such opening"
	case 718:
		return "the port is taken outside"
	case 728:
		return "it has no ports left"
	}
	return "for a reason of its own"
}

func (s *igd) protocol() Protocol { return UPnP }

func (s *igd) externalIP(ctx context.Context) (netip.Addr, error) {
	r, err := s.call(ctx, "GetExternalIPAddress")
	if err != nil {
		return netip.Addr{}, err
	}
	ip, err := netip.ParseAddr(r["NewExternalIPAddress"])
	if err != nil || !ip.Is4() {
		return netip.Addr{}, errors.New("the router told no address")
	}
	return ip, nil
}

// onlyPermanent is the error of version 1 routers that know no leases.
const onlyPermanent = 725

func (s *igd) add(ctx context.Context, t transport, inside, outside uint16, life time.Duration) (lease, error) {
	call := func(life time.Duration) error {
		_, err := s.call(ctx, "AddPortMapping",
			[2]string{"NewRemoteHost", ""}, [2]string{"NewExternalPort", fmt.Sprint(outside)},
			[2]string{"NewProtocol", t.String()}, [2]string{"NewInternalPort", fmt.Sprint(inside)},
			[2]string{"NewInternalClient", s.gw.local.String()}, [2]string{"NewEnabled", "1"},
			[2]string{"NewPortMappingDescription", "Candid"}, [2]string{"NewLeaseDuration", fmt.Sprint(int(life / time.Second))})
		return err
	}
	err := call(life)
	var no *refusedError
	if errors.As(err, &no) && (no.code == onlyPermanent || no.code == 402 && strings.HasSuffix(s.kind, ":1")) {
		life = 0
		err = call(0)
	}
	if err != nil {
		return lease{}, err
	}
	return lease{port: outside, life: life}, nil
}

func (s *igd) remove(ctx context.Context, t transport, _, outside uint16) error {
	_, err := s.call(ctx, "DeletePortMapping",
		[2]string{"NewRemoteHost", ""}, [2]string{"NewExternalPort", fmt.Sprint(outside)}, [2]string{"NewProtocol", t.String()})
	return err
}
