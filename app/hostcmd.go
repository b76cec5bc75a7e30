package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"candid/app/config"
	"candid/app/host"
	"candid/netstack/invite"
)

const hostUsage = `candid host: a room server without a window. It prints the invite of each room
and runs until it is told to stop (Ctrl+C or SIGTERM). Everything is on one port,
TCP and UDP: signaling, STUN and TURN.

  --room NAME       open a room of this name; may be given again (one, named by us)
  --port N          listen on port N (7788)
  --public ADDRESS  an address that leads here from outside and that this
                    computer cannot see itself; may be given again
  --name NAME       a DNS name that leads here, with :port if it is another;
                    may be given again
  --loopback        serve this computer only
  --dir DIR         keep the host's identity and the rooms' secrets in DIR, so that
                    invites stay good (the user's configuration directory)
  --verbose         log what happens to standard error
`

// list is a flag that may be given again.
type list []string

func (l *list) String() string     { return strings.Join(*l, ", ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

// hostCommand runs a host until it is told to stop.
func hostCommand(args []string, stdout, stderr io.Writer) int {
	var rooms, public, names list
	fs := flags("candid host", hostUsage, stderr)
	fs.Var(&rooms, "room", "")
	fs.Var(&public, "public", "")
	fs.Var(&names, "name", "")
	port := fs.Int("port", config.DefaultPort, "")
	loopback := fs.Bool("loopback", false, "")
	dir := fs.String("dir", "", "")
	verbose := fs.Bool("verbose", false, "")
	if code := parse(fs, args); code >= 0 {
		return code
	}
	cfg, err := hostConfig(*port, *dir, rooms, public, names)
	if err != nil || fs.NArg() > 0 {
		if err == nil {
			err = fmt.Errorf("%q is not a flag", fs.Arg(0))
		}
		tell(stderr, err)
		return exitUsage
	}
	cfg.Loopback, cfg.Logger = *loopback, logger(stderr, *verbose)
	if err := runHost(cfg, stdout); err != nil {
		tell(stderr, err)
		return exitFailed
	}
	return exitOK
}

func hostConfig(port int, dir string, rooms, public, names list) (cfg host.Config, err error) {
	if port < 1 || port > 65535 {
		return cfg, fmt.Errorf("a port is a number from 1 to 65535, not %d", port)
	}
	for _, p := range public {
		a, err := netip.ParseAddr(p)
		if err != nil {
			return cfg, fmt.Errorf("%q is not an IP address", p)
		}
		cfg.Public = append(cfg.Public, a)
	}
	for _, r := range rooms {
		if !invite.IsRoom(r) {
			return cfg, fmt.Errorf("%q cannot name a room: up to %d letters, digits and signs, no slash", r, invite.MaxRoom)
		}
	}
	if dir == "" {
		if dir, err = config.Dir(); err != nil {
			return cfg, err
		}
	}
	cfg.Port, cfg.Dir, cfg.Rooms, cfg.Names = port, dir, rooms, names
	if len(rooms) == 0 {
		cfg.Rooms = []string{"room"} // the same each time, so that its invite stays good
	}
	return cfg, nil
}

// runHost serves until the process is told to stop.
func runHost(cfg host.Config, stdout io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	h, err := host.Start(context.Background(), mixing(cfg))
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "Candid is hosting on port %d, TCP and UDP.\n", h.Port())
	for _, room := range h.Rooms() {
		inv, err := h.Invite(room)
		if err != nil {
			return errors.Join(err, h.Close())
		}
		fmt.Fprintf(stdout, "\nInvite to %q:\n%s\n", room, inv)
	}
	fmt.Fprintln(stdout, "\nPeople outside your network can join if the router lets this port through. Ctrl+C ends it.")
	<-ctx.Done()
	slog.Debug("told to stop")
	return h.Close()
}
