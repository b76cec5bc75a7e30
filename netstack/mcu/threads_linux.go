package mcu

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// politeness is the nice value of threads that encode pictures: sound and
// forwarding go first. Linux keeps it for each thread.
const politeness = 5

// yieldPriority makes the calling goroutine's thread its own, and gives it
// less of the processor; the thread ends with the goroutine.
func yieldPriority() {
	runtime.LockOSThread()
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), politeness) // not worse without
}

// processorTime is what the calling thread has used of the processor: unlike
// the time on the wall, it does not run while others do.
func processorTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
