package demo

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"syscall"
	"time"

	"candid/netstack"
)

// cpuTime is the processor time this process has used.
func cpuTime() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("read processor time: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// memory returns the resident set of this process, and its proportional set:
// pages shared with other processes counted in part. Both in MB (10⁶ bytes).
func memory() (rss, pss netstack.Opt[float64]) {
	return procMB("/proc/self/status", "VmRSS:"), procMB("/proc/self/smaps_rollup", "Pss:")
}

func procMB(file, key string) netstack.Opt[float64] {
	b, err := os.ReadFile(file)
	if err != nil {
		return netstack.Opt[float64]{}
	}
	s := bufio.NewScanner(bytes.NewReader(b))
	for s.Scan() {
		var kb float64
		if _, err := fmt.Sscanf(s.Text(), key+" %f kB", &kb); err == nil {
			return netstack.Some(kb * 1024 / 1e6)
		}
	}
	return netstack.Opt[float64]{}
}
