//go:build !linux

package mcu

import "time"

// yieldPriority does nothing: priorities of threads are a matter of Linux.
func yieldPriority() {}

// processorTime is the time on the wall, for want of a better one.
func processorTime() time.Duration { return time.Duration(time.Now().UnixNano()) }
