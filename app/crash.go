package app

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"time"
)

// errCrashed: this program ended unexpectedly last time.
var errCrashed = errors.New("ended unexpectedly last time; what happened is in " + crashFile)

// The files of crashes in the folder of settings: what the runtime writes while
// it dies, one for each process, and what is left of that for people.
const (
	crashFile = "crash.txt"
	crashRaw  = "crash-*.raw"
	maxCrash  = 256 << 10
)

// watchCrashes lets the runtime write to a file in dir should this process crash.
// If an earlier one did, its file becomes crash.txt, without anything that tells
// of people, and the error is errCrashed. done is to be called at a good end.
func watchCrashes(dir string) (done func(), err error) {
	crashed := collectCrashes(dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return func() {}, crashed
	}
	f, err := os.CreateTemp(dir, crashRaw) // mode 0600
	if err != nil {
		return func() {}, crashed // a full disk is no reason not to start
	}
	defer f.Close() // the runtime has its own
	if err := debug.SetCrashOutput(f, debug.CrashOptions{}); err != nil {
		_ = os.Remove(f.Name())
		return func() {}, crashed
	}
	return func() {
		_ = debug.SetCrashOutput(nil, debug.CrashOptions{})
		_ = os.Remove(f.Name())
	}, crashed
}

// collectCrashes makes crash.txt of what earlier processes left.
func collectCrashes(dir string) error {
	files, _ := filepath.Glob(filepath.Join(dir, crashRaw))
	var crashed error
	for _, name := range files {
		info, err := os.Stat(name)
		if err != nil || info.Size() == 0 && time.Since(info.ModTime()) < 30*24*time.Hour {
			continue // of a process that runs, most likely
		}
		if info.Size() > 0 {
			text := fmt.Sprintf("Candid %s ended unexpectedly, %s\n\n%s", version, info.ModTime().Format(time.DateTime), scrubCrash(readStart(name)))
			if os.WriteFile(filepath.Join(dir, crashFile), []byte(text), 0o600) == nil {
				crashed = errCrashed
			}
		}
		_ = os.Remove(name)
	}
	return crashed
}

// readStart reads a file, as far as it is of use.
func readStart(name string) string {
	f, err := os.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, _ := io.ReadAll(io.LimitReader(f, maxCrash))
	return string(b)
}

// The lines of a crash that say where it was, and nothing about whom.
var (
	crashGoroutine = regexp.MustCompile(`^goroutine \d+ .*\[[a-zA-Z0-9 ,()]+\]:$`)
	crashFunc      = regexp.MustCompile(`^(created by )?([\w./*\[\]·()-]+\.[\w.*\[\]·()-]+?)(\([^()]*\))?( in goroutine \d+)?$`)
	crashLine      = regexp.MustCompile(`^\t.*?([^/\\]+[/\\][^/\\]+\.(go|s|c|h):\d+)( \+0x[0-9a-f]+)?$`)
	crashOther     = regexp.MustCompile(`^(fatal error: |\[signal |SIG[A-Z]+: |panic: runtime error: )`)
)

// scrubCrash leaves of a crash what kind it was and where. What a panic says, and
// the values that functions were called with, may tell of anybody.
func scrubCrash(s string) string {
	var out strings.Builder
	stack := false
	for line := range strings.Lines(s) {
		line = strings.TrimRight(line, "\r\n")
		stack = stack || crashGoroutine.MatchString(line)
		switch {
		case crashGoroutine.MatchString(line), crashOther.MatchString(line), line == "" && stack:
		case strings.HasPrefix(line, "panic: "):
			line = "panic: " + hidden
		case stack && crashLine.MatchString(line):
			line = "\t" + crashLine.FindStringSubmatch(line)[1]
		case stack && crashFunc.MatchString(line):
			m := crashFunc.FindStringSubmatch(line)
			line = m[1] + m[2] + m[4]
		default:
			continue
		}
		out.WriteString(scrub(line) + "\n")
	}
	return out.String()
}
