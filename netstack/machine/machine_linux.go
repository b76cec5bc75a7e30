package machine

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"candid/netstack"
)

// Machine looks at this computer. It belongs to one goroutine.
type Machine struct{ busy, all uint64 }

// Look says what has changed since the look before.
func (m *Machine) Look() (s State) {
	if busy, all, ok := cpuTime("/proc/stat"); ok {
		if m.all != 0 && all > m.all && busy >= m.busy {
			s.Load = netstack.Some(min(float64(busy-m.busy)/float64(all-m.all), 1))
		}
		m.busy, m.all = busy, all
	}
	s.OnBattery = onBattery("/sys/class/power_supply")
	return s
}

// cpuTime reads how long the processors have been busy and how long there, in
// the system's ticks (proc(5)).
func cpuTime(file string) (busy, all uint64, ok bool) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, 0, false
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	fields := strings.Fields(string(line))
	if len(fields) < 6 || fields[0] != "cpu" {
		return 0, 0, false
	}
	const idle, iowait, guest = 3, 4, 8 // guests' time is counted before
	for i, f := range fields[1:min(len(fields), guest+1)] {
		n, err := strconv.ParseUint(f, 10, 64)
		if err != nil {
			return 0, 0, false
		}
		all += n
		if i != idle && i != iowait {
			busy += n
		}
	}
	return busy, all, true
}

// onBattery reports whether a battery is what feeds this computer. Where there
// is no battery, it is not; where nothing can be read, it is unknown.
func onBattery(dir string) netstack.Opt[bool] {
	supplies, err := os.ReadDir(dir)
	if err != nil {
		return netstack.Opt[bool]{}
	}
	read := func(supply, file string) string {
		b, _ := os.ReadFile(filepath.Join(dir, supply, file)) // not all have all
		return strings.TrimSpace(string(b))
	}
	drained := false
	for _, s := range supplies {
		switch read(s.Name(), "type") {
		case "Mains":
			if read(s.Name(), "online") == "1" {
				return netstack.Some(false)
			}
		case "Battery":
			system := read(s.Name(), "scope") != "Device" // not a mouse's
			drained = drained || system && read(s.Name(), "status") == "Discharging"
		}
	}
	return netstack.Some(drained)
}
