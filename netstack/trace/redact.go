package trace

import (
	"fmt"
	"io"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Redactor replaces names and addresses by made-up ones: the same by the same,
// an address by one of its kind, so that what is drawn and said of a line stays
// true. The zero Redactor is not ready: use NewRedactor.
type Redactor struct {
	known   map[string]string // name or host → replacement
	people  int
	servers int
	addrs   map[netip.Addr]netip.Addr
	used    map[string]int // addresses given out, per kind
	found   map[string]string
	pattern *regexp.Regexp // of known; nil when it must be made anew
}

// NewRedactor returns a Redactor that knows nobody yet.
func NewRedactor() *Redactor {
	return &Redactor{
		known: make(map[string]string), addrs: make(map[netip.Addr]netip.Addr),
		used: make(map[string]int), found: make(map[string]string),
	}
}

// maxKnown bounds the names looked for in texts. With more, texts are left out.
const maxKnown = 2000

// keptKeys are members whose texts are words of a standard or random, and so
// tell of nobody. They stay as they are, even if somebody is called "host".
var keptKeys = map[string]bool{
	"candidatetype": true, "protocol": true, "tcptype": true, "relayprotocol": true, "networktype": true, "state": true,
	"icestate": true, "dtlsstate": true, "kind": true, "codec": true, "topology": true, "path": true, "id": true, "peer": true,
	"localcandidateid": true, "remotecandidateid": true, "trackidentifier": true, "srtpcipher": true, "streamid": true,
	"step": true, "trackid": true, "at": true, "since": true, "of": true, "unit": true, "title": true, "start": true, "end": true, "program": true, "revision": true,
}

// Learn takes up the names and servers in a decoded JSON value, so that Tree
// finds them in texts, too. Names are what members called name or room hold.
func (r *Redactor) Learn(v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) { // the same numbers every time
			m := v[k]
			s, ok := m.(string)
			switch key := plainKey(k); {
			case !ok:
				r.Learn(m)
			case key == "name":
				r.person(s)
			case key == "room":
				r.room(s)
			case key == "url":
				r.server(urlHost.FindStringSubmatch(s))
			}
		}
	case []any:
		for _, m := range v {
			r.Learn(m)
		}
	}
}

func (r *Redactor) person(name string) string {
	return r.name(name, func() string { r.people++; return fmt.Sprintf("Person %d", r.people) })
}

func (r *Redactor) room(name string) string {
	return r.name(name, func() string { return "Room" })
}

func (r *Redactor) server(match []string) {
	if len(match) < 2 {
		return
	}
	if _, err := netip.ParseAddr(strings.Trim(match[1], "[]")); err == nil {
		return // Text replaces it
	}
	r.host(match[1])
}

func (r *Redactor) host(name string) string {
	return r.name(name, func() string { r.servers++; return fmt.Sprintf("server-%d.invalid", r.servers) })
}

func (r *Redactor) name(name string, invent func() string) string {
	if strings.TrimSpace(name) == "" {
		return name
	}
	if to, ok := r.known[name]; ok {
		return to
	}
	to := invent()
	r.known[name] = to
	r.pattern = nil
	return to
}

// Tree returns v, a decoded JSON value, with names and addresses replaced. It
// changes v.
func (r *Redactor) Tree(v any) any { return r.member("", v) }

func (r *Redactor) member(key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			v[k] = r.member(plainKey(k), v[k])
		}
	case []any:
		for i := range v {
			v[i] = r.member(key, v[i])
		}
	case string:
		return r.text(key, v)
	}
	return v
}

func (r *Redactor) text(key, s string) string {
	switch {
	case s == "" || keptKeys[key]:
		return s
	case key == "name":
		return r.person(s)
	case key == "room":
		return r.room(s)
	case key == "foundation": // made of the address
		if _, ok := r.found[s]; !ok {
			r.found[s] = fmt.Sprintf("f%d", len(r.found)+1)
		}
		return r.found[s]
	}
	return r.Text(s)
}

var (
	urlHost = regexp.MustCompile(`\b(?:stuns?|turns?|https?|wss?):(?://)?(\[[^\]]+\]|[^\s:/?,;]+)`)
	address = regexp.MustCompile(`[0-9A-Fa-f:.]*[:.][0-9A-Fa-f:.]+(?:%[\w.-]+)?`)
	domain  = regexp.MustCompile(`\b(?:[A-Za-z0-9](?:[\w-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}\b`)
)

// Text returns s with the addresses, host names and learned names in it
// replaced.
func (r *Redactor) Text(s string) string {
	s = r.knownIn(s)
	s = domain.ReplaceAllStringFunc(s, func(d string) string {
		if strings.HasSuffix(d, ".invalid") {
			return d
		}
		return r.host(d)
	})
	return address.ReplaceAllStringFunc(s, r.addressIn)
}

