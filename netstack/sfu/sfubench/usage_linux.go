package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// processorTime is what a process has used of the processors, by the system's
// own account (CLOCK_PROCESS_CPUTIME_ID of another process).
func processorTime(pid int) (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|2), &t); err != nil {
		return 0, fmt.Errorf("reading the server's processor time: %w", err)
	}
	return time.Duration(t.Nano()), nil
}

// memory is the resident memory of a process, in bytes.
func memory(pid int) (int, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0, fmt.Errorf("reading the server's memory: %w", err)
	}
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return 0, fmt.Errorf("reading the server's memory: %q", b)
	}
	pages, err := strconv.Atoi(f[1])
	return pages * os.Getpagesize(), err
}
