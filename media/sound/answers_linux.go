package sound

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gen2brain/malgo"
)

// answers reports whether it is worth asking a sound system. libpulse leaks a
// descriptor for each connection to a server that is not there, and looking for
// one is repeated for as long as there is none.
func answers(b malgo.Backend) bool {
	if b != malgo.BackendPulseaudio || os.Getenv("PULSE_SERVER") != "" {
		return true
	}
	for _, path := range pulseSockets() {
		if c, err := net.DialTimeout("unix", path, 100*time.Millisecond); err == nil {
			_ = c.Close()
			return true
		}
	}
	return false
}

// pulseSockets are where a PulseAudio server, or PipeWire in its place, listens
// for this user.
func pulseSockets() (paths []string) {
	for _, dir := range []string{os.Getenv("PULSE_RUNTIME_PATH"), under(os.Getenv("XDG_RUNTIME_DIR")),
		under("/run/user/" + strconv.Itoa(os.Getuid())), "/var/run/pulse"} {
		if dir != "" {
			paths = append(paths, filepath.Join(dir, "native"))
		}
	}
	if home, err := os.UserHomeDir(); err == nil { // where there is no runtime directory
		more, _ := filepath.Glob(filepath.Join(home, ".config/pulse/*-runtime/native")) // the pattern is right
		paths = append(paths, more...)
	}
	return paths
}

func under(dir string) string {
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "pulse")
}
