//go:build !linux

package demo

import (
	"errors"
	"time"

	"candid/netstack"
)

func cpuTime() (time.Duration, error) {
	return 0, errors.New("processor time is measured on Linux only")
}

func memory() (rss, pss netstack.Opt[float64]) { return }
