package capture

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/pion/mediadevices/pkg/driver"
	"github.com/pion/mediadevices/pkg/driver/camera"
	"golang.org/x/sys/unix"
)

// rescan brings mediadevices' list up to date when something was plugged in or
// out. It cannot add or remove one camera: Initialize drops every video driver
// of the process, those that are not cameras too, and lists the cameras anew.
// Our own drivers need no list, and drivers that are open go on working outside
// of it.
func (l *cameraList) rescan() {
	ports := ports("/dev")
	if l.ports == "" { // mediadevices has looked at the start of the program
		l.ports = listedPorts(ports)
	}
	if ports != l.ports {
		camera.Initialize()
		l.ports = ports
	}
}

// ports names the video devices in dir, and the links udev makes to them
// a moment later, by which a camera is known again.
func ports(dir string) string {
	found := []string{"ports:"}
	for _, pattern := range []string{"video*", "v4l/by-id/*", "v4l/by-path/*"} {
		paths, _ := filepath.Glob(filepath.Join(dir, pattern)) // fails for a bad pattern only
		slices.Sort(paths)
		for _, p := range paths {
			if base := filepath.Base(p); pattern != "video*" || isNode(base) {
				found = append(found, base)
			}
		}
	}
	return strings.Join(found, " ")
}

// listedPorts returns ports if mediadevices lists all the nodes in it, and no
// more.
func listedPorts(ports string) string {
	var listed, present []string
	for _, drv := range foreign(driver.Camera) {
		if node := nodeOf(drv.Info()); node != "" {
			listed = append(listed, node)
		}
	}
	for _, p := range strings.Fields(ports) {
		if isNode(p) {
			present = append(present, p)
		}
	}
	slices.Sort(listed)
	slices.Sort(present)
	if !slices.Equal(listed, present) {
		return "stale"
	}
	return ports
}

func isNode(name string) bool {
	digits, ok := strings.CutPrefix(name, "video")
	_, err := strconv.ParseUint(digits, 10, 16)
	return ok && err == nil
}

// nodeOf returns "video0" for a V4L2 camera and "" for any other driver.
func nodeOf(i driver.Info) string {
	if _, node, ok := strings.Cut(i.Label, camera.LabelSeparator); ok && isNode(node) {
		return node
	}
	return ""
}

// cameraName reports false for a node that gives no pictures: a webcam has a
// second one for metadata, which mediadevices lists as a camera of the same
// name.
func cameraName(i driver.Info) (string, bool) {
	name, node := plainName(i), nodeOf(i)
	if node == "" {
		return name, true
	}
	if name == "" { // could not be opened; most likely we may not
		b, _ := os.ReadFile("/sys/class/video4linux/" + node + "/name")
		name, _, _ = strings.Cut(string(b), ":")
		name = strings.TrimSpace(name)
	}
	if name == "" {
		name = "Camera " + node
	}
	return name, givesPictures("/dev/" + node)
}

// v4l2Capability is struct v4l2_capability of linux/videodev2.h.
type v4l2Capability struct {
	driver       [16]byte
	card         [32]byte
	busInfo      [32]byte
	version      uint32
	capabilities uint32 // of the whole device
	deviceCaps   uint32 // of this node
	reserved     [3]uint32
}

const (
	vidiocQueryCap  = 0x80685600 // _IOR('V', 0, struct v4l2_capability)
	vidiocStreamOff = 0x40045613 // _IOW('V', 19, int)

	capVideoCapture = 0x00000001
	capStreaming    = 0x04000000
	capDeviceCaps   = 0x80000000

	bufTypeVideoCapture = 1
)

// givesPictures reports whether a node is a camera, as far as one can tell: one
// that cannot be asked is shown, so that opening it can say why.
func givesPictures(path string) bool {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return true
	}
	defer unix.Close(fd)
	var c v4l2Capability
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), vidiocQueryCap, uintptr(unsafe.Pointer(&c)))
	if errno != 0 {
		return false
	}
	caps := c.capabilities
	if caps&capDeviceCaps != 0 {
		caps = c.deviceCaps
	}
	return caps&capVideoCapture != 0 && caps&capStreaming != 0
}

// halt stops the stream of an open camera, which turns its light off and wakes
// a reader that waits for a picture. Without it, closing waits for the next
// picture, and for up to 5 s if none comes. mediadevices does not let us at its
// descriptor, so it is found by name.
func halt(i driver.Info) {
	if node := nodeOf(i); node != "" {
		stop := int32(bufTypeVideoCapture)
		for _, fd := range descriptors("/dev/" + node) {
			// An error says that this one does not stream.
			_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(fd), vidiocStreamOff, uintptr(unsafe.Pointer(&stop)))
		}
	}
}

// descriptors returns this process's open descriptors of a file.
func descriptors(path string) []int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil
	}
	var fds []int
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && to == path {
			fds = append(fds, fd)
		}
	}
	return fds
}
