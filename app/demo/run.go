package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"candid/netstack"
)

// Options say how to run a demo.
type Options struct {
	Exe     string // the program itself
	Version string
	Invite  string // of the room to meet in
	// People, if more than two, take a walk through all paths, instead of what
	// two do; the first of them is invited by Owner, who may choose the path.
	People  int
	Owner   string
	Out     string // folder for report.json and screenshots
	Seconds int    // measured in each half
	Say     io.Writer
}

// names are the people of the demo.
var names = []string{"Ada", "Noor"}

// Run lets two processes with windows call each other, then two without, and
// writes and returns the report. It blocks until all have ended.
func Run(ctx context.Context, o Options) (Report, error) {
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return Report{}, fmt.Errorf("make the folder for the report: %w", err)
	}
	r := Report{Version: o.Version, At: time.Now().Round(time.Second), Seconds: float64(o.Seconds), Picture: "640×360, 30 frames a second", Processor: processor()}
	if o.People > len(names) {
		fmt.Fprintf(o.Say, "%d Candids, without drawing, go from direct paths to the host's SFU, its mix and back; not end-to-end encrypted, so that the host can mix.\n", o.People)
		var err error
		if r.PathChanges, err = walk(ctx, o); err != nil {
			return r, err
		}
		return r, r.write(o.Out)
	}
	display, stop, err := openDisplay(ctx)
	if err != nil {
		return r, err
	}
	defer stop()
	r.Display = display.name

	fmt.Fprintf(o.Say, "Two Candids with windows (%s) call each other for %d s.\n", display.name, o.Seconds)
	if r.Processes, err = pairUp(ctx, o, display.env, true); err != nil {
		return r, err
	}
	fmt.Fprintf(o.Say, "Two more, without drawing, for %d s.\n", o.Seconds)
	if r.Windowless, err = pairUp(ctx, o, nil, false); err != nil {
		return r, err
	}
	r.Figures = worst(r.Processes)
	return r, r.write(o.Out)
}

func (r Report) write(dir string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "report.json"), append(b, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// pairUp runs two processes until both have measured.
func pairUp(ctx context.Context, o Options, env []string, window bool) ([]Process, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(o.Seconds)*time.Second+90*time.Second)
	defer cancel()
	results := make([]Result, len(names))
	errs := make([]error, len(names))
	var wg sync.WaitGroup
	for i := range names {
		wg.Go(func() { results[i], errs[i] = child(ctx, o, env, i, window) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	processes := make([]Process, len(names))
	for i, r := range results {
		processes[i] = r.Process
		processes[i].Frames.Sent = sentWithin(results[1-i].Sent, r.First, r.Last)
	}
	return processes, nil
}

// child runs one process; i is who it is.
func child(ctx context.Context, o Options, env []string, i int, window bool) (Result, error) {
	dir, err := os.MkdirTemp("", "candid-demo-")
	if err != nil {
		return Result{}, fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "result.json")
	args := []string{"--dir", dir, "--name", people[i], "--test-devices", "--measure", file,
		"--member", strconv.Itoa(i), "--seconds", strconv.Itoa(o.Seconds)}
	if o.People > len(names) {
		args = append(args, "--walk", strconv.Itoa(o.People))
	}
	link := o.Invite
	if i == 0 && o.Owner != "" {
		link = o.Owner
	}
	shot := ""
	if window {
		shot = fmt.Sprintf("%d-%s.png", i+1, people[i])
		args = append(args, "--screenshot", filepath.Join(o.Out, shot))
	} else {
		args = append(args, "--windowless")
	}
	cmd := exec.CommandContext(ctx, o.Exe, append(args, link)...)
	// Ask first, so that it can leave the room, then kill.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = o.Say
	if err := cmd.Run(); err != nil {
		return Result{}, fmt.Errorf("run %s's Candid: %w", people[i], err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return Result{}, fmt.Errorf("read what %s's Candid measured: %w", people[i], err)
	}
	var r Result
	if err := json.Unmarshal(b, &r); err != nil {
		return Result{}, fmt.Errorf("read what %s's Candid measured: %w", people[i], err)
	}
	r.Process.Screenshot = shot
	return r, nil
}

// Save writes r for the process that started this one.
func (r Result) Save(file string) error {
	b, err := json.Marshal(r)
	if err == nil {
		err = os.WriteFile(file, b, 0o600)
	}
	if err != nil {
		return fmt.Errorf("save what was measured: %w", err)
	}
	return nil
}

// Tell prints the figures for a person.
func (r Report) Tell(w io.Writer) {
	if tellChanges(w, r.PathChanges); len(r.PathChanges) > 0 {
		return
	}
	fmt.Fprintf(w, "\nPath: %s, %s; %s\n", r.Path, r.Badge, r.Picture)
	fmt.Fprintf(w, "%-8s %-10s %12s %18s %22s %9s %11s %9s %14s %8s\n", "", "", "first frame", "glass to glass", "frames", "tone SNR", "mouth-ear", "lip sync", "processor", "memory")
	tell := func(kind string, ps []Process) {
		for _, p := range ps {
			fmt.Fprintf(w, "%-8s %-10s %12s %8s / %-7s %6d of %-6d shown %6s dB %8s ms %6s ms %6s s/min %5s MB\n", p.Name, kind,
				num(p.JoinToFirstFrame)+" ms", num(p.GlassToGlass.P50), num(p.GlassToGlass.P95)+" ms",
				p.Frames.Shown, p.Frames.Sent, num(p.Audio.ToneSNR), num(p.Audio.MouthToEar), num(p.LipSync), num(p.CPU), num(p.RSS))
		}
	}
	tell("window", r.Processes)
	tell("no window", r.Windowless)
}

func num(v netstack.Opt[float64]) string {
	if !v.OK {
		return "–"
	}
	return strconv.FormatFloat(v.Value, 'f', 1, 64)
}
