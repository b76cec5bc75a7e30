package ui

import (
	"hash/fnv"
	"image/color"
	"math"
	"strings"
	"unicode"
)

// avatar is how a person without picture looks.
type avatar struct{ ground, disc, text color.NRGBA }

// avatarFor gives every name its own hue, in the theme in force.
func avatarFor(name string) avatar {
	isDark := luminance(colour(cGround)) < 0.2
	return avatarIn(name, isDark)
}

func avatarIn(name string, isDark bool) avatar {
	h := fnv.New32a()
	h.Write([]byte(name))
	hue := float64(h.Sum32()%24) * 15
	if isDark {
		return avatar{hsl(hue, 0.20, 0.12), hsl(hue, 0.32, 0.27), hsl(hue, 0.60, 0.90)}
	}
	return avatar{hsl(hue, 0.28, 0.89), hsl(hue, 0.38, 0.78), hsl(hue, 0.55, 0.20)}
}

func hsl(h, s, l float64) color.NRGBA {
	a := s * min(l, 1-l)
	f := func(n float64) uint8 {
		k := math.Mod(n+h/30, 12)
		return uint8(math.Round(255 * (l - a*max(-1, min(k-3, 9-k, 1)))))
	}
	return color.NRGBA{R: f(0), G: f(8), B: f(4), A: 255}
}

// initials are the first letters of the first and the last word of a name.
func initials(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || r == '-' || r == '_' })
	if len(words) == 0 {
		return "?"
	}
	first := func(s string) string { return strings.ToUpper(string([]rune(s)[:1])) }
	if len(words) == 1 {
		return first(words[0])
	}
	return first(words[0]) + first(words[len(words)-1])
}
