package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"regexp"
	"strings"
)

// private is a slog.Handler that keeps out of logs what is nobody's business:
// addresses, names of servers, links and secrets, whichever part of the program,
// or which library, put them into a message or an error. People's names and chat
// are not logged to begin with.
type private struct{ slog.Handler }

// Handle passes a record on without what is private.
func (p private) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, scrub(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(scrubAttr(a))
		return true
	})
	return p.Handler.Handle(ctx, clean)
}

// WithAttrs is With of a logger.
func (p private) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = scrubAttr(a)
	}
	return private{p.Handler.WithAttrs(clean)}
}

// WithGroup is WithGroup of a logger.
func (p private) WithGroup(name string) slog.Handler { return private{p.Handler.WithGroup(name)} }

// named are the attributes that hold what a person may have called something:
// "Anna's headset".
var named = map[string]bool{"name": true, "room": true, "device": true}

func scrubAttr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindGroup:
		group := v.Group()
		clean := make([]any, len(group))
		for i, m := range group {
			clean[i] = scrubAttr(m)
		}
		return slog.Group(a.Key, clean...)
	case slog.KindString, slog.KindAny:
		if named[a.Key] || secretKey.MatchString(a.Key) {
			return slog.String(a.Key, hidden)
		}
		return slog.String(a.Key, scrub(fmt.Sprint(v.Any())))
	}
	return a
}

const (
	hidden      = "…"
	secretNames = "pwd|password|passphrase|secret|token|credential|ufrag"
)

var (
	// sdpText is the start of a session description or a candidate, of which
	// nothing is left.
	sdpText = regexp.MustCompile(`(?s)(v=0|a=|candidate:).*`)
	links   = regexp.MustCompile(`\b(candid|stuns?|turns?|https?|wss?):[^\s"'<>]+`)
	lookups = regexp.MustCompile(`\blookup \S+`)
	locals  = regexp.MustCompile(`\b[0-9A-Za-z-]+\.local\b`)
	address = regexp.MustCompile(`[0-9A-Fa-f:.]*[:.][0-9A-Fa-f:.]+(%[0-9A-Za-z]+)?`)
	secrets = regexp.MustCompile(`[0-9A-Za-z_\-+/=]{20,}`)
	// What is a secret by its name is one even if it has no digit.
	secretKey = regexp.MustCompile(`(?i)(` + secretNames + `)$`)
	called    = regexp.MustCompile(`(?i)((?:` + secretNames + `)\\?["']?[ ]?[:=][ ]*)(?:\\?"[^"]*"|[^\s",;)]+)`)
)

// scrub takes what is private out of a text.
func scrub(s string) string {
	s = sdpText.ReplaceAllString(s, hidden)
	s = links.ReplaceAllStringFunc(s, func(l string) string { return l[:strings.IndexByte(l, ':')+1] + hidden })
	s = lookups.ReplaceAllString(s, "lookup "+hidden)
	s = locals.ReplaceAllString(s, hidden+".local")
	s = called.ReplaceAllString(s, "${1}"+hidden)
	s = address.ReplaceAllStringFunc(s, hideAddress)
	return secrets.ReplaceAllStringFunc(s, hideSecret)
}

// hideAddress hides an IP address, its port with it. Those of this computer
// alone say nothing of anybody.
func hideAddress(s string) string {
	bare := strings.Trim(s, ".:")
	tail := ""
	a, err := netip.ParseAddr(bare)
	if err != nil {
		a, err = netip.ParseAddr(strings.TrimRight(s, ".:"))
	}
	if err != nil { // with a port, or an IPv6 address in brackets with its port after
		ap, apErr := netip.ParseAddrPort(bare)
		if apErr != nil {
			return s
		}
		a = ap.Addr()
	}
	if a.IsLoopback() || a.IsUnspecified() {
		return s
	}
	if strings.HasSuffix(s, ":") {
		tail = ":"
	}
	return hidden + tail
}

// hideSecret hides what looks random: letters and digits mixed. Names in the
// source, as in a stack, have hardly a digit.
func hideSecret(s string) string {
	digits, upper, lower := 0, 0, 0
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r >= 'A' && r <= 'Z':
			upper++
		case r >= 'a' && r <= 'z':
			lower++
		}
	}
	if strings.ContainsRune(s, '/') && digits < 4 || digits < 2 || upper+lower == 0 {
		return s
	}
	return hidden
}
