//go:build e2e && linux

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// desktop is a virtual display with a window manager.
type desktop struct {
	t   *testing.T
	env []string
	x   *exec.Cmd
}

// TestMain checks for what the tests cannot do without.
func TestMain(m *testing.M) {
	if os.Getenv(gridEnv) != "" {
		showGrid()
		return
	}
	for _, tool := range []string{"Xvfb", "openbox", "xdotool", "xclip"} {
		if _, err := exec.LookPath(tool); err != nil {
			fmt.Println("the window is driven with", tool, "which is not installed: make e2e installs it")
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func newDesktop(t *testing.T) *desktop {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	x := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1600x1000x24", "-nolisten", "tcp", "+extension", "GLX", "-noreset")
	x.ExtraFiles = []*os.File{w}
	run(t, x)
	w.Close()
	number := make([]byte, 16)
	n, err := r.Read(number)
	if err != nil {
		t.Fatal(err)
	}
	d := &desktop{t: t, x: x, env: append(os.Environ(), "DISPLAY=:"+strings.TrimSpace(string(number[:n])), "LP_NUM_THREADS=0", "FYNE_PLATFORM=x11")}
	d.start("openbox")
	for range 100 { // a display that was just closed may take its name along
		if d.tool("xdotool", "getdisplaygeometry") != "" {
			return d
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the display cannot be used")
	return nil
}

// run starts cmd and ends it with the test.
func run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
}

func (d *desktop) start(name string, args ...string) *exec.Cmd {
	d.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = d.env
	run(d.t, cmd)
	return cmd
}

// tool runs a command on the display and returns what it printed.
func (d *desktop) tool(name string, args ...string) string {
	d.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = d.env
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// window is a running Candid.
type window struct {
	*desktop
	cmd    *exec.Cmd
	id     string
	stderr *bytes.Buffer
}

// candid starts the program and waits for its window.
func (d *desktop) candid(dir string, args ...string) *window {
	d.t.Helper()
	w := &window{desktop: d, stderr: new(bytes.Buffer)}
	w.cmd = exec.Command(exe(d.t), append([]string{"--dir", dir}, args...)...)
	w.cmd.Env, w.cmd.Stderr = d.env, w.stderr
	run(d.t, w.cmd)
	w.until("a window", func() bool {
		ids := strings.Fields(d.tool("xdotool", "search", "--onlyvisible", "--pid", strconv.Itoa(w.cmd.Process.Pid)))
		if len(ids) > 0 {
			w.id = ids[len(ids)-1]
		}
		return w.id != ""
	})
	time.Sleep(time.Second) // until it takes keys
	return w
}

// exe builds the program, once.
func exe(t *testing.T) string {
	t.Helper()
	file := filepath.Join(os.TempDir(), "candid-e2e", "candid")
	cmd := exec.Command("go", "build", "-tags", "migrated_fynedo", "-o", file, "../..")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return file
}

func (w *window) focus() { w.tool("xdotool", "windowactivate", "--sync", w.id) }

// keys presses keys one after the other, as a person would.
func (w *window) keys(keys ...string) {
	w.focus()
	for _, k := range keys {
		w.tool("xdotool", "key", k)
		time.Sleep(150 * time.Millisecond)
	}
}

func (w *window) typed(text string) {
	w.focus()
	w.tool("xdotool", "type", "--delay", "5", text)
}

func (w *window) title() string { return w.tool("xdotool", "getwindowname", w.id) }

// until waits for what must come.
func (w *window) until(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if ok() {
			return
		}
	}
	w.t.Fatalf("never came: %s; title %q, stderr %s", what, w.title(), w.stderr)
}

func (w *window) shows(part string) {
	w.t.Helper()
	w.until(part+" in the title", func() bool { return strings.Contains(w.title(), part) })
}

// host goes from a first start to a room, and returns its invite.
func (w *window) host() string {
	w.t.Helper()
	w.typed("Ada")
	w.keys("Return")               // the welcome
	w.keys("Tab", "Tab", "Return") // the name, Host a room
	w.until("a room", func() bool { return strings.HasSuffix(w.title(), " – Candid") })
	var link string
	w.until("the invite on the clipboard", func() bool {
		w.keys("ctrl+shift+c")
		link = w.tool("timeout", "2", "xclip", "-selection", "clipboard", "-o")
		return strings.HasPrefix(link, "candid://")
	})
	return link
}

// stops asks the program to end and checks that it does so cleanly.
func (w *window) stops() {
	w.t.Helper()
	if err := w.cmd.Process.Signal(os.Interrupt); err != nil {
		w.t.Fatal(err)
	}
	if err := w.cmd.Wait(); err != nil {
		w.t.Errorf("ended with %v: %s", err, w.stderr)
	}
	if w.stderr.Len() > 0 {
		w.t.Errorf("said %s", w.stderr)
	}
}

func TestTwoPeopleByKeyboard(t *testing.T) {
	d := newDesktop(t)
	ada := d.candid(t.TempDir(), "--test-devices")
	link := ada.host()
	noor := d.candid(t.TempDir(), "--test-devices", "--member", "1", "--name", "Noor", link)
	noor.keys("Return") // the device check: Join now
	ada.shows("Direct")
	noor.shows("Direct")
	noor.keys("ctrl+i", "ctrl+d", "ctrl+e", "F1", "Escape", "ctrl+shift+q", "Escape", "ctrl+d", "ctrl+e", "ctrl+i")
	noor.shows("Direct")
	noor.keys("ctrl+w")
	noor.until("the end of the call", func() bool { return noor.title() == "Candid" })
	ada.until("Ada alone", func() bool { return !strings.Contains(ada.title(), "Direct") && strings.Contains(ada.title(), "–") })
	noor.stops()
	ada.stops()
}

// A host that goes on purpose hands the room over; one that cannot closes it.
func TestHostGoesAway(t *testing.T) {
	d := newDesktop(t)
	ada := d.candid(t.TempDir(), "--test-devices")
	link := ada.host()
	noor := d.candid(t.TempDir(), "--test-devices", "--member", "1", "--name", "Noor", link)
	noor.keys("Return")
	noor.shows("Direct")
	ada.keys("ctrl+w")
	ada.until("the room handed over", func() bool { return ada.title() == "Candid" })
	noor.until("the room goes on", func() bool { return strings.Contains(noor.title(), "–") && !strings.Contains(noor.title(), "Direct") })
	ada.stops()
	noor.stops()
}

func TestBadLinksDoNoHarm(t *testing.T) {
	d := newDesktop(t)
	for _, link := range []string{"candid://", "candid://127.0.0.1:1/tea#t=aaaaaaaaaaaaaaaaaaaaaa&pin=" + strings.Repeat("A", 43), "https://example.com", strings.Repeat("x", 5000)} {
		w := d.candid(t.TempDir(), "--test-devices", "--name", "Ada", link)
		w.keys("Return", "Return", "Escape")
		if w.title() != "Candid" {
			t.Errorf("with %.40q the title is %q", link, w.title())
		}
		w.stops()
	}
}

// Fifty calls in one window: memory and descriptors stay where they were.
func TestFiftyCallsInOneWindow(t *testing.T) {
	d := newDesktop(t)
	ada := d.candid(t.TempDir(), "--test-devices")
	link := ada.host()
	noor := d.candid(t.TempDir(), "--test-devices", "--member", "1", "--name", "Noor", link)
	noor.keys("Return")
	// The toolkit keeps the textures of what was on screen for a minute, which
	// is some 27 calls of this test.
	const full = 30
	var files, mb int
	for call := 1; call <= 50; call++ {
		noor.shows("Direct")
		noor.keys("ctrl+w")
		noor.until("the end of the call", func() bool { return noor.title() == "Candid" })
		if call == full {
			files, mb = noor.files(), noor.memory()
		}
		noor.keys("Tab", "Return") // Back to the room
	}
	noor.shows("Direct")
	noor.keys("ctrl+w")
	noor.until("the end of the call", func() bool { return noor.title() == "Candid" })
	time.Sleep(2 * time.Second)
	t.Logf("after %d calls: %d descriptors, %d MB; after 51: %d, %d MB", full, files, mb, noor.files(), noor.memory())
	if noor.files() > files {
		t.Errorf("%d descriptors after 51 calls, %d after %d", noor.files(), files, full)
	}
	if noor.memory() > mb+21 { // one MB a call, less than one picture
		t.Errorf("%d MB after 51 calls, %d after %d", noor.memory(), mb, full)
	}
}

func (w *window) files() int {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", w.cmd.Process.Pid))
	if err != nil {
		w.t.Fatal(err)
	}
	return len(entries)
}

// memory is the resident set in MB.
func (w *window) memory() int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", w.cmd.Process.Pid))
	if err != nil {
		w.t.Fatal(err)
	}
	var size, resident int
	if _, err := fmt.Sscan(string(b), &size, &resident); err != nil {
		w.t.Fatal(err)
	}
	return resident * os.Getpagesize() / 1e6
}
