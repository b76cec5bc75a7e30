package assets_test

import (
	"bytes"
	"image/png"
	"os/exec"
	"strings"
	"testing"

	"candid/assets"
)

func TestIcon(t *testing.T) {
	img, err := png.Decode(bytes.NewReader(assets.Icon))
	if err != nil || img.Bounds().Dx() != 512 || img.Bounds().Dy() != 512 {
		t.Fatalf("the icon: %v", err)
	}
}

// TestDesktop: the entry opens candid:// links, and is valid where that can be
// checked.
func TestDesktop(t *testing.T) {
	for _, want := range []string{"[Desktop Entry]", "Exec=candid %u", "MimeType=x-scheme-handler/candid;", "Icon=chat.candid.Candid"} {
		if !strings.Contains(string(assets.Desktop), want+"\n") {
			t.Errorf("%q is missing", want)
		}
	}
	tool, err := exec.LookPath("desktop-file-validate")
	if err != nil {
		t.Skip("desktop-file-validate is not installed")
	}
	if out, err := exec.Command(tool, "chat.candid.Candid.desktop").CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}

func TestLicencesAreKept(t *testing.T) {
	if b, err := assets.Icons.ReadFile("icons/LICENSE"); err != nil || !bytes.Contains(b, []byte("ISC License")) {
		t.Error("the icons come without their licence")
	}
}

func TestSize(t *testing.T) {
	if n := len(assets.InterRegular) + len(assets.InterSemiBold) + len(assets.InterDisplay) + len(assets.Icon); n > 1_500_000 {
		t.Errorf("the assets have %d bytes", n)
	}
}
