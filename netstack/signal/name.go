package signal

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Limits of what people write.
const (
	maxNameRunes = 32
	maxNameBytes = 128
	maxChat      = 4000 // bytes
	maxSaid      = 200
	maxLine      = 500 // bytes of a sentence from the host
	maxMarks     = 2   // combining marks on one letter
	nobody       = "Guest"
)

const (
	zwj         = '\u200d' // joins emoji
	emojiPicked = '\ufe0f' // picks the emoji form
)

// cleanName makes a name fit to be shown to others: one line, no invisible
// signs, nothing that turns the direction of writing or climbs out of its
// line. It is never empty.
func cleanName(s string) string {
	for range 4 { // dropping one sign may let its neighbours join into another
		before := s
		s = strings.Join(strings.Fields(cleanText(s, false)), " ")
		s = cut(s, maxNameRunes, maxNameBytes)
		if s == before {
			break
		}
	}
	if s == "" {
		return nobody
	}
	return s
}

// cleanText drops what must not be shown, keeping line breaks if lines is set.
func cleanText(s string, lines bool) string {
	if len(s) > 4*maxChat {
		s = s[:4*maxChat]
	}
	s = norm.NFKC.String(strings.ToValidUTF8(s, ""))
	var b strings.Builder
	marks := 0
	var before rune // last rune kept
	runes := []rune(s)
	for i, r := range runes {
		switch {
		case r == '\n' && lines:
		case r == '\t', r == '\n', r == '\r', unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r):
			r = ' '
		case r == zwj && isEmoji(before) && i+1 < len(runes) && isEmoji(runes[i+1]):
		case r == emojiPicked && before != 0:
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs), isFiller(r):
			continue
		case unicode.In(r, unicode.Mn, unicode.Me):
			if marks++; marks > maxMarks || before == 0 || before == ' ' || before == '\n' {
				continue
			}
		}
		if !unicode.In(r, unicode.Mn, unicode.Me) {
			marks = 0
		}
		b.WriteRune(r)
		before = r
	}
	return b.String()
}

// isFiller reports whether r counts as a letter or sign and shows nothing.
func isFiller(r rune) bool {
	switch r {
	case '\u115f', '\u1160', '\u17b4', '\u17b5', '\u2800', '\u3164', '\uffa0':
		return true
	}
	return false
}

// isEmoji reports whether r may stand on either side of a joiner. The emoji
// blocks and the older symbols among them are enough.
func isEmoji(r rune) bool {
	return r >= 0x1f000 && r <= 0x1faff || r >= 0x2190 && r <= 0x2bff || r == emojiPicked
}

// cut shortens s without cutting a rune, nor a letter from its marks.
func cut(s string, maxRunes, maxBytes int) string {
	n := 0
	for i, r := range s {
		if !unicode.In(r, unicode.Mn, unicode.Me) && r != zwj {
			n++
		}
		if n > maxRunes || i+utf8.RuneLen(r) > maxBytes {
			return strings.TrimRight(s[:i], " \u200d")
		}
	}
	return s
}

// uniqueName adds a number to a name that looks like one of those taken.
func uniqueName(name string, taken func(looks string) bool) string {
	for n := 2; taken(looks(name)); n++ {
		suffix := " (" + strconv.Itoa(n) + ")"
		base, _, _ := strings.Cut(name, " (")
		if n == 2 {
			base = name
		}
		base = cut(base, maxNameRunes-len(suffix), maxNameBytes-len(suffix))
		name = base + suffix
	}
	return name
}
