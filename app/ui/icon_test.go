package ui

import (
	"image"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"candid/assets"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
)

// TestIconsAreDrawn: none is blank, none leaves its square, none is black
// because its colour was lost.
func TestIconsAreDrawn(t *testing.T) {
	test.NewTempApp(t)
	files, err := fs.Glob(assets.Icons, "icons/*.svg")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d icons, %v", len(files), err)
	}
	img := newIcon()
	w := test.NewTempWindow(t, img)
	w.SetPadded(false)
	w.Resize(fyne.NewSize(48, 48))
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".svg")
		setIcon(img, name, rgb(0xff2020))
		red, edge := redPixels(w.Canvas().Capture())
		if red < 60 {
			t.Errorf("%s has %d pixels", name, red)
		}
		if edge > 0 {
			t.Errorf("%s is cut off at the edge", name)
		}
	}
}

func redPixels(img image.Image) (all, edge int) {
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			if r, g, _, _ := img.At(x, y).RGBA(); r > 0xc000 && g < 0x6000 {
				all++
				if x == b.Min.X || y == b.Min.Y || x == b.Max.X-1 || y == b.Max.Y-1 {
					edge++
				}
			}
		}
	}
	return all, edge
}

// TestIconsExist: the names in the source are names of icons.
func TestIconsExist(t *testing.T) {
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	use := regexp.MustCompile(`(?:newIconWidget|newSmallButton|newButton|newRoundButton|newChip|newChipButton|newChoice|Icon:|iconIf|\.set|primary,|secondary,|quiet,)[( ]?(?:[a-z]+, |[a-zA-Z.]+ != "", )?"([a-z0-9-]+)"`)
	found := 0
	for _, f := range sources {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range use.FindAllStringSubmatch(string(b), -1) {
			found++
			if _, err := assets.Icons.ReadFile("icons/" + m[1] + ".svg"); err != nil {
				t.Errorf("%s: there is no icon %q", f, m[1])
			}
		}
	}
	if found < 40 {
		t.Errorf("found only %d icons: does the pattern still fit?", found)
	}
}
