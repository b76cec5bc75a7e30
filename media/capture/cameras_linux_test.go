package capture

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pion/mediadevices/pkg/driver"
)

func TestPorts(t *testing.T) {
	dir := t.TempDir()
	before := ports(dir)
	for _, name := range []string{"video0", "video10", "videodisc", "null"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	nodes := ports(dir)
	if nodes != "ports: video0 video10" || before != "ports:" {
		t.Errorf("ports %q, before %q", nodes, before)
	}
	// udev's links come later, and give a camera its lasting name.
	if err := os.MkdirAll(filepath.Join(dir, "v4l", "by-id"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../../video0", filepath.Join(dir, "v4l", "by-id", "usb-Webcam-video-index0")); err != nil {
		t.Fatal(err)
	}
	if ports(dir) == nodes {
		t.Error("the link was not noticed")
	}
}

func TestCameraIdentity(t *testing.T) {
	for _, c := range []struct {
		label, name string
		id, node    string
		shown       string
	}{
		{"usb-Webcam_1234-video-index0;video2", "HD Webcam;usb-0000:00:14.0-1", "camera:usb-Webcam_1234-video-index0", "video2", "HD Webcam"},
		{"video0;video0", "HD Webcam;usb-1", "camera:video0", "video0", "HD Webcam"},
		{"test", "Fake", "camera:test", "", "Fake"},
	} {
		i := driver.Info{Label: c.label, Name: c.name}
		if id, node, shown := cameraID(i), nodeOf(i), plainName(i); id != c.id || node != c.node || shown != c.shown {
			t.Errorf("%s: ID %q, node %q, name %q", c.label, id, node, shown)
		}
	}
}

func TestDescriptors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "video0")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := descriptors(path); !slices.Equal(got, []int{int(f.Fd())}) {
		t.Errorf("descriptors %v, want %d", got, f.Fd())
	}
	if givesPictures(path) {
		t.Error("a plain file is taken for a camera")
	}
	if !givesPictures(path + "-missing") {
		t.Error("what cannot be opened is hidden, so nobody learns why")
	}
}
