//go:build !headless

package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"candid/app/call"
	"candid/app/demo"
	"candid/app/host"
	"candid/app/ui"
	"candid/app/x11"
	"candid/media/codec"

	fyneapp "fyne.io/fyne/v2/app"
)

// appID names the program to the desktop; FyneApp.toml has the same.
const appID = "chat.candid.Candid"

// windowFlags are those of the window, and the hidden ones of a demo's
// processes.
type windowFlags struct {
	name, dir            string
	testDevices, verbose bool
	muted, cameraOff     bool
	relayOnly            bool
	measure, screenshot  string
	member, seconds      int
	windowless           bool
	walk                 int // how many take part; 0: it is no walk
	link                 string
}

// hears is the member whose tone this one listens for.
func (f windowFlags) hears() int { return (f.member + 1) % max(f.walk, 2) }

func parseWindow(args []string, stderr io.Writer) (f windowFlags, code int) {
	fs := flags("candid", usage, stderr)
	fs.StringVar(&f.name, "name", "", "")
	fs.StringVar(&f.dir, "dir", "", "")
	fs.BoolVar(&f.testDevices, "test-devices", false, "")
	fs.BoolVar(&f.verbose, "verbose", false, "")
	fs.BoolVar(&f.muted, "muted", false, "")
	fs.BoolVar(&f.cameraOff, "camera-off", false, "")
	fs.BoolVar(&f.relayOnly, "relay-only", false, "")
	// Of the demo:
	fs.StringVar(&f.measure, "measure", "", "")
	fs.StringVar(&f.screenshot, "screenshot", "", "")
	fs.IntVar(&f.member, "member", 0, "")
	fs.IntVar(&f.seconds, "seconds", 10, "")
	fs.BoolVar(&f.windowless, "windowless", false, "")
	fs.IntVar(&f.walk, "walk", 0, "")
	if code := parse(fs, args); code >= 0 {
		return f, code
	}
	if fs.NArg() > 1 {
		fmt.Fprintf(stderr, "candid: One link at a time; %q is too much.\n", fs.Arg(1))
		return f, exitUsage
	}
	f.link = fs.Arg(0)
	return f, -1
}

// windowCommand opens the window and returns when it is closed.
func windowCommand(args []string, stderr io.Writer) int {
	f, code := parseWindow(args, stderr)
	if code >= 0 {
		return code
	}
	if !f.windowless {
		if err := prepareDisplay(); err != nil {
			tell(stderr, err)
			return exitUsage
		}
	}
	codec.FewArenas()
	e, err := newEngine(f, logger(stderr, f.verbose))
	if err != nil {
		tell(stderr, err)
		return exitFailed
	}
	defer e.Close()
	done, crashed := watchCrashes(e.dir)
	defer done()
	e.notice = errors.Join(e.notice, crashed)
	if !f.verbose {
		log.SetOutput(io.Discard) // the toolkit's: it complains of desktops without D-Bus
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if f.windowless {
		err = measureWindowless(ctx, e, f)
	} else {
		err = errors.Join(whenDisplayGone(func() { e.displayGone(stderr, done) }), runWindow(ctx, e, f))
	}
	if err != nil {
		tell(stderr, err)
		return exitFailed
	}
	return exitOK
}

// leaveIn is how long the others may take to hear that we left, once there is no
// window any more.
const leaveIn = 3 * time.Second

// displayGone ends the process, because the display did: the call is left as one
// should, and it is said in a line.
func (e *engine) displayGone(stderr io.Writer, done func()) {
	tell(stderr, errDisplayGone)
	time.AfterFunc(leaveIn, func() { os.Exit(exitUsage) })
	e.Close()
	done()
	os.Exit(exitUsage)
}

// runWindow shows the window until it is closed or ctx ends.
func runWindow(ctx context.Context, e *engine, f windowFlags) error {
	a := fyneapp.NewWithID(appID)
	w := ui.New(a, e, ui.Options{Link: f.link, JoinAtOnce: f.measure != "", Minimised: minimised()})
	failed := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		if f.measure != "" {
			failed <- measureWindow(ctx, e, w, f)
		} else {
			<-ctx.Done()
			failed <- nil
		}
		w.Post(w.Close)
	}()
	w.ShowAndRun()
	cancel()
	return <-failed
}

// measureWindow measures the call the window has joined, and takes the
// window's picture.
func measureWindow(ctx context.Context, e *engine, w *ui.Window, f windowFlags) error {
	s, err := e.waitForCall(ctx, 30*time.Second)
	if err != nil {
		return err
	}
	if f.screenshot != "" {
		if err := x11.Place(ctx, f.member*demo.WindowWidth); err != nil {
			return err
		}
	}
	if f.member == 0 {
		w.Post(w.TogglePanel)
	}
	if err := measure(ctx, e, s, f); err != nil {
		return err
	}
	if f.screenshot == "" {
		return nil
	}
	return x11.Screenshot(f.screenshot)
}