// knownIn replaces learned names that stand alone.
func (r *Redactor) knownIn(s string) string {
	switch {
	case len(r.known) == 0:
		return s
	case len(r.known) > maxKnown:
		return "…"
	}
	if r.pattern == nil {
		names := make([]string, 0, len(r.known))
		for n := range r.known {
			names = append(names, regexp.QuoteMeta(n))
		}
		slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) })
		r.pattern = regexp.MustCompile(strings.Join(names, "|"))
	}
	var out strings.Builder
	done := 0
	for _, at := range r.pattern.FindAllStringIndex(s, -1) {
		before, _ := utf8.DecodeLastRuneInString(s[:at[0]])
		after, _ := utf8.DecodeRuneInString(s[at[1]:])
		if isWord(before) || isWord(after) {
			continue
		}
		out.WriteString(s[done:at[0]])
		out.WriteString(r.known[s[at[0]:at[1]]])
		done = at[1]
	}
	out.WriteString(s[done:])
	return out.String()
}

func isWord(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }

// addressIn replaces the address in a row of hexadecimal digits, colons and
// dots, that may have a word before it and a port or a full stop behind it.
func (r *Redactor) addressIn(s string) string {
	body := strings.TrimRight(s, ".")
	rest := s[len(body):]
	for from := 0; ; {
		if to, ok := r.withPort(body[from:]); ok {
			return body[:from] + to + rest
		}
		i := strings.IndexByte(body[from:], ':')
		if i < 0 {
			return s
		}
		from += i + 1
	}
}

// withPort replaces an address, or an address and a port.
func (r *Redactor) withPort(s string) (string, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return r.Address(a).String(), true
	}
	if i := strings.LastIndexByte(s, ':'); i > 0 {
		if a, err := netip.ParseAddr(s[:i]); err == nil {
			return r.Address(a).String() + s[i:], true
		}
	}
	return "", false
}

// kindsOf addresses, and where their replacements come from: ranges that are
// for documentation and tests where there are such.
var kindsOf = []struct {
	name string
	is   func(netip.Addr) bool
	from string
}{
	{"private 4", func(a netip.Addr) bool { return a.Is4() && a.IsPrivate() }, "10.0.0.0"},
	{"link local 4", func(a netip.Addr) bool { return a.Is4() && a.IsLinkLocalUnicast() }, "169.254.0.0"},
	{"carrier 4", func(a netip.Addr) bool { return netip.MustParsePrefix("100.64.0.0/10").Contains(a) }, "100.64.0.0"},
	{"public 4", func(a netip.Addr) bool { return a.Is4() }, "198.18.0.0"},
	{"private 6", func(a netip.Addr) bool { return a.IsPrivate() }, "fd00::"},
	{"link local 6", func(a netip.Addr) bool { return a.IsLinkLocalUnicast() }, "fe80::"},
	{"public 6", func(netip.Addr) bool { return true }, "2001:db8::"},
}

// Address returns what a is replaced by. Loopback and unspecified addresses
// tell nothing and stay.
func (r *Redactor) Address(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.IsLoopback() || a.IsUnspecified() {
		return a
	}
	if to, ok := r.addrs[a]; ok {
		return to
	}
	for _, k := range kindsOf {
		if !k.is(a) {
			continue
		}
		r.used[k.name]++
		b := netip.MustParseAddr(k.from).AsSlice()
		n := r.used[k.name]
		b[len(b)-1], b[len(b)-2] = byte(n), b[len(b)-2]+byte(n>>8)
		to, _ := netip.AddrFromSlice(b)
		r.addrs[a] = to
		return to
	}
	return a
}

// Redact copies a trace of size bytes from src to w with names and addresses
// replaced. What it cannot read is not copied.
func Redact(w io.Writer, src io.ReaderAt, size int64) error {
	r, err := Open(src, size)
	if err != nil {
		return fmt.Errorf("redact: %w", err)
	}
	red := NewRedactor()
	for rec := range r.All() {
		red.Learn(rec.body)
	}
	r.Rewind()
	enc := NewEncoder(w, r.Header())
	for rec := range r.All() {
		t, err := tree(rec.body) // a copy: the reader needs its own
		if err != nil {
			return fmt.Errorf("redact: %w", err)
		}
		rec.body = red.Tree(t)
		copyTo(enc, rec)
	}
	if err := enc.Close(); err != nil {
		return fmt.Errorf("redact: %w", err)
	}
	return nil
}
