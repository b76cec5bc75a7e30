// Package host is the bundled server: rooms with their signaling, STUN and
// TURN, and the media server, all on one port number. The people of its own machine join like
// everybody else, by a client that dials 127.0.0.1. It knows nothing of windows
// or codecs, and builds without cgo: what mixes is given to it.
package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"candid/netstack"
	"candid/netstack/certificate"
	"candid/netstack/identity"
	"candid/netstack/ifwatch"
	"candid/netstack/invite"
	"candid/netstack/oneport"
	"candid/netstack/relay"
	"candid/netstack/sfu"
	"candid/netstack/signal"
	"candid/netstack/whip"
)

// AnyPort, as Config.Port, takes any free port.
const AnyPort = -1

// nextFree is how many numbers after a taken port are tried, if wanted.
const nextFree = 20

// closedRoom is what members read when a room ends.
const closedRoom = "the host closed the room"

// Config says how to host. The zero value hosts on the default port with an
// identity that lasts until Close.
type Config struct {
	Port     int  // 0: invite.DefaultPort; or AnyPort
	NextFree bool // if Port is taken, take one of the next that is free

	// Dir keeps the host's identity and the secrets of its rooms, so that
	// invites stay good when the host starts again. Empty: kept nowhere.
	Dir string
	// Rooms to open before anyone can come; those of OpenRooms are clear
	// whatever EndToEnd says, for programs that cannot encrypt as members do.
	Rooms, OpenRooms []string

	// Public are addresses that lead to this machine from elsewhere and that
	// it cannot see itself: those of a router that forwards the port, or of a
	// provider that maps them one to one.
	Public []netip.Addr
	// Names are further addresses for invites, host or host:port, put first:
	// DNS names that lead here.
	Names []string

	// Certificate, if its Domain is not empty, gets a certificate for that name,
	// which must lead here: invites then hold no pin. Start waits for it. Its Dir
	// and Logger are those of the host.
	Certificate certificate.Config

	// Loopback serves 127.0.0.1 and ::1 only, relay included: for demo and
	// tests on one machine.
	Loopback bool
	// Bind, if not empty, limits the host to these local addresses.
	Bind []netip.Addr

	Limits oneport.Limits
	Relay  relay.Limits
	// MemberBitrate is what one member may send to the media server, in bit/s;
	// 0: sfu.DefaultMemberBitrate.
	MemberBitrate int
	// MaxMembers are per room (100), MaxMembersAll in all (1000), MaxRooms 1000.
	MaxMembers, MaxMembersAll, MaxRooms int

	// Status is an address for /healthz and /metrics, by plain HTTP; empty:
	// none. Anyone who reaches it may read them. StatusAddress says whether it
	// could be had.
	Status string

	// EndToEnd opens rooms in which members encrypt their media for each other.
	EndToEnd bool
	// Mix makes the mixer of a room with this media server; nil: this program
	// cannot mix.
	Mix func(*sfu.Room) (Mixer, error)

	Logger *slog.Logger // nil: slog.Default

	maxSockets int
}

// oneForAll lifts the limits for each address: on one machine everybody has
// the same.
func (c *Config) oneForAll() {
	const many = 1000
	c.maxSockets = many
	for _, v := range []*int{&c.Limits.Total, &c.Limits.PerIP, &c.Relay.Total, &c.Relay.MemberReplies} {
		if *v == 0 {
			*v = many
		}
	}
}

// Host is a running host. Its methods may be called from any goroutine.
type Host struct {
	cfg    Config
	log    *slog.Logger
	id     identity.Identity
	port   atomic.Pointer[oneport.Port] // nil until open
	relay  *relay.Server
	signal *signal.Server
	media  *sfu.Server
	tools  *whip.Handler
	status *http.Server // nil: none

	statusAt string

	endedMu sync.Mutex
	ended   sfu.Stats // of rooms that were closed

	certs *certificate.Keeper // nil: no domain
	meter meter
	web   *http.Server
	addrs func() ([]ifwatch.Address, error)

	outsideMu sync.Mutex
	outside   netip.AddrPort // of a router that passes the port on, or invalid

	mu     sync.Mutex
	stop   func() bool      // ends the watch on Start's context
	renews func()           // ends the renewal of the certificate, or nil
	rooms  map[string]*room // those open; nil when closed
	kept   *secrets
	checks map[relay.Member]*time.Timer // each until it ends

	once sync.Once
	wg   sync.WaitGroup
	err  error
}

