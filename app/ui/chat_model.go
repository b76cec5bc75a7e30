package ui

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"candid/app/call"

	"fyne.io/fyne/v2"
)

// chatLimit is how much one message may hold, in bytes: what the host passes on.
const chatLimit = 4000

// chatEntry is a line of chat as it is shown.
type chatEntry struct {
	Who  string // empty: goes on with what was said before
	Time string
	Text string
	Mine bool
}

// chatPause is after how long a person's next line has its name again.
const chatPause = 3 * time.Minute

// chatEntries are lines of chat, oldest first.
func chatEntries(lines []call.ChatLine, now time.Time) []chatEntry {
	out := make([]chatEntry, len(lines))
	for i, l := range lines {
		out[i] = chatEntry{Text: cleanChat(l.Text), Mine: l.Mine}
		if i > 0 {
			before := lines[i-1]
			if before.Mine == l.Mine && before.From == l.From && before.Name == l.Name && l.At.Sub(before.At) < chatPause {
				continue
			}
		}
		out[i].Time = chatTime(l.At, now)
		out[i].Who = orElse(cleanChat(l.Name), "Somebody who is gone")
		if l.Mine {
			out[i].Who = wordYouAlone
		}
	}
	return out
}

// chatTime is when something was said: the day too, if that was not today.
func chatTime(at, now time.Time) string {
	at = at.In(now.Location())
	if at.YearDay() == now.YearDay() && at.Year() == now.Year() {
		return at.Format("15:04")
	}
	return at.Format("2 Jan, 15:04")
}

// cleanChat takes out of a text what would make it look like another: signs
// that turn the direction of writing, and those that are not seen. Line breaks
// stay.
func cleanChat(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\u200d', r == '\u200c': // joiners: emoji and several scripts need them
			return r
		case r == '\t', r == '\u2028', r == '\u2029':
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs), r == utf8.RuneError:
			return -1
		}
		return r
	}, s)
}

var linkPattern = regexp.MustCompile(`(?i)\bhttps?://[^\s<>"]+`)

// findLinks returns where the links of a text are, in bytes. Only such are
// links as show at a glance where they lead: http or https, and neither a
// password before the address nor letters in it that look like others.
func findLinks(text string) [][2]int {
	var out [][2]int
	for _, at := range linkPattern.FindAllStringIndex(text, -1) {
		end := at[0] + len(strings.TrimRight(text[at[0]:at[1]], ".,;:!?'*_"))
		for end > at[0] && text[end-1] == ')' && strings.Count(text[at[0]:end], "(") < strings.Count(text[at[0]:end], ")") {
			end--
		}
		if linkURL(text[at[0]:end]) != nil {
			out = append(out, [2]int{at[0], end})
		}
	}
	return out
}

// linkURL is where a link leads; nil if that is not to be opened.
func linkURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil || u.User != nil || u.Hostname() == "" || !strings.EqualFold(u.Scheme, "http") && !strings.EqualFold(u.Scheme, "https") {
		return nil
	}
	for _, r := range u.Host {
		if r > unicode.MaxASCII {
			return nil
		}
	}
	return u
}

// textRun is a part of a line: plain, or of a link.
type textRun struct {
	Text string
	Link string // the whole link; empty is plain text
}

// wrapRuns breaks a text into lines of at most w and tells its links apart.
func wrapRuns(text string, size float32, w float32) [][]textRun {
	links := findLinks(text)
	// wrap changes nothing but white space, so the other signs keep their order.
	var of []string
	for i, r := range text {
		if unicode.IsSpace(r) {
			continue
		}
		link := ""
		for _, l := range links {
			if i >= l[0] && i < l[1] {
				link = text[l[0]:l[1]]
			}
		}
		of = append(of, link)
	}
	var out [][]textRun
	n := 0
	for _, line := range wrap(text, size, fyne.TextStyle{}, w) {
		var runs []textRun
		for _, r := range line {
			link := ""
			if !unicode.IsSpace(r) && n < len(of) {
				link = of[n]
				n++
			}
			if k := len(runs) - 1; k >= 0 && runs[k].Link == link {
				runs[k].Text += string(r)
			} else {
				runs = append(runs, textRun{string(r), link})
			}
		}
		out = append(out, runs)
	}
	return out
}

// chatTooLong says what is wrong with a message that is too long to be sent;
// empty if it is not.
func chatTooLong(text string) string {
	if len(text) <= chatLimit {
		return ""
	}
	over := 0
	for rest := text; len(rest) > chatLimit; over++ {
		_, n := utf8.DecodeLastRuneInString(rest)
		rest = rest[:len(rest)-n]
	}
	return fmt.Sprintf("Too long for one message. Shorten it by %s, or send it in parts.", count(over, "letter", "letters"))
}
