//go:build !linux

package capture

import "github.com/pion/mediadevices/pkg/driver"

// rescan does nothing here: cameras are those found at the start of the
// program, because looking again would list each of them twice.
func (l *cameraList) rescan() {}

func cameraName(i driver.Info) (string, bool) {
	name := plainName(i)
	if name == "" {
		name = "Camera"
	}
	return name, true
}

// halt does nothing here: closing does not wait for a picture.
func halt(driver.Info) {}