// Start starts a host. It ends with Close, or when ctx does. Errors are, among
// others, *oneport.InUseError, *oneport.NotAllowedError and
// identity.ErrDamaged.
func Start(ctx context.Context, cfg Config) (*Host, error) {
	h := &Host{cfg: cfg, log: cfg.Logger, rooms: make(map[string]*room), addrs: ifwatch.Addresses}
	if h.log == nil {
		h.log = slog.Default()
	}
	if err := h.load(); err != nil {
		return nil, fmt.Errorf("start the host: %w", err)
	}
	if cfg.Loopback {
		h.cfg.oneForAll()
	}
	if err := h.build(); err != nil {
		return nil, fmt.Errorf("start the host: %w", err)
	}
	port, err := oneport.Open(h.portConfig())
	if err != nil {
		_ = errors.Join(h.signal.Close(), h.relay.Close(), h.tools.Close())
		return nil, fmt.Errorf("start the host: %w", err)
	}
	h.port.Store(port)
	if err := h.openRooms(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the host: %w", err), h.Close())
	}
	h.serve(port)
	if err := h.certify(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start the host: %w", err), h.Close())
	}
	h.openStatus()
	stop := context.AfterFunc(ctx, func() { _ = h.Close() })
	h.mu.Lock()
	h.stop = stop
	h.mu.Unlock()
	return h, nil
}

// build makes the servers.
func (h *Host) build() (err error) {
	if h.media, err = sfu.NewServer(sfu.Config{Candidates: h.mediaAddresses, MemberBitrate: h.cfg.MemberBitrate, Logger: h.log}); err != nil {
		return err
	}
	if err = h.openTools(); err != nil {
		return err
	}
	h.relay = relay.New(relay.Config{
		Own: h.own, Advertise: h.advertise, Loopback: h.cfg.Loopback, Limits: h.cfg.Relay, Logger: h.log,
		MediaPort: h.mediaPort, IsMedia: func(p []byte) bool { return oneport.ClassifyPacket(p) == oneport.Media },
	})
	h.signal = signal.NewServer(signal.ServerConfig{
		MaxSockets: h.cfg.maxSockets, MaxSocketsPerIP: h.cfg.maxSockets, MaxStrangers: h.cfg.maxSockets,
		MaxMembers: h.cfg.MaxMembers, MaxMembersAll: h.cfg.MaxMembersAll, MaxRooms: h.cfg.MaxRooms,
		ICEServers: h.iceServers,
		OnJoin:     h.joined,
		OnLeave:    h.left,
		OnMessage:  h.received,
		OnChange:   h.changed,
		OnSettings: h.settings,
		OnUsed:     h.used,
		OnHandOver: h.handOver,
		Planner:    h.plan,
		OnCandidate: func(room string, id netstack.PeerID, at netip.AddrPort) {
			// A candidate over the limit is not relayed to; signaling has its
			// own limit and its own words for it.
			_ = h.relay.Signaled(relay.Member{Room: room, ID: string(id)}, at)
		},
		Logger: h.log,
	})
	h.web = h.pages()
	return nil
}

// load reads or makes the identity and the rooms' secrets.
func (h *Host) load() (err error) {
	if h.cfg.Dir == "" {
		h.kept = &secrets{}
		if h.id, err = identity.New(); err != nil {
			return err
		}
		return h.openCertificate()
	}
	if h.id, err = identity.LoadOrCreate(h.cfg.Dir); err != nil {
		return err
	}
	if h.kept, err = loadSecrets(h.cfg.Dir); err != nil {
		return err
	}
	return h.openCertificate()
}

