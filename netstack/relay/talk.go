package relay

import (
	"errors"
	"net"
	"net/netip"

	"github.com/pion/logging"
	"github.com/pion/turn/v4"
)

var (
	errNoFrame   = errors.New("neither STUN nor ChannelData")
	errNotForTCP = errors.New("relaying to TCP is not offered")
)

// generator makes the relay sockets of one local address for pion.
type generator struct {
	srv   *Server
	local netip.Addr
}

// Validate has nothing to check.
func (generator) Validate() error { return nil }

// AllocatePacketConn opens a relay socket. The port asked for is not granted:
// the guard refuses what would ask for one.
func (g generator) AllocatePacketConn(string, int) (net.PacketConn, net.Addr, error) {
	a, err := g.srv.open(g.srv.relayFrom(g.local))
	if err != nil {
		return nil, nil, err
	}
	return a, a.LocalAddr(), nil
}

// AllocateConn refuses relaying to TCP (RFC 6062).
func (generator) AllocateConn(string, int) (net.Conn, net.Addr, error) {
	return nil, nil, errNotForTCP
}

// talk configures pion for one local address. who finds the client behind an
// address; it may return nil.
func (s *Server) talk(who func(net.Addr) client, alloc func(netip.AddrPort) *allocation) (turn.ServerConfig, turn.PermissionHandler) {
	cfg := turn.ServerConfig{
		Realm:         s.cfg.Realm,
		LoggerFactory: silent{},
		QuotaHandler:  s.reserve,
		AuthHandler: func(user, _ string, _ net.Addr) ([]byte, bool) {
			if c := s.lookup(user); c != nil {
				return c.key, true
			}
			return nil, false
		},
		EventHandler: turn.EventHandler{
			OnAllocationError: func(src, _ net.Addr, _, _ string) { s.unreserve(src) },
			OnAllocationCreated: func(src, _ net.Addr, _, user, _ string, relayed net.Addr, _ int) {
				a, c := s.find(relayed), who(src)
				switch {
				case a != nil && c != nil:
					s.bound(a, user, c, src)
				case a != nil:
					_ = a.sock.Close()
				}
			},
			OnPermissionCreated: func(_, _ net.Addr, _, _, _ string, relayed net.Addr, peer net.IP) {
				s.onPermission(relayed, peer, true)
			},
			OnPermissionDeleted: func(_, _ net.Addr, _, _, _ string, relayed net.Addr, peer net.IP) {
				s.onPermission(relayed, peer, false)
			},
			OnChannelCreated: func(_, _ net.Addr, _, _, _ string, relayed, peer net.Addr, n uint16) {
				s.onChannel(relayed, peer, n, true)
			},
			OnChannelDeleted: func(_, _ net.Addr, _, _, _ string, relayed, peer net.Addr, n uint16) {
				s.onChannel(relayed, peer, n, false)
			},
		},
	}
	// The guard has judged already. Asked again, so that a request that passes
	// by it some day is not passed on.
	permit := func(src net.Addr, peer net.IP) bool {
		a := alloc(toAddrPort(src))
		ip, ok := netip.AddrFromSlice(peer)
		if a == nil || !ok {
			return false
		}
		a.client.requests().making(a, ip.Unmap())
		return s.permits(a.member, ip.Unmap())
	}
	return cfg, permit
}

func (s *Server) onPermission(relayed net.Addr, peer net.IP, on bool) {
	if a := s.find(relayed); a != nil {
		if ip, ok := netip.AddrFromSlice(peer); ok {
			a.permit(ip.Unmap(), on)
		}
	}
}

func (s *Server) onChannel(relayed, peer net.Addr, number uint16, on bool) {
	if a := s.find(relayed); a != nil {
		a.bindChannel(number, toAddrPort(peer), on)
	}
}

// silent takes pion's log lines and drops them: they name addresses and users,
// and what matters is counted here.
type silent struct{}

func (silent) NewLogger(string) logging.LeveledLogger { return silent{} }
func (silent) Trace(string)                           {}
func (silent) Tracef(string, ...any)                  {}
func (silent) Debug(string)                           {}
func (silent) Debugf(string, ...any)                  {}
func (silent) Info(string)                            {}
func (silent) Infof(string, ...any)                   {}
func (silent) Warn(string)                            {}
func (silent) Warnf(string, ...any)                   {}
func (silent) Error(string)                           {}
func (silent) Errorf(string, ...any)                  {}