// measureWindowless joins, measures and leaves.
func measureWindowless(ctx context.Context, e *engine, f windowFlags) error {
	if _, err := e.Join(ctx, f.link); err != nil {
		return err
	}
	s, err := e.waitForCall(ctx, time.Second)
	if err != nil {
		return err
	}
	return measure(ctx, e, s, f)
}

func measure(ctx context.Context, e *engine, s *call.Session, f windowFlags) error {
	var result demo.Result
	var err error
	if f.walk > 0 {
		result.PathChanges, err = demo.Walk(ctx, s, f.member, f.walk)
	} else {
		result, err = e.meter.Measure(ctx, s, time.Duration(f.seconds)*time.Second)
	}
	if err != nil {
		return err
	}
	if err := result.Save(f.measure); err != nil {
		return err
	}
	// The other process may be a little behind: leaving now would end what it
	// still measures.
	select {
	case <-ctx.Done():
	case <-time.After(2 * time.Second):
	}
	return nil
}

const demoUsage = `candid demo: two Candids call each other on this computer, with a drawn
picture and a test tone, through a host, over the real network code. Without a
display it makes a virtual one. It leaves report.json and a screenshot of each
window, and prints what it measured.

  --people N    let 3 to 6 take a walk instead: from direct paths to the host's
                SFU, its mix and back, not end-to-end encrypted because the host is
                to mix; the report lists what each change cost
  --seconds S   measure for S seconds, once with windows and once without (10)
  --out DIR     leave the report in DIR (demo-out)
  --verbose     log what happens
`

func demoCommand(args []string, stdout, stderr io.Writer) int {
	fs := flags("candid demo", demoUsage, stderr)
	seconds := fs.Int("seconds", 10, "")
	people := fs.Int("people", 2, "")
	out := fs.String("out", "demo-out", "")
	verbose := fs.Bool("verbose", false, "")
	if code := parse(fs, args); code >= 0 {
		return code
	}
	if *seconds < 2 || *seconds > 3600 || fs.NArg() > 0 {
		fmt.Fprintln(stderr, "candid: --seconds takes 2 to 3600, and nothing follows the flags.")
		return exitUsage
	}
	if *people < 2 || *people > demo.MostPeople {
		fmt.Fprintf(stderr, "candid: --people takes 2 to %d.\n", demo.MostPeople)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	report, err := runDemo(ctx, *people, *seconds, *out, *verbose, stdout, stderr)
	if err != nil {
		tell(stderr, err)
		return exitFailed
	}
	report.Tell(stdout)
	fmt.Fprintln(stdout, "\nReport and screenshots are in", *out)
	if *people > 2 {
		if seams := report.Seamless(); seams != "" {
			fmt.Fprintln(stdout, "Not every change went unseen and unheard:", seams+".")
		}
		return exitOK
	}
	if missing := report.Complete(); len(missing) > 0 {
		fmt.Fprintln(stderr, "candid: The report is not complete; not measured:", missing)
		return exitFailed
	}
	return exitOK
}

// runDemo hosts a room and lets the demo meet in it.
func runDemo(ctx context.Context, people, seconds int, out string, verbose bool, stdout, stderr io.Writer) (_ demo.Report, err error) {
	exe, err := os.Executable()
	if err != nil {
		return demo.Report{}, fmt.Errorf("find this program: %w", err)
	}
	dir, err := os.MkdirTemp("", "candid-demo-host-")
	if err != nil {
		return demo.Report{}, fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	h, err := host.Start(ctx, mixing(host.Config{
		Port: host.AnyPort, Loopback: true, Dir: dir, Logger: logger(stderr, verbose),
		EndToEnd: people <= 2, // nobody can mix what members encrypt
	}))
	if err != nil {
		return demo.Report{}, err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	link, err := h.NewRoom("demo")
	if err != nil {
		return demo.Report{}, err
	}
	owner := ""
	if people > 2 { // somebody must be allowed to choose the path
		o, err := h.LocalInvite("demo")
		if err != nil {
			return demo.Report{}, err
		}
		owner = o.String()
	}
	abs, err := filepath.Abs(out)
	if err != nil {
		return demo.Report{}, fmt.Errorf("find the folder for the report: %w", err)
	}
	return demo.Run(ctx, demo.Options{Exe: exe, Version: version, Invite: link.String(), People: people, Owner: owner, Out: abs, Seconds: seconds, Say: stdout})
}
