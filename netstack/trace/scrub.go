package trace

import (
	"regexp"
	"strings"
)

// secretKeys are names of members that hold secrets, in lower case without
// separators. Whoever records should not give them; this is the second lock.
var secretKeys = map[string]bool{
	"credential": true, "password": true, "passwd": true, "pwd": true, "secret": true, "token": true,
	"resumetoken": true, "ufrag": true, "usernamefragment": true, "icepwd": true, "iceufrag": true,
	"sdp": true, "invite": true, "privatekey": true, "authorization": true,
}

// secretText finds secrets inside of texts: whole invite links, what follows
// the user's name in an address, and the secret lines of an SDP.
var secretText = regexp.MustCompile(`candid:[^\s"'<>]+|[#&?]t=[^\s&"'<>]+|://[^/\s@"]+@|a=(?:ice-ufrag|ice-pwd|crypto):\S+(?: \S+)*`)

// scrub takes secrets out of a tree, in place where it can.
func scrub(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, m := range v {
			if secretKeys[plainKey(k)] {
				delete(v, k)
				continue
			}
			v[k] = scrub(m)
		}
	case []any:
		for i := range v {
			v[i] = scrub(v[i])
		}
	case string:
		if strings.ContainsAny(v, ":=") {
			return secretText.ReplaceAllStringFunc(v, hide)
		}
	}
	return v
}

func hide(s string) string {
	switch {
	case strings.HasPrefix(s, "candid:"):
		return "candid:…"
	case strings.HasPrefix(s[1:], "t="):
		return s[:3] + "…"
	case strings.HasPrefix(s, "://"):
		return "://…@"
	}
	return "a=…"
}

func plainKey(k string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToLower(k))
}
