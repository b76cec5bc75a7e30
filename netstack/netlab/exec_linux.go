package netlab

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a program may take to end when asked to.
const patience = 5 * time.Second

// Command returns a command that runs on the host. Its output, the last
// megabyte of it, is kept with the test's artifacts (go test -artifacts); if
// the test fails, the end goes to its log. A caller who sets Stdout or Stderr
// has it instead. The
// caller starts it and waits for it; when ctx ends it is asked to end, and
// later made to. It ends with the test in any case.
func (n *NS) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd, _ := n.command(ctx, name, args)
	return cmd
}

func (n *NS) command(ctx context.Context, name string, args []string) (*exec.Cmd, *capture) {
	c := &capture{title: fmt.Sprintf("%s on %s", filepath.Base(name), n.name)}
	n.lab.logs = append(n.lab.logs, c)
	cmd := exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", n.full, name}, args...)...)
	cmd.Stdout, cmd.Stderr = c, c
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = patience
	return cmd, c
}

// Run runs a program on the host to its end and returns what it printed. A
// failure of the program fails the test.
func (n *NS) Run(name string, args ...string) string {
	n.lab.t.Helper()
	cmd, c := n.command(context.Background(), name, args)
	if err := cmd.Run(); err != nil {
		n.lab.t.Fatalf("%s: %v", c.title, err)
	}
	return c.String()
}

// Process is a program that runs on a host.
type Process struct {
	lab  *Lab
	cmd  *exec.Cmd
	out  *capture
	done chan struct{}
	err  error // once done is closed
}

// Start starts a program on the host. It is stopped at the end of the test.
func (n *NS) Start(name string, args ...string) *Process {
	n.lab.t.Helper()
	cmd, c := n.command(context.Background(), name, args)
	p := &Process{lab: n.lab, cmd: cmd, out: c, done: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		n.lab.t.Fatalf("start %s: %v", c.title, err)
	}
	n.lab.procs = append(n.lab.procs, p)
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p
}

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits until the program has ended and returns its error, as
// exec.Cmd.Wait does.
func (p *Process) Wait() error {
	<-p.done
	return p.err
}

// Output is what the program has printed so far.
func (p *Process) Output() string { return p.out.String() }

// Signal sends a signal; a program that has ended does not mind.
func (p *Process) Signal(s os.Signal) { _ = p.cmd.Process.Signal(s) }

// Kill ends the program without asking it, and waits.
func (p *Process) Kill() {
	p.Signal(os.Kill)
	<-p.done
}

// Stop asks the program to end, makes it end after five seconds, and waits.
func (p *Process) Stop() {
	p.interrupt()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.Kill()
	}
}

// interrupt asks the program to end, also one that is stopped.
func (p *Process) interrupt() {
	p.Signal(syscall.SIGTERM)
	p.Signal(syscall.SIGCONT)
}

// Expect waits until a line of the program's output has text in it, and
// returns the line. If none comes in time, or the program ends, the test
// fails.
func (p *Process) Expect(text string, limit time.Duration) string {
	p.lab.t.Helper()
	timeout := time.After(limit)
	for {
		more := p.out.changed()
		if line, ok := p.out.find(text); ok {
			return line
		}
		select {
		case <-more:
		case <-p.done:
			if line, ok := p.out.find(text); ok {
				return line
			}
			p.lab.t.Fatalf("%s ended (%v) before it said %q", p.out.title, p.err, text)
		case <-timeout:
			p.lab.t.Fatalf("%s did not say %q within %v", p.out.title, text, limit)
		}
	}
}

// endProcess makes a process end that we are not the parent of.
func endProcess(pid int) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return // gone
	}
	defer unix.Close(fd)
	for _, s := range []unix.Signal{unix.SIGTERM, unix.SIGKILL} {
		if unix.PidfdSendSignal(fd, s, nil, 0) != nil {
			return
		}
		gone, _ := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(patience.Milliseconds()))
		if gone > 0 {
			return
		}
	}
}

// keep is how much of a program's output is kept.
const keep = 1 << 20

// capture keeps the end of what a program prints.
type capture struct {
	title string
	mu    sync.Mutex
	b     []byte
	more  chan struct{} // closed at the next Write
}

func (c *capture) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.b = append(c.b, p...)
	if cut := len(c.b) - keep; cut > 0 {
		c.b = append(c.b[:0], c.b[cut:]...)
	}
	if c.more != nil {
		close(c.more)
		c.more = nil
	}
	return len(p), nil
}

func (c *capture) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.b)
}

// shown is how much of a program's output is logged.
const shown = 16 << 10

// tail is the end of the output, in whole lines.
func (c *capture) tail() string {
	all := c.String()
	if len(all) <= shown {
		return all
	}
	_, end, _ := strings.Cut(all[len(all)-shown:], "\n")
	return end
}

// changed returns a channel that is closed when there is more.
func (c *capture) changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.more == nil {
		c.more = make(chan struct{})
	}
	return c.more
}

// find returns the first whole line with text in it.
func (c *capture) find(text string) (string, bool) {
	for line := range strings.Lines(c.String()) {
		if strings.HasSuffix(line, "\n") && strings.Contains(line, text) {
			return strings.TrimSpace(line), true
		}
	}
	return "", false
}
