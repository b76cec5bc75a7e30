//go:build !linux

package main

import (
	"errors"
	"time"
)

var errUsage = errors.New("reading another process's usage: only on Linux")

func processorTime(int) (time.Duration, error) { return 0, errUsage }

func memory(int) (int, error) { return 0, errUsage }