func (h *Host) portConfig() oneport.Config {
	cfg := oneport.Config{
		Port: h.cfg.Port, Bind: h.cfg.Bind, TLS: h.id.ServerConfig(),
		Relay: h.site, Media: func(s *oneport.Socket) oneport.Sink { return h.media.Sink(s) }, Limits: h.cfg.Limits, Logger: h.log,
	}
	if h.certs != nil {
		cfg.TLS = h.certs.Over(cfg.TLS)
	}
	switch cfg.Port {
	case 0:
		cfg.Port = invite.DefaultPort
	case AnyPort:
		cfg.Port = 0
	}
	if h.cfg.NextFree {
		cfg.NextFree = nextFree
	}
	if h.cfg.Loopback {
		cfg.Bind = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	}
	return cfg
}

// site is the relay at one UDP socket.
func (h *Host) site(s *oneport.Socket) oneport.Sink {
	site, err := h.relay.Site(s.Local(), s)
	if err != nil {
		h.log.Warn("no relay on one of the local addresses", "err", err)
		return nil
	}
	return site
}

// serve starts what answers TCP.
func (h *Host) serve(port *oneport.Port) {
	h.wg.Go(func() { _ = h.web.Serve(port.HTTP()) })
	h.wg.Go(func() {
		if err := h.relay.Serve(port.Relay()); err != nil {
			h.log.Error("TURN over TCP ended", "err", err)
		}
	})
}

// pages is what is answered by HTTP.
func (h *Host) pages() *http.Server {
	mux := http.NewServeMux()
	mux.Handle(signal.Path, h.signal)
	mux.HandleFunc("POST "+CheckPath, h.check)
	mux.Handle("/whip/", h.tools)
	mux.Handle("/whep/", h.tools)
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "This is a Candid host. Open your invite in Candid to join.\n")
	})
	return &http.Server{
		Handler: mux,
		// Strangers: what they may send before they are known is little, and
		// soon over.
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       30 * time.Second,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          log.New(io.Discard, "", 0), // it names addresses
	}
}

// Port is the port number, TCP and UDP.
func (h *Host) Port() int { return h.port.Load().Number() }

// Pin is what clients know the host by.
func (h *Host) Pin() invite.Pin { return h.id.Pin }

// Close tells everyone in the rooms that the host closed them, ends everything
// and waits for it. Rooms and their invites are there again after the next
// start from the same Dir.
func (h *Host) Close() error {
	h.once.Do(func() {
		h.mu.Lock()
		rooms, stop := h.rooms, h.stop
		if h.renews != nil {
			h.renews()
		}
		h.rooms = nil
		for _, t := range h.checks {
			t.Stop() // their credentials end with the relay
		}
		h.mu.Unlock()
		if stop != nil {
			stop()
		}
		var wg sync.WaitGroup
		for name, r := range rooms {
			wg.Go(func() {
				_ = h.signal.RemoveRoom(name, closedRoom)
				r.close()
			})
		}
		wg.Wait()
		if h.status != nil {
			_ = h.status.Close()
		}
		h.err = errors.Join(h.signal.Close(), h.web.Close(), h.tools.Close(), h.relay.Close(), h.port.Load().Close())
		h.wg.Wait()
	})
	return h.err
}

// Snapshot is what a host is and does. It shares nothing with the host.
type Snapshot struct {
	Port      int            `json:"port"`
	Addresses []string       `json:"addresses"` // as in invites
	Rooms     []RoomSnapshot `json:"rooms"`     // sorted by name
	Signal    signal.Stats   `json:"signal"`
	Relay     relay.Stats    `json:"relay"`
}

// RoomSnapshot is one room.
type RoomSnapshot struct {
	Name    string          `json:"name"`
	Members []signal.Member `json:"members"` // in order of joining
}

// Snapshot returns the state of the host.
func (h *Host) Snapshot() Snapshot {
	names := h.Rooms()
	s := Snapshot{
		Port: h.Port(), Addresses: h.Addresses(), Rooms: make([]RoomSnapshot, 0, len(names)),
		Signal: h.signal.Stats(), Relay: h.relay.Stats(),
	}
	for _, name := range names {
		s.Rooms = append(s.Rooms, RoomSnapshot{Name: name, Members: h.signal.Members(name)})
	}
	return s
}
