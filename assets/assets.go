// Package assets embeds what the window draws with and what the packager
// installs. It holds data only.
package assets

import "embed"

// Icons holds the Lucide icons (ISC licence, icons/LICENSE) as icons/NAME.svg.
// Their arc arguments are written out one command each, because oksvg misdraws
// repeated ones, and their colour is the word currentColor, to be replaced.
//
//go:embed icons
var Icons embed.FS

// The Inter typeface (SIL Open Font License, fonts/LICENSE).
var (
	//go:embed fonts/Inter-Regular.otf
	InterRegular []byte
	//go:embed fonts/Inter-SemiBold.otf
	InterSemiBold []byte
	//go:embed fonts/InterDisplay-SemiBold.otf
	InterDisplay []byte
)

// Icon is the program's icon, a PNG of 512 by 512.
//
//go:embed icon.png
var Icon []byte

// Desktop is the XDG desktop entry, which makes candid:// links open Candid.
//
//go:embed chat.candid.Candid.desktop
var Desktop []byte
