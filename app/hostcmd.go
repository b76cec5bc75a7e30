package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"candid/app/config"
	"candid/app/host"
	"candid/netstack/certificate"
	"candid/netstack/invite"
)

const hostUsage = `candid host: a room server without a window. It prints the invite of each room
and runs until it is told to stop (Ctrl+C or SIGTERM). Everything is on one port,
TCP and UDP: signaling, STUN, TURN and media.

  --room NAME       open a room of this name; may be given again (one, named by us)
  --open-room NAME  a room that other programs may publish into by WHIP and watch by
                    WHEP, with the token that is printed; may be given again
  --clear           open the rooms without end-to-end encryption, so that this host
                    can mix for who has a thin line or a slow computer; it could
                    then see and hear too. Rooms of --open-room always are like that;
                    in all others members encrypt for each other, and their invites
                    say so
  --port N          listen on port N (7788)
  --public ADDRESS  an address that leads here from outside and that this
                    computer cannot see itself; may be given again
  --name NAME       a DNS name that leads here, with :port if it is another;
                    may be given again
  --domain NAME     get a certificate for this DNS name, which must lead here, from
                    Let's Encrypt (whose terms are agreed to), and renew it: invites
                    then go by the name, and need no fingerprint. The port is 443
                    unless --port says that another is passed on from there
  --acme-http       let it look at port 80 too, if 443 does not work
  --acme URL        get the certificate from another authority, by its ACME directory
  --max-rooms N     rooms at most (1000)
  --max-members N   members of one room at most (100)
  --max-members-all N  members in all at most (1000)
  --member-bitrate N  what one member may send to all others, in Mbit/s; what is
                    more is dropped (20)
  --relay-bitrate N what one member may send through the relay, and be sent, in
                    Mbit/s (4)
  --expires TIME    print an invite to each room that is good for so long, as 90m or
                    24h, and do not print the one that lasts
  --uses N          the same for an invite that is good for so many people
  --status ADDRESS  where /healthz and /metrics (for Prometheus) are served, by plain
                    HTTP; "off": nowhere (127.0.0.1:7789)
  --loopback        serve this computer only
  --dir DIR         keep the host's identity and the rooms' secrets in DIR, so that
                    invites stay good (the user's configuration directory)
  --verbose         log what happens to standard error
`

// list is a flag that may be given again.
type list []string

