package ui

import (
	"image/color"

	"candid/assets"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// Theme is the look of every window. Mode is a value of config.Themes; "auto"
// follows the system.
type Theme struct{ Mode string }

var _ fyne.Theme = Theme{}

// The fonts are shared so that Fyne caches their glyphs once.
var (
	fontRegular = fyne.NewStaticResource("Inter-Regular.otf", assets.InterRegular)
	fontBold    = fyne.NewStaticResource("Inter-SemiBold.otf", assets.InterSemiBold)
	fontDisplay = fyne.NewStaticResource("InterDisplay-SemiBold.otf", assets.InterDisplay)
)

// fyneColours says which of ours Fyne's own widgets take.
var fyneColours = map[fyne.ThemeColorName]fyne.ThemeColorName{
	theme.ColorNameButton:              cRaised,
	theme.ColorNameDisabledButton:      cCard,
	theme.ColorNameDisabled:            cFaint,
	theme.ColorNameError:               cBad,
	theme.ColorNameFocus:               cAccent,
	theme.ColorNameForeground:          cText,
	theme.ColorNameForegroundOnPrimary: cOnFill,
	theme.ColorNameForegroundOnError:   cOnLeave,
	theme.ColorNameHeaderBackground:    cPanel,
	theme.ColorNameHover:               cHover,
	theme.ColorNameHyperlink:           cAccent,
	theme.ColorNameInputBackground:     cCard,
	theme.ColorNameInputBorder:         cLine,
	theme.ColorNameMenuBackground:      cPanel,
	theme.ColorNameOverlayBackground:   cPanel,
	theme.ColorNamePlaceHolder:         cFaint,
	theme.ColorNamePressed:             cHover,
	theme.ColorNamePrimary:             cAccent,
	theme.ColorNameScrollBar:           cFaint,
	theme.ColorNameSeparator:           cLine,
	theme.ColorNameSuccess:             cGood,
	theme.ColorNameWarning:             cWarn,
}

// Color implements fyne.Theme.
func (t Theme) Color(n fyne.ThemeColorName, v fyne.ThemeVariant) color.Color {
	p := t.palette(v)
	switch n {
	case theme.ColorNameSelection:
		return faded(p[cAccent], 0.3)
	case theme.ColorNameScrollBar:
		return faded(p[cFaint], 0.6)
	}
	if ours, ok := fyneColours[n]; ok {
		return p[ours]
	}
	if c, ok := p[n]; ok {
		return c
	}
	return theme.DefaultTheme().Color(n, v)
}

func (t Theme) palette(v fyne.ThemeVariant) palette {
	if t.Mode == "light" || t.Mode != "dark" && v == theme.VariantLight {
		return light
	}
	return dark
}

// Font implements fyne.Theme.
func (t Theme) Font(s fyne.TextStyle) fyne.Resource {
	switch {
	case s.Monospace, s.Symbol:
		return theme.DefaultTheme().Font(s)
	case s.Bold && s.Italic: // no text is both: it asks for the display cut
		return fontDisplay
	case s.Bold:
		return fontBold
	}
	return fontRegular
}

// Icon implements fyne.Theme.
func (t Theme) Icon(n fyne.ThemeIconName) fyne.Resource { return theme.DefaultTheme().Icon(n) }

// Size implements fyne.Theme.
func (t Theme) Size(n fyne.ThemeSizeName) float32 {
	switch n {
	case theme.SizeNameText:
		return 14
	case theme.SizeNameCaptionText:
		return 12
	case theme.SizeNamePadding:
		return 6
	case theme.SizeNameInnerPadding:
		return 10
	case theme.SizeNameInputRadius, theme.SizeNameButtonRadius, theme.SizeNameSelectionRadius:
		return 10
	case theme.SizeNameCardRadius, theme.SizeNameDialogRadius, theme.SizeNamePopupRadius, theme.SizeNameMenuRadius:
		return 14
	case theme.SizeNameScrollBar:
		return 10
	case theme.SizeNameScrollBarSmall:
		return 4
	}
	return theme.DefaultTheme().Size(n)
}
