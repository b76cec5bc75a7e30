package capture

import (
	"strings"

	"github.com/pion/mediadevices/pkg/driver"
	"github.com/pion/mediadevices/pkg/driver/camera"
)

// cameraList remembers what was found out about each camera, because asking
// means opening it, which wakes it up.
type cameraList struct {
	ports string            // what was plugged in at the last scan
	known map[string]Device // by driver; the zero Device is not a camera
}

// look lists the cameras of now.
func (l *cameraList) look() []Device {
	registry.Lock()
	defer registry.Unlock()
	l.rescan()
	known := map[string]Device{}
	var list []Device
	for _, drv := range foreign(driver.Camera) {
		dev, ok := l.known[drv.ID()]
		if !ok {
			dev = describe(drv.Info())
		}
		known[drv.ID()] = dev
		if dev.ID != "" {
			list = append(list, dev)
		}
	}
	l.known = known
	return list
}

func describe(i driver.Info) Device {
	name, ok := cameraName(i)
	if !ok {
		return Device{}
	}
	return Device{ID: cameraID(i), Kind: Cameras, Name: name, Default: i.Priority == driver.PriorityHigh}
}

// cameraDriver returns the driver of a listed camera.
func cameraDriver(id string) (driver.Driver, bool) {
	registry.Lock()
	defer registry.Unlock()
	for _, drv := range foreign(driver.Camera) {
		if cameraID(drv.Info()) == id {
			return drv, true
		}
	}
	return nil, false
}

// cameraID is made of the part of the label that names the socket or the
// product and its serial number, and not the order of plugging in.
func cameraID(i driver.Info) string {
	label, _, _ := strings.Cut(i.Label, camera.LabelSeparator)
	return "camera:" + label
}

// plainName is the name of a camera without the socket it is plugged into.
func plainName(i driver.Info) string {
	name, _, _ := strings.Cut(i.Name, camera.LabelSeparator)
	return strings.TrimSpace(name)
}
