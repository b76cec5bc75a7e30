package app

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"candid/app/host"
	"candid/netstack"
	"candid/netstack/identity"
	"candid/netstack/invite"
	"candid/netstack/probe"
	"candid/netstack/signal"

	"github.com/pion/webrtc/v4"
)

const checkUsage = `candid check [LINK]: what can this computer reach, and how will calls go?

With LINK, the invite to a room, its host is asked: signaling, STUN, and TURN
with credentials for this check. And the call is rehearsed: the ways between this
computer and those of the people in the room are tried as a call would, so they
and the host learn each other's addresses. It does not join the room, and nobody
in it notices. Without LINK, the servers given by --server are asked, and the
router. Nobody else ever is. It takes 3 seconds at most. The exit code is 0 if
calls can work, 1 if not.

  --no-rehearsal  ask the host only, and not the computers of people in the room
  --server URL    try this STUN or TURN server too (stun:host:port); may be given
                  again
  --json          print the report as JSON
  --verbose       log what happens to standard error
`

// Times of a check, 3 seconds together.
const (
	checkTimeout  = 2900 * time.Millisecond
	credentialsIn = time.Second
	probeLimit    = 2500 * time.Millisecond
)

// checkCommand probes and prints the report.
func checkCommand(args []string, stdout, stderr io.Writer) int {
	var servers list
	fs := flags("candid check", checkUsage, stderr)
	fs.Var(&servers, "server", "")
	asJSON := fs.Bool("json", false, "")
	alone := fs.Bool("no-rehearsal", false, "")
	verbose := fs.Bool("verbose", false, "")
	if code := parse(fs, args); code >= 0 {
		return code
	}
	link := fs.Arg(0)
	if fs.NArg() > 1 { // flags may come after the link
		if code := parse(fs, fs.Args()[1:]); code >= 0 {
			return code
		}
		if fs.NArg() > 0 {
			tell(stderr, errors.New("there is one too many: one link is checked at a time")) // not which: links hold secrets
			return exitUsage
		}
	}
	began := time.Now()
	cfg := probe.Config{PortMapping: true, Logger: logger(stderr, *verbose)}
	for _, s := range servers {
		cfg.ICEServers = append(cfg.ICEServers, webrtc.ICEServer{URLs: []string{s}})
	}
	ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
	defer cancel()
	var refused error
	var found *rehearsed
	var tried sync.WaitGroup
	if link != "" {
		inv, err := invite.Parse(link)
		if err != nil {
			tell(stderr, err)
			return exitUsage
		}
		if refused = aimAt(ctx, inv, &cfg); refused == nil && !*alone {
			tried.Go(func() { found = rehearseNow(ctx, inv, began, cfg.Logger) })
		}
	}
	cfg.Timeout = probeLimit
	report := probe.Run(ctx, cfg)
	tried.Wait()
	return printCheck(stdout, stderr, checked{Report: report, Rehearsal: found}, refused, *asJSON)
}

// aimAt makes a room's host the one to be asked. The error says why there are
// no credentials for its TURN server; the rest can be asked without.
func aimAt(ctx context.Context, inv invite.Invite, cfg *probe.Config) error {
	cfg.Signaling = inv.Addresses
	cfg.TLS = identity.ClientConfigBy(func() identity.Trust { return signal.TrustOf(inv) })
	ctx, cancel := context.WithTimeout(ctx, credentialsIn)
	defer cancel()
	found, err := roomServers(ctx, inv, cfg.TLS)
	if err == nil {
		cfg.ICEServers = append(found, cfg.ICEServers...)
		return nil
	}
	for _, a := range inv.Addresses {
		cfg.ICEServers = append(cfg.ICEServers, webrtc.ICEServer{URLs: []string{"stun:" + a}})
	}
	if errors.Is(err, signal.ErrWrongSecret) || errors.Is(err, signal.ErrBusy) {
		return err
	}
	return nil // that the host was not reached is in the report, address by address
}

// roomServers asks the host of an invite for its servers, at all its addresses
// at once.
func roomServers(ctx context.Context, inv invite.Invite, pin *tls.Config) ([]webrtc.ICEServer, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		servers []webrtc.ICEServer
		err     error
	}
	results := make(chan result, len(inv.Addresses))
	for _, a := range inv.Addresses {
		go func() {
			s, err := serversAt(ctx, a, inv, pin)
			results <- result{s, err}
		}()
	}
	var found []webrtc.ICEServer
	var answer, last error
	for range inv.Addresses {
		r := <-results
		switch {
		case r.err == nil && found == nil:
			found = r.servers
			cancel() // the others end at once, and are waited for
		case errors.Is(r.err, signal.ErrWrongSecret), errors.Is(r.err, signal.ErrBusy):
			answer = r.err
		case r.err != nil:
			last = r.err
		}
	}
	switch {
	case found != nil:
		return found, nil
	case answer != nil:
		return nil, answer
	}
	return nil, last
}

