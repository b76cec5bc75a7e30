package relay_test

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"candid/netstack/relay"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

func TestRow18Quota(t *testing.T) {
	s := serve(t, relay.Config{Limits: relay.Limits{PerMember: 3, Total: 5}})
	a, b := s.issue(t, anna), s.issue(t, ben)
	var first net.PacketConn
	for i := range 3 {
		c, _ := s.allocate(t, []string{"udp", "tcp"}[i%2], a)
		if first == nil {
			first = c
		}
	}
	over := func(c relay.Credential, why string) {
		t.Helper()
		if _, err := s.dial(t, "udp", c).Allocate(); turnCode(err) != stun.CodeAllocQuotaReached {
			t.Errorf("%s: %v, want 486", why, err)
		}
	}
	over(a, "fourth of a member")
	s.allocate(t, "udp", b)
	s.allocate(t, "tcp", b)
	over(b, "sixth in all")
	_ = first.Close()
	eventually(t, func() bool { return s.Stats().Allocations == 4 })
	s.allocate(t, "udp", b)
	if got := s.Stats().Quota; got != 2 {
		t.Errorf("%d refused by quota, want 2", got)
	}
}

// Many allocations asked for at once do not slip past the quota.
func TestRow18QuotaAtOnce(t *testing.T) {
	s := serve(t, relay.Config{Limits: relay.Limits{PerMember: 5, MemberReplies: 1000}})
	c := s.issue(t, anna)
	var clients []*turn.Client
	for range 20 {
		clients = append(clients, s.dial(t, "tcp", c))
	}
	var wg sync.WaitGroup
	for _, cl := range clients {
		wg.Go(func() {
			if conn, err := cl.Allocate(); err == nil {
				t.Cleanup(func() { _ = conn.Close() })
			}
		})
	}
	wg.Wait()
	if got := s.Stats().Allocations; got != 5 {
		t.Errorf("%d allocations, want 5", got)
	}
}

// What a client does not use is taken back; what it does stays.
func TestRow18UnusedIsFreed(t *testing.T) {
	s := serve(t, relay.Config{Limits: relay.Limits{PerMember: 3, Unused: 500 * time.Millisecond}})
	cred := s.issue(t, anna)
	used, client := s.allocate(t, "udp", cred)
	peer, at := peerSocket(t)
	s.issue(t, ben)
	if err := s.Signaled(ben, at); err != nil {
		t.Fatal(err)
	}
	if err := client.CreatePermission(peer.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	s.allocate(t, "udp", cred)
	s.allocate(t, "tcp", cred)
	eventually(t, func() bool { return s.Stats().Allocations == 1 })
	time.Sleep(time.Second)
	send(t, used, "still here", peer.LocalAddr())
	receive(t, peer, "still here")
	s.allocate(t, "udp", cred)
}

// A stranger gets ten replies a second, however many he asks for.
func TestRow19RepliesAreBounded(t *testing.T) {
	c := newClock()
	s := serve(t, relay.Config{Now: c.Now})
	raw, err := net.Dial("udp", s.udp)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	alloc := stun.NewType(stun.MethodAllocate, stun.ClassRequest)
	forged := []stun.Setter{stun.NewUsername("x"), stun.NewRealm("candid"), stun.NewNonce("n"), stun.NewShortTermIntegrity("x")}
	const asked = 200
	count := func() (n int) {
		before := s.Stats().Silenced
		for i := range asked {
			m := []stun.Setter{stun.TransactionID, stun.BindingRequest}
			switch i % 3 {
			case 1:
				m[1] = alloc
			case 2:
				m[1] = alloc
				m = append(m, forged...)
			}
			if _, err := raw.Write(stun.MustBuild(m...).Raw); err != nil {
				t.Fatal(err)
			}
		}
		// All are either answered or not.
		eventually(t, func() bool {
			_ = raw.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
			if _, err := raw.Read(make([]byte, 1500)); err == nil {
				n++
			}
			return uint64(n)+s.Stats().Silenced-before == asked
		})
		return n
	}
	if n := count(); n != 10 {
		t.Errorf("%d replies to a stranger, want 10", n)
	}
	c.add(time.Second)
	if n := count(); n != 10 {
		t.Errorf("%d replies in the next second, want 10", n)
	}
	if got := s.Stats().Silenced; got != 380 {
		t.Errorf("%d silenced, want 380", got)
	}
	s.issue(t, anna) // a member signals from there
	if n := count(); n != 100 {
		t.Errorf("%d replies to a member's address, want 100", n)
	}
}

func TestRow20Policing(t *testing.T) {
	c := newClock()
	s := serve(t, relay.Config{Now: c.Now, Limits: relay.Limits{Bitrate: 8000, Burst: 2000}})
	peer, at := peerSocket(t)
	a, _ := s.allocate(t, "udp", s.issue(t, anna))
	s.issue(t, ben)
	if err := s.Signaled(ben, at); err != nil {
		t.Fatal(err)
	}
	packet := bytes.Repeat([]byte{1}, 500)
	round := func(sent, want uint64) {
		t.Helper()
		before := s.Stats().Up
		for range sent {
			if _, err := a.WriteTo(packet, peer.LocalAddr()); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, func() bool {
			now := s.Stats().Up
			return now.Packets+now.Policed-before.Packets-before.Policed == sent
		})
		if got := s.Stats().Up.Packets - before.Packets; got != want {
			t.Errorf("%d of %d packets passed, want %d", got, sent, want)
		}
	}
	round(20, 4) // the burst
	c.add(time.Second)
	round(20, 2) // 1000 bytes a second
	if m := s.Stats().Members[0]; m.Up.Policed != 34 || m.Up.Bytes != 3000 {
		t.Errorf("the member's counters: %+v", m.Up)
	}
}

func TestCandidateLimit(t *testing.T) {
	s := serve(t, relay.Config{Limits: relay.Limits{Candidates: 2}})
	s.issue(t, anna)
	for i, want := range []error{nil, nil, relay.ErrTooMany} {
		err := s.Signaled(anna, netip.AddrPortFrom(netip.MustParseAddr("8.8.8.8"), uint16(5000+i)))
		if !errors.Is(err, want) {
			t.Errorf("candidate %d: %v, want %v", i+1, err, want)
		}
	}
	if err := s.Signaled(anna, netip.MustParseAddrPort("8.8.8.8:5000")); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if err := s.Signaled(relay.Member{Room: "x", ID: "y"}, netip.MustParseAddrPort("8.8.8.8:5000")); err != nil {
		t.Errorf("of nobody: %v", err)
	}
}

// A TCP client that reads nothing loses its own media and holds up nobody.
func TestStalledClient(t *testing.T) {
	s := serve(t, relay.Config{Limits: relay.Limits{Bitrate: 1 << 40, Burst: 1 << 40}})
	a, _ := s.allocate(t, "udp", s.issue(t, anna))
	stalled, cb := s.allocate(t, "tcp", s.issue(t, ben))
	if err := cb.CreatePermission(a.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	cb.Close() // stops reading; the connection stays
	packet := bytes.Repeat([]byte{1}, 1000)
	for range 5000 {
		if _, err := a.WriteTo(packet, stalled.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.dial(t, "udp", relay.Credential{}).SendBindingRequest(); err != nil {
		t.Errorf("the relay does not answer others: %v", err)
	}
}
