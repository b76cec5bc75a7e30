package ui

import (
	"fmt"
	"image/color"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"
)

var looks = map[string]palette{"dark": dark, "light": light}

// TestContrast holds every text colour to WCAG's 4.5 on every ground it is
// drawn on, and signs to 3.
func TestContrast(t *testing.T) {
	texts := []fyne.ThemeColorName{cText, cDim, cFaint, cAccent, cGood, cWarn, cBad, cTeal, cViolet}
	grounds := []fyne.ThemeColorName{cGround, cPanel, cCard, cInset}
	for name, p := range looks {
		check := func(what string, fg, bg color.NRGBA, want float64) {
			if c := contrast(fg, bg); c < want {
				t.Errorf("%s: %s has a contrast of %.2f, want %.1f", name, what, c, want)
			}
		}
		for _, fg := range texts {
			for _, bg := range grounds {
				check(fmt.Sprintf("%s on %s", fg, bg), p[fg], p[bg], 4.5)
			}
		}
		for _, fg := range texts[3:] { // a badge's word on its own breath of colour
			tinted := p[fg]
			tinted.A = tintAlpha
			for _, bg := range grounds {
				check(fmt.Sprintf("%s on its tint over %s", fg, bg), p[fg], over(tinted, p[bg]), 4.5)
			}
		}
		for _, bg := range []fyne.ThemeColorName{cRaised, cHover} {
			check("text on "+string(bg), p[cText], p[bg], 4.5)
			check("dim on "+string(bg), p[cDim], p[bg], 4.5)
		}
		check("text on the main button", p[cOnFill], p[cFill], 4.5)
		check("text on the main button under the pointer", p[cOnFill], p[cFillHot], 4.5)
		check("the sign on the leave button", p[cOnLeave], p[cLeave], 3)
		for _, picture := range []color.NRGBA{rgb(0xffffff), rgb(0x808080), rgb(0x000000)} {
			check("a name on a picture", p[cOnPill], over(p[cPill], picture), 4.5)
		}
		check("the mute sign on a picture", p[cBadPill], over(p[cPill], rgb(0x808080)), 3)
		check("the focus ring", p[cAccent], p[cGround], 3)
	}
}

func TestAvatarContrast(t *testing.T) {
	for _, isDark := range []bool{true, false} {
		for i := range 200 {
			a := avatarIn(fmt.Sprint("name ", i), isDark)
			if c := contrast(a.text, a.disc); c < 4.5 {
				t.Fatalf("initials %d: contrast %.2f", i, c)
			}
			if c := contrast(a.text, a.ground); c < 4.5 {
				t.Fatalf("words on tile %d: contrast %.2f", i, c)
			}
		}
	}
}

// TestLooksAreComplete: each colour exists in both looks and is reached through
// the theme, and the looks differ.
func TestLooksAreComplete(t *testing.T) {
	for n := range dark {
		if _, ok := light[n]; !ok {
			t.Errorf("the light look has no %s", n)
		}
	}
	if len(light) != len(dark) {
		t.Errorf("%d colours in light, %d in dark", len(light), len(dark))
	}
	for _, c := range []struct {
		mode    string
		variant fyne.ThemeVariant
		want    color.Color
	}{
		{"auto", theme.VariantDark, dark[cGround]},
		{"auto", theme.VariantLight, light[cGround]},
		{"light", theme.VariantDark, light[cGround]},
		{"dark", theme.VariantLight, dark[cGround]},
	} {
		if got := (Theme{c.mode}).Color(theme.ColorNameBackground, c.variant); got != c.want {
			t.Errorf("%s with variant %d: %v", c.mode, c.variant, got)
		}
	}
	for ours, theirs := range fyneColours {
		if got := (Theme{"dark"}).Color(ours, theme.VariantDark); got == nil || got == (color.NRGBA{}) {
			t.Errorf("%s (%s) is not a colour", ours, theirs)
		}
	}
}

func TestGridKeepsTilesApartAndInside(t *testing.T) {
	for _, s := range []fyne.Size{{Width: 868, Height: 440}, {Width: 1248, Height: 640}, {Width: 1164, Height: 760}, {Width: 2528, Height: 1280}, {Width: 480, Height: 700}} {
		for n := 1; n <= 25; n++ {
			boxes := gridBoxes(n, s)
			if len(boxes) != n {
				t.Fatalf("%d boxes for %d", len(boxes), n)
			}
			for i, b := range boxes {
				if b.w < 40 || b.h < 30 || b.x < -0.5 || b.y < -0.5 || b.x+b.w > s.Width+0.5 || b.y+b.h > s.Height+0.5 {
					t.Fatalf("%d in %v: tile %d at %+v", n, s, i, b)
				}
				for j := range i {
					if o := boxes[j]; b.x < o.x+o.w && o.x < b.x+b.w && b.y < o.y+o.h && o.y < b.y+b.h {
						t.Fatalf("%d in %v: tiles %d and %d overlap", n, s, i, j)
					}
				}
			}
		}
	}
}

func TestWrapAndElide(t *testing.T) {
	test.NewTempApp(t)
	for _, c := range []struct {
		s    string
		w    float32
		want int // lines at least
	}{{"", 100, 0}, {"short", 400, 1}, {"several words that need more than a line", 120, 2},
		{"candid://203.0.113.5:7788/abcdefghijklmnopqrstuvwxyz0123456789", 120, 3}, {"one\ntwo", 400, 2}, {"x", 0.5, 1}} {
		lines := wrap(c.s, 14, plain, c.w)
		if len(lines) < c.want || c.want == 0 && len(lines) != 0 {
			t.Errorf("%q in %v: %q", c.s, c.w, lines)
		}
		for _, l := range lines {
			if len([]rune(l)) > 1 && measure(l, 14, plain).Width > c.w {
				t.Errorf("%q is wider than %v", l, c.w)
			}
		}
	}
	if got := elide("Maximiliane", 14, bold, 60); measure(got, 14, bold).Width > 60 || got == "Maximiliane" {
		t.Errorf("got %q", got)
	}
	if got := elide("Jo", 14, bold, 60); got != "Jo" {
		t.Errorf("got %q", got)
	}
	if got := elide("Ωmega", 14, bold, 1); got != "…" {
		t.Errorf("got %q", got)
	}
}

func TestInitials(t *testing.T) {
	for name, want := range map[string]string{"Robin Vale": "RV", "mina": "M", "": "?", "  ": "?", "Anna-Lena Müller": "AM", "Ömer Faruk Çelik": "ÖÇ", "😀 Smile": "😀S"} {
		if got := initials(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
