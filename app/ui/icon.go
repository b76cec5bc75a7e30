package ui

import (
	"fmt"
	"image/color"
	"strings"

	"candid/assets"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"
)

// iconResource returns a Lucide icon in colour c. Fyne's own ThemedResource
// recolours fills only, and these icons are strokes. Its name says it all: by
// that Fyne caches the drawing.
func iconResource(name string, c color.NRGBA) fyne.Resource {
	src, err := assets.Icons.ReadFile("icons/" + name + ".svg")
	if err != nil {
		fyne.LogError("draw an icon", err)
		return nil
	}
	hex := hexColour(c)
	svg := strings.ReplaceAll(string(src), "currentColor", hex)
	return fyne.NewStaticResource(iconFile(name, c), []byte(svg))
}

func iconFile(name string, c color.NRGBA) string { return name + hexColour(c) + ".svg" }

func hexColour(c color.NRGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// newIcon returns an image to draw icons in; setIcon fills it.
func newIcon() *canvas.Image {
	i := &canvas.Image{FillMode: canvas.ImageFillContain}
	i.Hide()
	return i
}

// setIcon shows the named icon, or nothing if name is empty. It does nothing
// when that is what it shows: a refresh draws the SVG again.
func setIcon(i *canvas.Image, name string, c color.NRGBA) {
	i.Hidden = name == ""
	if i.Hidden || i.Resource != nil && i.Resource.Name() == iconFile(name, c) {
		return
	}
	i.Resource = iconResource(name, c)
	i.Refresh()
}

// icon is a themed icon as a widget.
type icon struct {
	widget.BaseWidget
	name string
	col  fyne.ThemeColorName
	size float32
}

func newIconWidget(name string, col fyne.ThemeColorName, size float32) *icon {
	i := &icon{name: name, col: col, size: size}
	i.ExtendBaseWidget(i)
	return i
}

func (i *icon) set(name string, col fyne.ThemeColorName) {
	if i.name == name && i.col == col {
		return
	}
	i.name, i.col = name, col
	i.Refresh()
}

func (i *icon) CreateRenderer() fyne.WidgetRenderer {
	img := newIcon()
	return newRenderer(
		func() fyne.Size { return fyne.NewSquareSize(i.size) },
		func(s fyne.Size) {
			img.Resize(fyne.NewSquareSize(i.size))
			img.Move(fyne.NewPos((s.Width-i.size)/2, (s.Height-i.size)/2))
		},
		func() { setIcon(img, i.name, colour(i.col)) },
		img)
}
