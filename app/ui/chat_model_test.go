package ui

import (
	"strings"
	"testing"
	"time"

	"candid/app/call"

	"fyne.io/fyne/v2/test"
)

func TestFindLinks(t *testing.T) {
	for text, want := range map[string]string{
		"see https://example.org/a?b=c#d, please":                           "https://example.org/a?b=c#d",
		"(http://example.org)":                                              "http://example.org",
		"https://en.wikipedia.org/wiki/Go_(game).":                          "https://en.wikipedia.org/wiki/Go_(game)",
		"HTTPS://EXAMPLE.ORG":                                               "HTTPS://EXAMPLE.ORG",
		"two https://a.example and http://b.example":                        "https://a.example|http://b.example",
		"javascript:alert(1) file:///etc/passwd ftp://x.example candid://x": "",
		"https://bank.example@evil.example/":                                "", // the part before @ is not where it leads
		"https://ехample.org":                                               "", // Cyrillic
		"https://":                                                          "",
		"no link":                                                           "",
	} {
		var got []string
		for _, at := range findLinks(text) {
			got = append(got, text[at[0]:at[1]])
		}
		if s := strings.Join(got, "|"); s != want {
			t.Errorf("%q: got %q, want %q", text, s, want)
		}
	}
}

func TestCleanChat(t *testing.T) {
	for text, want := range map[string]string{
		"plain\nlines": "plain\nlines",
		"https://evil\u202egro.elpmaxe\u202c.com": "https://evilgro.elpmaxe.com", // right-to-left override
		"a\u2066b\u2069\u200bc\ufeff":             "abc",
		"tab\there\x00\x1b[31m":                   "tab here[31m",
		"👩\u200d💻":                                "👩\u200d💻",
	} {
		if got := cleanChat(text); got != want {
			t.Errorf("%q: got %q", text, got)
		}
	}
}

// TestLongLinksAreShownWhole: broken into lines, every part of a link knows
// where it leads, and nothing of it is lost.
func TestLongLinksAreShownWhole(t *testing.T) {
	test.NewTempApp(t)
	link := "https://example.org/" + strings.Repeat("abcdefghij/", 12)
	text := "before " + link + " after\nnext line"
	got := ""
	lines := wrapRuns(text, bubbleText, 220)
	for _, l := range lines {
		if runsWidth(l) > 221 {
			t.Errorf("a line is %v wide", runsWidth(l))
		}
		for _, r := range l {
			switch r.Link {
			case link:
				got += r.Text
			case "":
			default:
				t.Errorf("a part leads to %q", r.Link)
			}
		}
	}
	if got != link || len(lines) < 4 {
		t.Errorf("%d lines, of the link there is %q", len(lines), got)
	}
}

func TestChatEntries(t *testing.T) {
	at := func(m int) time.Time { return noon.Add(time.Duration(m) * time.Minute) }
	got := chatEntries([]call.ChatLine{
		{From: "a", Name: "Bo", Text: "yesterday", At: at(-24 * 60)},
		{From: "a", Name: "Bo", Text: "hello", At: at(0)},
		{From: "a", Name: "Bo", Text: "again", At: at(1)},
		{From: "me", Name: "Ann", Text: "hi", At: at(1), Mine: true},
		{Name: "", Text: "who?", At: at(2)},
	}, noon)
	want := []chatEntry{
		{"Bo", "20 Nov, 12:00", "yesterday", false}, {"Bo", "12:00", "hello", false}, {"", "", "again", false}, {"You", "12:01", "hi", true},
		{"Somebody who is gone", "12:02", "who?", false},
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%d: got %+v, want %+v", i, got[i], want[i])
		}
	}
}

func TestChatTooLong(t *testing.T) {
	if s := chatTooLong(strings.Repeat("é", chatLimit/2)); s != "" {
		t.Error(s)
	}
	if s := chatTooLong(strings.Repeat("é", chatLimit/2+3)); s != "Too long for one message. Shorten it by 3 letters, or send it in parts." {
		t.Error(s)
	}
}

func FuzzChat(f *testing.F) {
	test.NewTempApp(f)
	f.Add("see https://example.org/a(b) \u202e now\n\xff")
	f.Fuzz(func(t *testing.T, s string) {
		s = cleanChat(s)
		for _, at := range findLinks(s) {
			if linkURL(s[at[0]:at[1]]) == nil {
				t.Fatal("a link that leads nowhere")
			}
		}
		if len(s) < 400 {
			wrapRuns(s, bubbleText, 120)
		}
	})
}
