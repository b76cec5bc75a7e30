package capture

import (
	"bytes"
	"image/jpeg"
	"testing"

	"github.com/pion/mediadevices/pkg/frame"
)

// Cameras decode JPEG with ours, and with image/jpeg what ours cannot.
func TestMJPEG(t *testing.T) {
	d, err := frame.NewDecoder(frame.FormatMJPEG)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, picture(64, 36), nil); err != nil {
		t.Fatal(err)
	}
	img, _, err := d.Decode(b.Bytes(), 64, 36)
	if _, ours := img.(*stampedPicture); err != nil || !ours {
		t.Errorf("decoded to %T, %v", img, err)
	}
	if _, _, err := d.Decode(b.Bytes()[:b.Len()-10], 64, 36); !torn(err) {
		t.Errorf("a torn picture: %v", err)
	}
}
