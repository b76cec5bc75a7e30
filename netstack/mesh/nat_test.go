package mesh_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"candid/netstack"
	"candid/netstack/peer"

	"github.com/pion/transport/v4/vnet"
	"github.com/pion/turn/v4"
	"github.com/pion/webrtc/v4"
)

// natKinds are the four kinds of RFC 3489, in the words of RFC 4787.
var natKinds = []struct {
	name string
	nat  vnet.NATType
	// symmetric NATs give a new port to every destination; restricted ones let
	// in only ports that were sent to. The two together need a relay.
	symmetric, restricted bool
}{
	{"full cone", vnet.NATType{MappingBehavior: vnet.EndpointIndependent, FilteringBehavior: vnet.EndpointIndependent}, false, false},
	{"address restricted", vnet.NATType{MappingBehavior: vnet.EndpointIndependent, FilteringBehavior: vnet.EndpointAddrDependent}, false, false},
	{"port restricted", vnet.NATType{MappingBehavior: vnet.EndpointIndependent, FilteringBehavior: vnet.EndpointAddrPortDependent}, false, true},
	{"symmetric", vnet.NATType{MappingBehavior: vnet.EndpointAddrPortDependent, FilteringBehavior: vnet.EndpointAddrPortDependent}, true, true},
}

const serverIP = "198.51.100.10"

// serve starts a STUN and TURN server on w.
func (w *world) serve() []webrtc.ICEServer {
	w.t.Helper()
	n, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{serverIP}})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.wan.AddNet(n); err != nil {
		w.t.Fatal(err)
	}
	w.onStart = append(w.onStart, func() {
		conn, err := n.ListenPacket("udp4", serverIP+":3478")
		if err != nil {
			w.t.Fatal(err)
		}
		server, err := turn.NewServer(turn.ServerConfig{
			Realm: "test", LoggerFactory: quiet(),
			AuthHandler: func(user, realm string, _ net.Addr) ([]byte, bool) {
				return turn.GenerateAuthKey(user, realm, "right"), true
			},
			PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: conn, RelayAddressGenerator: &turn.RelayAddressGeneratorStatic{
				RelayAddress: net.ParseIP(serverIP), Address: "0.0.0.0", Net: n,
			}}},
		})
		if err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(func() {
			if err := server.Close(); err != nil {
				w.t.Error(err)
			}
		})
	})
	return []webrtc.ICEServer{
		{URLs: []string{"stun:" + serverIP + ":3478"}},
		{URLs: []string{"turn:" + serverIP + ":3478?transport=udp"}, Username: "u", Credential: "right"},
	}
}

// behind returns the configuration of a member behind a NAT.
func (w *world) behind(nat vnet.NATType, outside, lan string) peer.Config {
	w.t.Helper()
	r, err := vnet.NewRouter(&vnet.RouterConfig{CIDR: lan + ".0/24", StaticIPs: []string{outside}, NATType: &nat, LoggerFactory: quiet(), QueueSize: 10000})
	if err != nil {
		w.t.Fatal(err)
	}
	n, err := vnet.NewNet(&vnet.NetConfig{StaticIPs: []string{lan + ".2"}})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := r.AddNet(n); err != nil {
		w.t.Fatal(err)
	}
	if err := w.wan.AddRouter(r); err != nil {
		w.t.Fatal(err)
	}
	return peer.Config{Net: n}
}

