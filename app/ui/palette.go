package ui

import (
	"image/color"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// The colours, by what they are for. Text colours (cText, cDim, cFaint and the
// signal colours) reach a contrast of 4.5 on every ground they are used on.
const (
	cGround  fyne.ThemeColorName = theme.ColorNameBackground
	cPanel   fyne.ThemeColorName = "candid.panel"  // a surface on the ground
	cCard    fyne.ThemeColorName = "candid.card"   // a surface on a panel
	cInset   fyne.ThemeColorName = "candid.inset"  // a card of the connection panel
	cRaised  fyne.ThemeColorName = "candid.raised" // something to press
	cHover   fyne.ThemeColorName = "candid.hover"  // the same under the pointer
	cLine    fyne.ThemeColorName = "candid.line"   // borders and rules
	cTile    fyne.ThemeColorName = "candid.tile"   // a tile without picture
	cText    fyne.ThemeColorName = "candid.text"
	cDim     fyne.ThemeColorName = "candid.dim"
	cFaint   fyne.ThemeColorName = "candid.faint"
	cAccent  fyne.ThemeColorName = "candid.accent"   // text, icons, rings
	cFill    fyne.ThemeColorName = "candid.fill"     // the one button that matters
	cOnFill  fyne.ThemeColorName = "candid.on-fill"  // text on cFill
	cFillHot fyne.ThemeColorName = "candid.fill-hot" // cFill under the pointer
	cGood    fyne.ThemeColorName = "candid.good"
	cWarn    fyne.ThemeColorName = "candid.warn"
	cBad     fyne.ThemeColorName = "candid.bad"
	cTeal    fyne.ThemeColorName = "candid.teal"
	cViolet  fyne.ThemeColorName = "candid.violet"
	cLeave   fyne.ThemeColorName = "candid.leave" // the leave button
	cOnLeave fyne.ThemeColorName = "candid.on-leave"
	cScrim   fyne.ThemeColorName = "candid.scrim"    // over what a sheet covers
	cPill    fyne.ThemeColorName = "candid.pill"     // behind text on a picture
	cOnPill  fyne.ThemeColorName = "candid.on-pill"  // text on a picture
	cBadPill fyne.ThemeColorName = "candid.bad-pill" // warning signs on a picture
	cShadow  fyne.ThemeColorName = theme.ColorNameShadow
)

type palette map[fyne.ThemeColorName]color.NRGBA

var dark = palette{
	cGround: rgb(0x0b0e15), cPanel: rgb(0x121722), cCard: rgb(0x192030), cInset: rgb(0x151b28), cRaised: rgb(0x232c3e), cHover: rgb(0x2d384e),
	cLine: rgb(0x283246), cTile: rgb(0x171d2a),
	cText: rgb(0xe9edf6), cDim: rgb(0xa3aec2), cFaint: rgb(0x8e9ab0),
	cAccent: rgb(0x93a5ff), cFill: rgb(0x5266e4), cOnFill: rgb(0xffffff), cFillHot: rgb(0x4658cf),
	cGood: rgb(0x4cdc9f), cWarn: rgb(0xf6bf45), cBad: rgb(0xff7a8c), cTeal: rgb(0x3fd3c2), cViolet: rgb(0xbf9bff),
	cLeave: rgb(0xe23a55), cOnLeave: rgb(0xffffff),
	cScrim: rgba(0x05070b, 0xb4), cPill: rgba(0x0b0e15, 0xb8), cOnPill: rgb(0xffffff), cBadPill: rgb(0xff9aa8),
	cShadow: rgba(0x000000, 0x66),
}

var light = palette{
	cGround: rgb(0xf3f5f9), cPanel: rgb(0xffffff), cCard: rgb(0xe9edf4), cInset: rgb(0xffffff), cRaised: rgb(0xe0e6ef), cHover: rgb(0xd4dce8),
	cLine: rgb(0xd9dfe9), cTile: rgb(0xdfe4ee),
	cText: rgb(0x171d2b), cDim: rgb(0x4c576b), cFaint: rgb(0x5a6579),
	cAccent: rgb(0x3550d4), cFill: rgb(0x3c57e0), cOnFill: rgb(0xffffff), cFillHot: rgb(0x2c45c4),
	cGood: rgb(0x0b6b43), cWarn: rgb(0x874e00), cBad: rgb(0xae1c37), cTeal: rgb(0x0a6a60), cViolet: rgb(0x6a3fc4),
	cLeave: rgb(0xd42f4b), cOnLeave: rgb(0xffffff),
	cScrim: rgba(0x1a2030, 0x80), cPill: rgba(0x0b0e15, 0xb8), cOnPill: rgb(0xffffff), cBadPill: rgb(0xff9aa8),
	cShadow: rgba(0x1a2440, 0x26),
}

func rgb(v uint32) color.NRGBA { return rgba(v, 0xff) }

func rgba(v uint32, a uint8) color.NRGBA {
	return color.NRGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: a}
}

// colour returns a colour of the theme in force.
func colour(n fyne.ThemeColorName) color.NRGBA {
	return color.NRGBAModel.Convert(theme.Color(n)).(color.NRGBA)
}

// tint is the quiet ground of a badge in colour n.
func tint(n fyne.ThemeColorName) color.NRGBA {
	c := colour(n)
	c.A = tintAlpha
	return c
}

const tintAlpha = 0x24

// faded returns c at the given opacity, 0 to 1.
func faded(c color.NRGBA, opacity float64) color.NRGBA {
	c.A = uint8(float64(c.A) * opacity)
	return c
}

// over blends c, by its alpha, on an opaque ground.
func over(c, ground color.NRGBA) color.NRGBA {
	a := float64(c.A) / 255
	mix := func(x, y uint8) uint8 { return uint8(math.Round(float64(x)*a + float64(y)*(1-a))) }
	return color.NRGBA{R: mix(c.R, ground.R), G: mix(c.G, ground.G), B: mix(c.B, ground.B), A: 255}
}

// contrast is the ratio of WCAG 2.2 (1 to 21) between two opaque colours.
func contrast(a, b color.NRGBA) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(c color.NRGBA) float64 {
	lin := func(v uint8) float64 {
		s := float64(v) / 255
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*lin(c.R) + 0.7152*lin(c.G) + 0.0722*lin(c.B)
}
