package invite

import (
	"encoding/base64"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Parse reads a link as people pass it on: with spaces, quotes or brackets
// around it, words before it, broken into lines, or with its signs escaped. The
// error is an *Error.
func Parse(s string) (Invite, error) {
	link, err := clean(s)
	if err != nil {
		return Invite{}, err
	}
	link, fragment, _ := strings.Cut(link, "#")
	link, query, _ := strings.Cut(link, "?")
	authority, room, _ := strings.Cut(link, "/")

	var i Invite
	if i.Addresses, err = parseAddresses(authority, query); err != nil {
		return Invite{}, err
	}
	if i.Room, err = parseRoom(room); err != nil {
		return Invite{}, err
	}
	if err = i.parseFragment(fragment); err != nil {
		return Invite{}, err
	}
	return i, nil
}

// clean returns what follows "candid://" without anything that came in on the
// way.
func clean(s string) (string, error) {
	if len(s) > 4*MaxLength {
		return "", fail(TooLong, "")
	}
	s = strings.Map(func(r rune) rune {
		// Cf holds the invisible: zero-width spaces, soft hyphens, BOM, bidi.
		if unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, s)
	if s == "" {
		return "", fail(Empty, "")
	}
	at := indexFold(s, Scheme+"://")
	if at < 0 {
		return "", fail(WrongScheme, scheme(s))
	}
	s = s[at+len(Scheme+"://"):]
	s = strings.ReplaceAll(s, "&amp;", "&")
	if !strings.Contains(s, "#") {
		s = strings.Replace(s, "%23", "#", 1)
	}
	s = strings.TrimRightFunc(s, func(r rune) bool {
		return strings.ContainsRune("\"'`<>()[]{}.,;:!?*", r) || unicode.In(r, unicode.Pf, unicode.Pi, unicode.Pe, unicode.Ps)
	})
	if len(s) > MaxLength {
		return "", fail(TooLong, "")
	}
	return s, nil
}

// indexFold is strings.Index, without regard to the case of ASCII letters.
func indexFold(s, sub string) int {
	for i := 0; i+len(sub) <= len(s); i++ {
		if strings.EqualFold(s[i:i+len(sub)], sub) {
			return i
		}
	}
	return -1
}

// scheme returns the scheme of another kind of link, for the error.
func scheme(s string) string {
	if before, _, ok := strings.Cut(s, "://"); ok {
		return before + "://"
	}
	return ""
}

func parseAddresses(authority, query string) ([]string, error) {
	if authority == "" {
		return nil, fail(NoAddress, "")
	}
	raw := []string{authority}
	for p := range strings.SplitSeq(query, "&") {
		if k, v, _ := strings.Cut(p, "="); k == "a" {
			raw = append(raw, v)
		}
	}
	if len(raw) > MaxAddresses {
		return nil, fail(TooManyAddresses, "")
	}
	var out []string
	for _, r := range raw {
		a, ok := parseAddress(r)
		if !ok {
			return nil, fail(BadAddress, r)
		}
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out, nil
}

// parseAddress returns host:port in its shortest form.
func parseAddress(s string) (string, bool) {
	s, err := url.PathUnescape(s) // some programs escape the brackets of IPv6
	if err != nil {
		return "", false
	}
	host, port := s, strconv.Itoa(DefaultPort)
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		host, port = s[:i], s[i+1:]
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", false
	}
	port = strconv.FormatUint(n, 10)
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		ip, err := netip.ParseAddr(inner)
		if !ok || err != nil || !ip.Is6() || ip.Is4In6() || ip.Zone() != "" || !usable(ip) {
			return "", false // a zone means something on one machine only
		}
		return "[" + ip.String() + "]:" + port, true
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return host + ":" + port, ip.Is4() && usable(ip)
	}
	host = strings.ToLower(host)
	return host + ":" + port, isName(host)
}

func usable(ip netip.Addr) bool { return !ip.IsUnspecified() && !ip.IsMulticast() }

// isName reports whether s can be a name in DNS or mDNS (RFC 1123 section 2.1;
// underscores are met in practice).
func isName(s string) bool {
	if len(s) > 253 {
		return false
	}
	digits := true
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			switch {
			case 'a' <= c && c <= 'z', c == '-', c == '_':
				digits = false
			case c < '0' || c > '9':
				return false
			}
		}
	}
	return !digits // 1.2.3 or 300.1.1.1 is a mistyped IP address
}

// IsDomain reports whether an authority could certify a name: one in DNS, of at
// least two parts.
func IsDomain(s string) bool {
	s = strings.ToLower(s)
	return isName(s) && strings.Contains(s, ".") && !strings.HasSuffix(s, ".local")
}

func parseRoom(s string) (string, error) {
	room, err := url.PathUnescape(strings.TrimSuffix(s, "/"))
	switch {
	case err != nil:
		return "", fail(BadRoom, s)
	case room == "":
		return "", fail(NoRoom, "")
	case !IsRoom(room):
		return "", fail(BadRoom, room)
	}
	return room, nil
}

// IsRoom reports whether s can be the name of a room: printable, no spaces at
// its ends, at most MaxRoom bytes.
func IsRoom(s string) bool {
	if s == "" || len(s) > MaxRoom || !utf8.ValidString(s) || strings.TrimSpace(s) != s || s == "." || s == ".." || strings.Contains(s, "/") {
		return false
	}
	for _, r := range s {
		if !unicode.IsPrint(r) { // the ASCII space is the only one that is
			return false
		}
	}
	return true
}

func (i *Invite) parseFragment(s string) error {
	var secret, pinText string
	for p := range strings.SplitSeq(s, "&") {
		switch k, v, _ := strings.Cut(p, "="); k {
		case "t":
			secret = v
		case "pin":
			pinText = v
		case "e2e":
			i.EndToEnd = i.EndToEnd || v != "0"
		case "ca":
			i.ByName = true
		}
	}
	switch {
	case secret == "":
		return fail(NoSecret, "")
	case !isSecret(secret):
		return fail(BadSecret, "")
	case i.ByName && pinText == "":
		i.Secret = secret
		if !IsDomain(i.Name()) {
			return fail(NoName, "")
		}
		return nil
	case pinText == "":
		return fail(NoPin, "")
	}
	i.ByName = false // a pin says more
	// The pin has a fixed length and stands last: what follows is text that
	// came after the link.
	n := base64.RawURLEncoding.EncodedLen(len(i.Pin))
	b, err := base64.RawURLEncoding.Strict().DecodeString(pinText[:min(n, len(pinText))])
	if err != nil || len(b) != len(i.Pin) {
		return fail(BadPin, "")
	}
	i.Secret, i.Pin = secret, Pin(b)
	return nil
}

func isSecret(s string) bool {
	if len(s) < MinSecret || len(s) > MaxSecret {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~", c) >= 0:
		default:
			return false
		}
	}
	return true
}
