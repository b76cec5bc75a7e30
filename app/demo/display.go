package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// ErrNoDisplay: there is no display and none can be made.
var ErrNoDisplay = errors.New("there is no display, and Xvfb is not installed to make one")

// WindowWidth is how far apart the windows of a demo are put: a window's width,
// and a bit.
const WindowWidth = 1300

// display is where windows open.
type display struct {
	name string
	env  []string
}

// openDisplay uses the display there is, or makes a virtual one, which stop
// ends.
func openDisplay(ctx context.Context) (d display, stop func(), err error) {
	if os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "" {
		return display{name: "this computer's display"}, func() {}, nil
	}
	xvfb, err := exec.LookPath("Xvfb")
	if err != nil {
		return d, nil, ErrNoDisplay
	}
	r, w, err := os.Pipe()
	if err != nil {
		return d, nil, fmt.Errorf("start a virtual display: %w", err)
	}
	defer r.Close()
	cmd := exec.CommandContext(ctx, xvfb, "-displayfd", "3", "-screen", "0", "2720x960x24", "-nolisten", "tcp", "+extension", "GLX", "-noreset")
	cmd.ExtraFiles = []*os.File{w}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 2 * time.Second
	err = cmd.Start()
	w.Close()
	if err != nil {
		return d, nil, fmt.Errorf("start a virtual display: %w", err)
	}
	stop = func() {
		_ = cmd.Process.Signal(os.Interrupt) // it may be gone already
		_ = cmd.Wait()
	}
	number, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		stop()
		return d, nil, fmt.Errorf("start a virtual display: it did not say its number: %w", err)
	}
	return display{
		name: "a virtual display, drawn without a graphics card",
		// One thread draws: more of them wait for each other on a machine with
		// few cores.
		env: []string{"DISPLAY=:" + strings.TrimSpace(number), "FYNE_PLATFORM=x11", "LP_NUM_THREADS=0"},
	}, stop, nil
}

// processor names this computer's.
func processor() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	n, model := 0, ""
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
			n, model = n+1, strings.TrimSpace(v)
		}
	}
	return fmt.Sprintf("%d × %s", n, model)
}
