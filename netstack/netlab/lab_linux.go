package netlab

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// prefix begins the name of every namespace of every lab; the process that
// made it, and when that began, follow.
const prefix = "netlab"

// Lab is a set of networks that lives as long as a test.
type Lab struct {
	t       testing.TB
	run     string // begins the names of all its namespaces
	all     []*NS
	wires   []*Wire
	procs   []*Process
	logs    []*capture
	nets    int // public networks given out
	bridges int // made
}

// New makes an empty lab, after removing what killed tests have left. It skips
// the test where there cannot be one.
func New(t testing.TB) *Lab {
	t.Helper()
	if why := missing(); why != "" {
		t.Skip("netlab: " + why)
	}
	began, err := beginning(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	l := &Lab{t: t, run: fmt.Sprintf("%s-%d-%d-%06x-", prefix, os.Getpid(), began, rand.Uint32N(1<<24))}
	l.removeStale()
	t.Cleanup(l.close)
	return l
}

// missing says why there cannot be a lab here, or "".
func missing() string {
	if os.Geteuid() != 0 {
		return "making network namespaces needs the rights of root"
	}
	for _, tool := range []string{"ip", "nft", "conntrack"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "the program " + tool + " is not installed"
		}
	}
	probe := fmt.Sprintf("%s-%d-probe-%06x", prefix, os.Getpid(), rand.Uint32N(1<<24))
	if _, err := run("", "ip", "netns", "add", probe); err != nil {
		return err.Error()
	}
	if _, err := run("", "ip", "netns", "del", probe); err != nil {
		return err.Error()
	}
	return ""
}

// close ends and removes everything of the lab.
func (l *Lab) close() {
	for _, p := range l.procs {
		p.interrupt()
	}
	for _, p := range l.procs {
		p.Stop()
	}
	for _, w := range l.wires {
		w.close()
	}
	for _, n := range l.all {
		if err := remove(n.full); err != nil {
			l.t.Error(err)
		}
	}
	names, err := namespaces()
	if err != nil {
		l.t.Error(err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, l.run) {
			l.t.Errorf("namespace %s is still there", name)
		}
	}
	l.tell()
}

// tell keeps what the programs have printed with the test's artifacts, and
// logs its end if the test has failed.
func (l *Lab) tell() {
	dir := l.t.ArtifactDir()
	for k, c := range l.logs {
		if l.t.Failed() {
			l.t.Logf("output of %s, its end:\n%s", c.title, c.tail())
		}
		file := fmt.Sprintf("%02d-%s.log", k, strings.ReplaceAll(c.title, " ", "-"))
		if err := os.WriteFile(filepath.Join(dir, file), []byte(c.String()), 0o644); err != nil {
			l.t.Error(err)
		}
	}
}

var nameOfNS = regexp.MustCompile(`^` + prefix + `-(\d+)-(\d+)-[0-9a-f]{6}-.+$`)

// removeStale removes the namespaces whose maker is gone, and ends what still
// runs in them.
func (l *Lab) removeStale() {
	names, err := namespaces()
	if err != nil {
		l.t.Fatal(err)
	}
	for _, name := range names {
		m := nameOfNS.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		pid, _ := strconv.Atoi(m[1])
		if began, err := beginning(pid); err == nil && strconv.FormatUint(began, 10) == m[2] {
			continue
		}
		if err := remove(name); err != nil {
			l.t.Logf("netlab: %v", err) // another test may have been faster
		}
	}
}

// remove ends what runs in the namespace of this name and removes it.
func remove(name string) error {
	out, err := run("", "ip", "netns", "pids", name)
	if err != nil {
		return fmt.Errorf("see what runs in a namespace: %w", err)
	}
	for _, f := range strings.Fields(out) {
		pid, err := strconv.Atoi(f)
		if err == nil && pid != os.Getpid() {
			endProcess(pid)
		}
	}
	if _, err := run("", "ip", "netns", "del", name); err != nil {
		return fmt.Errorf("remove a namespace: %w", err)
	}
	return nil
}

func namespaces() (names []string, err error) {
	out, err := run("", "ip", "netns", "list")
	if err != nil {
		return nil, fmt.Errorf("list namespaces: %w", err)
	}
	for line := range strings.Lines(out) {
		names = append(names, strings.Fields(line + " -")[0])
	}
	return names, nil
}

// beginning returns when a process began, in ticks since the machine did: with
// its pid, a name that no other process ever has.
func beginning(pid int) (uint64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("look at a process: %w", err)
	}
	// The second field is the program's name in brackets, with any characters.
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) < 20 {
		return 0, fmt.Errorf("look at process %d: unknown form", pid)
	}
	return strconv.ParseUint(f[19], 10, 64)
}

// run runs a program with some input and returns what it printed, also in its
// error.
func run(input, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(input)
	var out, bad bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &bad
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(bad.String()+out.String()))
	}
	return out.String(), nil
}
