// Package app wires the program together: command line, configuration, the
// engine behind the window, and the window. It is the only importer of Fyne's
// OpenGL driver, and builds without it, and without sound or codecs, under the
// build tag headless.
package app

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
)

// version is set by the linker.
var version = "dev"

const usage = `Candid: video calls that show you the line they run on.

  candid                open the window
  candid LINK           open the window and join the room of an invite
  candid host           run a room server without a window, and print the invite
  candid check [LINK]   what can this computer reach, and how will a call with LINK go?
  candid demo           two Candids call each other here; leaves a report and screenshots
  candid version        print the version

Flags of the window (before LINK):
  --name NAME           your name in calls
  --test-devices        a drawn picture and a test tone instead of camera and microphone
  --muted, --camera-off how to join
  --relay-only          hide this computer's addresses: always go through the host's relay
  --dir DIR             keep settings in DIR
  --verbose             log what happens to standard error

"candid host --help", "candid check --help" and "candid demo --help" tell more.
`

// Exit codes, as sysexits and the shell know them.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// Main runs the program with the arguments after its name and returns the exit
// code.
func Main(args []string) int {
	command := ""
	if len(args) > 0 {
		command = args[0]
	}
	switch command {
	case "host":
		return hostCommand(args[1:], os.Stdout, os.Stderr)
	case "check":
		return checkCommand(args[1:], os.Stdout, os.Stderr)
	case "demo":
		return demoCommand(args[1:], os.Stdout, os.Stderr)
	case "version", "--version":
		fmt.Println("candid", version)
		return exitOK
	case "help", "--help", "-h":
		fmt.Print(usage)
		return exitOK
	}
	return windowCommand(args, os.Stderr)
}

// flags returns a flag set that prints help to out and leaves exiting to the
// caller.
func flags(name, help string, out io.Writer) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(out)
	fs.Usage = func() { fmt.Fprint(out, help) }
	return fs
}

// parse returns the exit code to end with, or -1 to go on.
func parse(fs *flag.FlagSet, args []string) int {
	switch err := fs.Parse(args); {
	case err == nil:
		return -1
	case err == flag.ErrHelp:
		return exitOK
	default:
		return exitUsage
	}
}

// tell prints an error as a person should read it: what happened and what to
// do next.
func tell(w io.Writer, err error) {
	what, next := explain(err)
	fmt.Fprintln(w, "candid: "+what)
	if next != "" {
		fmt.Fprintln(w, strings.Repeat(" ", len("candid: "))+next)
	}
}

func logger(w io.Writer, verbose bool) *slog.Logger {
	level := slog.LevelWarn
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(private{slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})})
}