func serversAt(ctx context.Context, address string, inv invite.Invite, pin *tls.Config) ([]webrtc.ICEServer, error) {
	body, err := json.Marshal(host.CheckRequest{Room: inv.Room, Secret: inv.Secret})
	if err != nil {
		return nil, fmt.Errorf("ask the host for its servers: %w", err)
	}
	at := url.URL{Scheme: "https", Host: address, Path: host.CheckPath}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask the host for its servers: %w", err)
	}
	client := http.Client{
		Transport:     &http.Transport{TLSClientConfig: pin.Clone(), DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the host for its servers: %w", err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusForbidden:
		return nil, signal.ErrWrongSecret
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return nil, signal.ErrBusy
	default:
		return nil, fmt.Errorf("ask the host for its servers: it says %s", resp.Status)
	}
	var a host.CheckAnswer
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&a); err != nil {
		return nil, fmt.Errorf("read the host's servers: %w", err)
	}
	return a.Servers, nil
}

// checked is what --json prints.
type checked struct {
	Level    probe.Level `json:"level"`
	Sentence string      `json:"sentence"`
	Error    string      `json:"error,omitempty"` // why the invite is of no use
	// Rehearsal is nil if there was none.
	Rehearsal *rehearsed `json:"rehearsal,omitempty"`
	probe.Report
}

// printCheck prints a report and returns the exit code.
func printCheck(stdout, stderr io.Writer, out checked, refused error, asJSON bool) int {
	out.Level, out.Sentence = out.Report.Sentence()
	if refused != nil {
		what, _ := explain(refused)
		out.Error = what
	}
	if asJSON {
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		if err := e.Encode(out); err != nil {
			tell(stderr, err)
			return exitFailed
		}
	} else {
		writeCheck(stdout, out)
		if refused != nil {
			tell(stderr, refused)
		}
	}
	if refused != nil || out.Level == probe.Bad {
		return exitFailed
	}
	return exitOK
}

// checkFact is one line of a report: a name, which is empty where the one before
// goes on, and a value.
type checkFact struct{ name, value string }

// writeCheck prints a report for a person.
func writeCheck(w io.Writer, c checked) {
	fmt.Fprintf(w, "%s\n", c.Sentence)
	if r := c.Rehearsal; r != nil {
		fmt.Fprintf(w, "%s\n", cmp.Or(r.Sentence, r.Error))
	}
	fmt.Fprintln(w)
	for _, f := range c.facts() {
		fmt.Fprintf(w, "  %-15s %s\n", f.name, f.value)
	}
	fmt.Fprintf(w, "\nTook %v.\n", c.Duration.Round(time.Millisecond))
}

// facts are all that a report knows, line by line.
func (c checked) facts() []checkFact {
	var out []checkFact
	line := func(name, format string, args ...any) {
		out = append(out, checkFact{name, fmt.Sprintf(format, args...)})
	}
	line("Calls", "%s", c.Level)
	line("UDP", "%s", yes(c.UDP))
	line("IPv4", "%s", yes(c.IPv4))
	line("IPv6", "%s", yes(c.IPv6))
	line("NAT", "%s", c.NATKind())
	line("  mapping", "%s", behaviour(c.Mapping))
	line("  filtering", "%s", behaviour(c.Filtering))
	line("  hairpin", "%s", yes(c.Hairpin))
	line("Port mapping", "%s", ports(c))
	line("Captive portal", "%s", yes(c.CaptivePortal))
	line("VPN", "%s", yes(c.VPN))
	line("Metered", "%s", yes(c.Metered))
	for i, a := range c.Public {
		line(first(i, "Public address"), "%s", a)
	}
	for i, e := range c.Signaling {
		line(first(i, "Host"), "%-45s %-10s %s", e.Address, e.Outcome, detail(e.RTT, e.Text, 0))
	}
	for i, s := range c.Servers {
		line(first(i, "Servers"), "%-45s %-10s %s", s.URL, s.Outcome, detail(s.RTT, s.Text, s.Code))
	}
	out = append(out, c.Rehearsal.facts()...)
	for i, f := range c.Interfaces {
		kind := string(f.Kind)
		if kind == "" {
			kind = "unknown kind"
		}
		var at []string
		for _, a := range f.Addresses {
			at = append(at, a.String())
		}
		line(first(i, "Interfaces"), "%s (%s) %s", f.Name, kind, strings.Join(at, ", "))
	}
	return out
}

func first(i int, name string) string {
	if i == 0 {
		return name
	}
	return ""
}

func yes(o netstack.Opt[bool]) string {
	switch {
	case !o.OK:
		return "unknown"
	case o.Value:
		return "yes"
	}
	return "no"
}

func behaviour(b probe.Behaviour) string {
	if b == "" {
		return "unknown"
	}
	return string(b)
}

func ports(c checked) string {
	var names []string
	for _, p := range []struct {
		is   netstack.Opt[bool]
		name string
	}{{c.PortMapping.UPnP, "UPnP"}, {c.PortMapping.NATPMP, "NAT-PMP"}, {c.PortMapping.PCP, "PCP"}} {
		if p.is.Or(false) {
			names = append(names, p.name)
		}
	}
	if len(names) == 0 {
		return yes(c.PortMapping.Any())
	}
	return strings.Join(names, ", ")
}

func detail(rtt netstack.Opt[time.Duration], text string, code int) string {
	var parts []string
	if rtt.OK {
		parts = append(parts, rtt.Value.Round(100*time.Microsecond).String())
	}
	if code != 0 {
		parts = append(parts, fmt.Sprint(code))
	}
	if text != "" {
		parts = append(parts, text)
	}
	return strings.Join(parts, "  ")
}