// Every pairing of NATs connects: directly where that is possible, relayed
// where it is not.
func TestRow38NATs(t *testing.T) {
	for i, ka := range natKinds {
		for _, kb := range natKinds[i:] {
			t.Run(ka.name+" and "+kb.name, func(t *testing.T) {
				inWorld(t, 25*time.Millisecond, func(t *testing.T, w *world) {
					servers := w.serve()
					ca, cb := w.behind(ka.nat, "198.51.100.1", "192.168.1"), w.behind(kb.nat, "198.51.100.2", "192.168.1")
					ca.ICEServers, cb.ICEServers = servers, servers
					r := newRoom(t)
					a, b := r.join("anna", ca), r.join("bert", cb)
					w.start()
					a.publish(audio(t, "mic"))
					b.publish(audio(t, "mic"))
					start := time.Now()
					r.everyone()
					a.awaitPackets("bert", "mic", 1)
					b.awaitPackets("anna", "mic", 1)
					took := time.Since(start)
					time.Sleep(2 * time.Second)
					relay := ka.symmetric && kb.restricted || kb.symmetric && ka.restricted
					for _, m := range []*member{a, b} {
						_, local, remote, ok := m.mesh.Links()[0].SelectedPair()
						if !ok {
							t.Fatalf("%s has no selected pair", m.id)
						}
						relayed := local.Type == webrtc.ICECandidateTypeRelay || remote.Type == webrtc.ICECandidateTypeRelay
						if relayed != relay {
							t.Errorf("%s: %s to %s, relay wanted: %v", m.id, local.Type, remote.Type, relay)
						}
						if local.Type == webrtc.ICECandidateTypeRelay && (local.RelayProtocol != "udp" || !strings.HasPrefix(local.URL, "turn:")) {
							t.Errorf("%s: relayed by %q over %q", m.id, local.URL, local.RelayProtocol)
						}
						t.Logf("%s: %s to %s, first packets after %v", m.id, local.Type, remote.Type, took)
					}
				})
			})
		}
	}
}

// A server that does not answer, and one that refuses, are told of; neither
// keeps the call or its end waiting.
func TestServersThatFail(t *testing.T) {
	for name, c := range map[string]struct {
		servers []webrtc.ICEServer
		fails   string
	}{
		"dead":    {[]webrtc.ICEServer{{URLs: []string{"stun:198.51.100.77:3478"}}}, "stun:198.51.100.77:3478"},
		"refuses": {[]webrtc.ICEServer{{URLs: []string{"turn:" + serverIP + ":3478"}, Username: "u", Credential: "wrong"}}, "turn:" + serverIP + ":3478"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 5*time.Millisecond, func(t *testing.T, w *world) {
				w.serve()
				config := w.at("198.51.100.1")
				config.ICEServers = c.servers
				r := newRoom(t)
				a, b := r.join("anna", config), r.join("bert", w.at("198.51.100.2"))
				w.start()
				a.publish(audio(t, "mic"))
				at := time.Now()
				r.everyone()
				b.awaitPackets("anna", "mic", 1)
				if took := time.Since(at); took > time.Second {
					t.Errorf("media after %v", took)
				}
				a.await("word of the server", func() bool {
					return a.seenLocked(func(e netstack.Event) bool { f, ok := e.(netstack.CandidateFailed); return ok && f.URL == c.fails }) == 1
				})
				time.Sleep(2 * time.Second)
				if l := a.mesh.Links()[0]; len(l.Failures) != 1 || l.Failures[0].URL != c.fails {
					t.Errorf("the link tells of %v", l.Failures)
				}
			})
		})
	}
}

// Closing does not wait for a server that is still being asked.
func TestCloseWhileAsking(t *testing.T) {
	inWorld(t, 5*time.Millisecond, func(t *testing.T, w *world) {
		config := w.at("198.51.100.1")
		config.ICEServers = []webrtc.ICEServer{{URLs: []string{"turn:198.51.100.77:3478"}, Username: "u", Credential: "x"}}
		r := newRoom(t)
		a := r.join("anna", config)
		b := r.join("bert", w.at("198.51.100.2"))
		w.start()
		r.everyone()
		a.awaitState("bert", connected)
		at := time.Now()
		a.leave()
		if took := time.Since(at); took > 2*time.Second {
			t.Errorf("closed after %v of virtual time", took)
		}
		b.leave()
	})
}