func (l *list) String() string     { return strings.Join(*l, ", ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

// hostFlags are those of candid host.
type hostFlags struct {
	rooms, open, public, names list
	port                       int
	dir, status                string
	domain, acme               string
	loopback, clear, acmeHTTP  bool
	verbose                    bool

	maxRooms, maxMembers, maxAll int
	relayBitrate, memberBitrate  float64
	expires                      time.Duration
	uses                         int
}

func (f *hostFlags) define(fs *flag.FlagSet) {
	fs.Var(&f.rooms, "room", "")
	fs.Var(&f.open, "open-room", "")
	fs.Var(&f.public, "public", "")
	fs.Var(&f.names, "name", "")
	fs.IntVar(&f.port, "port", 0, "")
	fs.BoolVar(&f.loopback, "loopback", false, "")
	fs.BoolVar(&f.clear, "clear", false, "")
	fs.StringVar(&f.domain, "domain", "", "")
	fs.StringVar(&f.acme, "acme", "", "")
	fs.BoolVar(&f.acmeHTTP, "acme-http", false, "")
	fs.StringVar(&f.dir, "dir", "", "")
	fs.StringVar(&f.status, "status", defaultStatus, "")
	fs.IntVar(&f.maxRooms, "max-rooms", 0, "")
	fs.IntVar(&f.maxMembers, "max-members", 0, "")
	fs.IntVar(&f.maxAll, "max-members-all", 0, "")
	fs.Float64Var(&f.memberBitrate, "member-bitrate", 0, "")
	fs.Float64Var(&f.relayBitrate, "relay-bitrate", 0, "")
	fs.DurationVar(&f.expires, "expires", 0, "")
	fs.IntVar(&f.uses, "uses", 0, "")
	fs.BoolVar(&f.verbose, "verbose", false, "")
}

// defaultStatus is where nobody but this computer's own programs looks.
const defaultStatus = "127.0.0.1:7789"

// hostCommand runs a host until it is told to stop.
func hostCommand(args []string, stdout, stderr io.Writer) int {
	var f hostFlags
	fs := flags("candid host", hostUsage, stderr)
	f.define(fs)
	if code := parse(fs, args); code >= 0 {
		return code
	}
	if f.port == 0 && !given(fs, "port") {
		f.port = config.DefaultPort
		if f.domain != "" {
			f.port = httpsPort
		}
	}
	cfg, err := f.config()
	if err != nil || fs.NArg() > 0 {
		if err == nil {
			err = fmt.Errorf("%q is not a flag", fs.Arg(0))
		}
		tell(stderr, err)
		return exitUsage
	}
	done, crashed := watchCrashes(cfg.Dir)
	defer done()
	if crashed != nil {
		tell(stderr, crashed)
	}
	cfg.Logger = logger(stderr, f.verbose)
	if err := runHost(cfg, f, stdout); err != nil {
		tell(stderr, err)
		return exitFailed
	}
	return exitOK
}

// httpsPort is where authorities look for who has a domain.
const httpsPort = 443

// given reports whether a flag was given.
func given(fs *flag.FlagSet, name string) (is bool) {
	fs.Visit(func(f *flag.Flag) { is = is || f.Name == name })
	return is
}

// config checks the flags.
func (f *hostFlags) config() (cfg host.Config, err error) {
	if f.domain != "" && !invite.IsDomain(f.domain) {
		return cfg, fmt.Errorf("%q is not a domain: a name such as call.example.org", f.domain)
	}
	if f.domain == "" && (f.acme != "" || f.acmeHTTP) {
		return cfg, errors.New("a certificate is for a --domain")
	}
	if f.port < 1 || f.port > 65535 {
		return cfg, fmt.Errorf("a port is a number from 1 to 65535, not %d", f.port)
	}
	if min(f.maxRooms, f.maxMembers, f.maxAll, f.uses) < 0 || f.expires < 0 ||
		min(f.relayBitrate, f.memberBitrate) < 0 || max(f.relayBitrate, f.memberBitrate) > 1000 {
		return cfg, errors.New("a limit cannot be less than nothing, nor a bitrate more than 1000 Mbit/s")
	}
	if f.uses > host.MaxUses {
		return cfg, fmt.Errorf("an invite is for up to %d people, or for any number", host.MaxUses)
	}
	for _, p := range f.public {
		a, err := netip.ParseAddr(p)
		if err != nil {
			return cfg, fmt.Errorf("%q is not an IP address", p)
		}
		cfg.Public = append(cfg.Public, a)
	}
	for _, r := range append(f.rooms, f.open...) {
		if !invite.IsRoom(r) {
			return cfg, fmt.Errorf("%q cannot name a room: up to %d letters, digits and signs, no slash", r, invite.MaxRoom)
		}
	}
	if cfg.Dir = f.dir; cfg.Dir == "" {
		if cfg.Dir, err = config.Dir(); err != nil {
			return cfg, err
		}
	}
	cfg.Port, cfg.Rooms, cfg.OpenRooms, cfg.Names = f.port, f.rooms, f.open, f.names
	cfg.Loopback, cfg.EndToEnd = f.loopback, !f.clear
	cfg.Certificate = certificate.Config{Domain: strings.ToLower(f.domain), Authority: f.acme}
	if f.acmeHTTP {
		cfg.Certificate.HTTP = ":80"
	}
	cfg.MaxRooms, cfg.MaxMembers, cfg.MaxMembersAll = f.maxRooms, f.maxMembers, f.maxAll
	cfg.MemberBitrate = int(f.memberBitrate * 1e6)
	cfg.Relay.Bitrate = int(f.relayBitrate * 1e6)
	if cfg.Status = f.status; cfg.Status == "off" {
		cfg.Status = ""
	}
	if len(cfg.Rooms)+len(cfg.OpenRooms) == 0 {
		cfg.Rooms = []string{"room"} // the same each time, so that its invite stays good
	}
	return cfg, nil
}

// runHost serves until the process is told to stop.
func runHost(cfg host.Config, f hostFlags, stdout io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	h, err := host.Start(context.Background(), mixing(cfg))
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "Candid is hosting on port %d, TCP and UDP.\n", h.Port())
	for _, room := range h.Rooms() {
		if err := f.invite(h, room, stdout); err != nil {
			return errors.Join(err, h.Close())
		}
	}
	at := h.StatusAddress()
	if at == "" && f.status != defaultStatus && f.status != "off" {
		return errors.Join(fmt.Errorf("health and figures cannot be served at %q", f.status), h.Close())
	}
	if at != "" {
		fmt.Fprintf(stdout, "\nHealth and figures: http://%[1]s/healthz and http://%[1]s/metrics\n", at)
	}
	fmt.Fprintln(stdout, "\nPeople outside your network can join if the router lets this port through. Ctrl+C ends it.")
	<-ctx.Done()
	slog.Debug("told to stop")
	return h.Close()
}

// invite prints how to get into a room.
func (f *hostFlags) invite(h *host.Host, room string, stdout io.Writer) error {
	inv, err := h.Invite(room)
	limit := ""
	if f.expires > 0 || f.uses > 0 {
		var until time.Time
		if f.expires > 0 {
			until = time.Now().Add(f.expires)
			limit += ", good until " + until.Format("2006-01-02 15:04")
		}
		if f.uses > 0 {
			limit += fmt.Sprintf(", for %d people", f.uses)
		}
		inv, err = h.LimitedInvite(room, until, f.uses)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "\nInvite to %q%s:\n%s\n", room, limit, inv)
	if !inv.EndToEnd {
		fmt.Fprintln(stdout, "Not end-to-end encrypted: this host could see and hear what is said in it.")
	}
	mod, err := h.ModeratorInvite(room)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "As a moderator, who may lock it, mute and remove people:\n%s\n", mod)
	if !slices.Contains(f.open, room) {
		return nil
	}
	token, err := h.Token(room)
	if err != nil {
		return err
	}
	publish, watch := h.ToolAddresses(room)
	fmt.Fprintf(stdout, "Publish by WHIP: %s\nWatch by WHEP:   %s\nBearer token:    %s\n", publish, watch, token)
	return nil
}
