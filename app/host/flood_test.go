package host_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"candid/app/host"
	"candid/netstack"
	"candid/netstack/signal"

	"github.com/pion/rtp"
	"github.com/pion/stun/v4"
	"github.com/pion/webrtc/v4"
)

// gaps measures the times between the packets of a track.
type gaps struct {
	mu   sync.Mutex
	last time.Time
	all  []time.Duration
}

// listen notes the packets of somebody's track until it ends.
func (c *caller) listen(t *testing.T, from netstack.PeerID) *gaps {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case e := <-c.media.Events():
			a, ok := e.(netstack.TrackAdded)
			if !ok || a.Peer != from {
				continue
			}
			g := &gaps{}
			done := make(chan struct{})
			go func() {
				defer close(done)
				for {
					if _, _, err := a.Track.ReadRTP(); err != nil {
						return
					}
					g.mu.Lock()
					now := time.Now()
					if !g.last.IsZero() {
						g.all = append(g.all, now.Sub(g.last))
					}
					g.last = now
					g.mu.Unlock()
				}
			}()
			t.Cleanup(func() { _ = c.media.Close(); <-done })
			return g
		case <-late:
			t.Fatal("heard nothing")
		}
	}
}

// over measures for d and returns the 99th percentile, and how many there were.
func (g *gaps) over(d time.Duration) (p99 time.Duration, n int) {
	g.mu.Lock()
	g.all = nil
	g.mu.Unlock()
	time.Sleep(d)
	g.mu.Lock()
	defer g.mu.Unlock()
	if n = len(g.all); n == 0 {
		return d, 0
	}
	slices.Sort(g.all)
	return g.all[n*99/100], n
}

// attacked measures a call of two before and while somebody does his worst, for
// every attack. On a machine with other work to do, sound is late without any
// attack: what there was before is allowed three times.
func attacked(t *testing.T, h *host.Host, attack func(stop <-chan struct{})) {
	t.Helper()
	i := inviteTo(t, h, "otter")
	a, b := call(t, h, i, "Anna", false), call(t, h, i, "Ben", false)
	a.sound(t)
	g := b.listen(t, a.ID())
	const span = 1500 * time.Millisecond
	before, _ := g.over(span)
	heap := heapInUse()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() { defer close(done); attack(stop) }()
	during, n := g.over(span)
	close(stop)
	<-done
	t.Logf("p99 gap %v before, %v during; %d packets; heap %d kB before, %d after", before.Round(time.Millisecond), during.Round(time.Millisecond), n, heap>>10, heapInUse()>>10)
	if during > max(100*time.Millisecond, 3*before) || n < 15 {
		t.Errorf("p99 of the gaps is %v, before the attack %v; %d packets came", during, before, n)
	}
	eventually(t, func() bool { return heapInUse() < heap+16<<20 })
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// steady sends a packet after the other, with a breath between bursts, from
// several addresses.
func steady(t *testing.T, to string, stop <-chan struct{}, packet func(n int) []byte) {
	var socks []net.Conn
	for range 4 {
		c, err := net.Dial("udp", to)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		socks = append(socks, c)
	}
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		_, _ = socks[n%len(socks)].Write(packet(n))
		if n%50 == 0 {
			time.Sleep(2 * time.Millisecond) // 25,000 a second at most
		}
	}
}

// TestRow21HostileOutsider floods the one port from outside with all that looks
// like something.
func TestRow21HostileOutsider(t *testing.T) {
	garbage := make([]byte, 1200)
	_, _ = rand.Read(garbage)
	binding := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername("nobody:knows"), stun.NewShortTermIntegrity("wrong"), stun.Fingerprint).Raw
	allocate := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest)).Raw
	hello := append([]byte{22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 60, 1}, garbage[:59]...)
	media := append([]byte{0x80, 111}, garbage[:160]...)
	all := [][]byte{garbage, binding, allocate, hello, media}
	t.Run("packets", func(t *testing.T) {
		h := start(t, host.Config{})
		attacked(t, h, func(stop <-chan struct{}) {
			steady(t, fmt.Sprintf("127.0.0.1:%d", h.Port()), stop, func(n int) []byte { return all[n/4%len(all)] })
		})
	})
	t.Run("connections", func(t *testing.T) {
		h := start(t, host.Config{})
		attacked(t, h, func(stop <-chan struct{}) {
			bomb := "GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 1<<20)
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-time.After(2 * time.Millisecond):
				}
				c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", h.Port()), time.Second)
				if err != nil {
					continue // it refuses, as it should
				}
				_ = c.SetDeadline(time.Now().Add(50 * time.Millisecond))
				_, _ = io.WriteString(c, []string{bomb, "\x16\x03\x01\x40\x00\x01", "\x00\x03", ""}[n%4])
				_ = c.Close()
			}
		})
	})
}

// TestRow22HostileMember lets a member in who then floods signaling and media
// with what it may send and what not.
func TestRow22HostileMember(t *testing.T) {
	for name, attack := range map[string]func(*testing.T, *caller, <-chan struct{}){
		"signaling": func(t *testing.T, m *caller, stop <-chan struct{}) {
			members := m.Members()
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-time.After(2 * time.Millisecond): // ten times what is let through; more costs this process, not the host
				}
				to := members[n%len(members)].ID
				body := []string{`{}`, `{"session":"` + strings.Repeat("x", 60000) + `"}`, `{"candidate":"candidate:1 1 udp 1 127.0.0.1 22 typ host"}`}[n%3]
				typ := []string{signal.TypeDescription, signal.TypeCandidate, signal.TypeRestart, "x-evidence"}[n%4]
				_ = m.Send(context.Background(), netstack.Envelope{Type: typ, To: to, Path: netstack.P2P, Body: []byte(body)})
			}
		},
		"media": func(t *testing.T, m *caller, stop <-chan struct{}) {
			track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "camera", string(m.ID()))
			if err != nil {
				t.Error(err)
				return
			}
			if err := m.media.Publish(track); err != nil {
				t.Error(err)
				return
			}
			payload := make([]byte, 1100)
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				_, _ = rand.Read(payload[:20]) // a VP8 header of anything
				_ = track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(n * 7), Timestamp: uint32(n) * 12345, Marker: n%2 == 0}, Payload: payload})
				if n%20 == 0 {
					time.Sleep(2 * time.Millisecond)
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t, host.Config{})
			m := call(t, h, inviteTo(t, h, "otter"), "Mallory", false)
			attacked(t, h, func(stop <-chan struct{}) { attack(t, m, stop) })
		})
	}
}
