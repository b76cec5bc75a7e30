package signal

import (
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// alike maps letters to the Latin ones they are taken for: the confusables of
// Unicode TR39 that a name can be written with, one script a line, and what
// looks alike in most typefaces. What NFKC and lower case make the same is not
// listed.
var alike = strings.NewReplacer(
	"а", "a", "в", "b", "с", "c", "ԁ", "d", "е", "e", "г", "r", "һ", "h", "і", "l", "ј", "j", "к", "k", "ӏ", "l", "м", "rn", "н", "h",
	"о", "o", "р", "p", "ԛ", "q", "ѕ", "s", "т", "t", "у", "y", "ү", "y", "х", "x", "п", "n", "ԝ", "vv", "ѡ", "vv", "ь", "b", "є", "e",
	"α", "a", "β", "b", "γ", "y", "ε", "e", "η", "n", "ι", "l", "κ", "k", "μ", "u", "ν", "v", "ο", "o", "ρ", "p", "σ", "o", "ς", "c",
	"τ", "t", "υ", "u", "χ", "x", "ω", "vv", "ϲ", "c", "ϳ", "j",
	"օ", "o", "ո", "n", "ս", "u", "հ", "h", "ց", "g", "զ", "q", "յ", "j", "ա", "vv",
	"ᴀ", "a", "ʙ", "b", "ᴄ", "c", "ᴅ", "d", "ᴇ", "e", "ɢ", "g", "ʜ", "h", "ɪ", "l", "ᴊ", "j", "ᴋ", "k", "ʟ", "l", "ᴍ", "rn", "ɴ", "n",
	"ᴏ", "o", "ᴘ", "p", "ʀ", "r", "ꜱ", "s", "ᴛ", "t", "ᴜ", "u", "ᴠ", "v", "ᴡ", "vv", "ʏ", "y", "ᴢ", "z",
	"ı", "l", "ȷ", "j", "ɑ", "a", "ɡ", "g", "ɩ", "l", "ł", "l", "ø", "o", "đ", "d", "ħ", "h", "ŧ", "t", "ƅ", "b", "ɯ", "vv", "ʋ", "u",
	"ß", "b", "æ", "ae", "œ", "oe", "ǀ", "l", "ו", "l", "ס", "o",
	"١", "l", "٥", "o", "۱", "l", "۵", "o", "०", "o", "০", "o", "߀", "o",
	"i", "l", "1", "l", "|", "l", "!", "l", "0", "o", "m", "rn", "w", "vv", "$", "s", "@", "a",
)

// Looks is equal for names that people take for the same, whatever number the
// host gave them to tell them apart.
func Looks(name string) string {
	if i := strings.LastIndex(name, " ("); i > 0 && strings.HasSuffix(name, ")") {
		if _, err := strconv.Atoi(name[i+2 : len(name)-1]); err == nil {
			name = name[:i]
		}
	}
	return looks(name)
}

// looks is equal for names that people take for the same: whatever their case,
// accents, spaces and signs between letters.
func looks(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(norm.NFKD.String(name)) {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Z, unicode.Pd, unicode.Pc), r == '.', r == '\'', r == '’', r == '·', r == ',', r == '`':
		default:
			b.WriteRune(r)
		}
	}
	if b.Len() == 0 {
		return name
	}
	return alike.Replace(b.String())
}
