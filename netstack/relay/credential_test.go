package relay_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"candid/netstack/relay"

	"github.com/pion/stun/v4"
)

func TestRow16WrongCredentials(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		s := serve(t, relay.Config{})
		good := s.issue(t, anna)
		for _, tc := range []struct {
			name string
			c    relay.Credential
		}{
			{"no user", relay.Credential{}},
			{"unknown user", relay.Credential{Username: "x", Password: good.Password}},
			{"wrong password", relay.Credential{Username: good.Username, Password: "x"}},
		} {
			_, err := s.dial(t, network, tc.c).Allocate()
			if code := turnCode(err); code != stun.CodeUnauthorized {
				t.Errorf("%s over %s: %v, want 401", tc.name, network, err)
			}
		}
		if st := s.Stats(); st.AuthFailed != 3 || st.Allocations != 0 {
			t.Errorf("%d failures and %d allocations counted", st.AuthFailed, st.Allocations)
		}
	}
}

func turnCode(err error) stun.ErrorCode {
	var e *stun.TurnError
	if errors.As(err, &e) {
		return e.ErrorCodeAttr.Code
	}
	return 0
}

// A credential's time counts for new allocations only: a call may last.
func TestRow17Expiry(t *testing.T) {
	c := newClock()
	s := serve(t, relay.Config{Now: c.Now, Limits: relay.Limits{TTL: time.Minute}})
	cred := s.issue(t, anna)
	a, cl := s.allocate(t, "udp", cred)
	peer, at := peerSocket(t)
	s.issue(t, ben)
	if err := s.Signaled(ben, at); err != nil {
		t.Fatal(err)
	}
	c.add(3 * time.Minute)
	if _, err := s.dial(t, "udp", cred).Allocate(); turnCode(err) != stun.CodeUnauthorized {
		t.Errorf("new allocation with an expired credential: %v, want 401", err)
	}
	if err := cl.CreatePermission(peer.LocalAddr()); err != nil {
		t.Errorf("permission in a call longer than the credential: %v", err)
	}
	send(t, a, "still here", peer.LocalAddr())
	receive(t, peer, "still here")
	renewed := s.issue(t, anna)
	s.allocate(t, "udp", renewed)
}

// A member may be removed while he asks for permissions: the relay goes on.
func TestRow16RevokeWhilePermitting(t *testing.T) {
	s := serve(t, relay.Config{})
	s.issue(t, ben)
	var peers []net.Addr
	for i := range 60 {
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{8, 8, 4, byte(i + 1)}), 5000)
		if err := s.Signaled(ben, at); err != nil {
			t.Fatal(err)
		}
		peers = append(peers, net.UDPAddrFromAddrPort(at))
	}
	for i := range 200 {
		m := relay.Member{Room: anna.Room, ID: fmt.Sprint("member-", i)}
		cl := s.dial(t, []string{"udp", "tcp"}[i%2], s.issue(t, m))
		conn, err := cl.Allocate()
		if err != nil {
			t.Fatal(err)
		}
		go func() { _ = cl.CreatePermission(peers...) }()
		time.Sleep(time.Duration(rand.IntN(250)) * time.Microsecond)
		s.Revoke(m)
		_ = conn.Close() // it is gone
		cl.Close()
	}
	eventually(t, func() bool { return s.Stats().Allocations == 0 })
}

func TestRow16Revoke(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		s := serve(t, relay.Config{})
		cred := s.issue(t, anna)
		a, _ := s.allocate(t, network, cred)
		b, cb := s.allocate(t, "udp", s.issue(t, ben))
		if err := cb.CreatePermission(a.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		send(t, a, "before", b.LocalAddr())
		receive(t, b, "before")
		s.Revoke(anna)
		s.Revoke(anna) // again does no harm
		eventually(t, func() bool { return s.Stats().Allocations == 1 })
		_, _ = a.WriteTo([]byte("after"), b.LocalAddr())
		if _, err := s.dial(t, "udp", relay.Credential{}).SendBindingRequest(); err != nil {
			t.Fatal(err)
		}
		_ = b.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if n, _, err := b.ReadFrom(make([]byte, 100)); err == nil {
			t.Errorf("%s: %d bytes relayed for a member who left", network, n)
		}
		if _, err := s.dial(t, "udp", cred).Allocate(); turnCode(err) != stun.CodeUnauthorized {
			t.Errorf("%s: allocate after leaving: %v, want 401", network, err)
		}
		if st := s.Stats(); len(st.Members) != 1 || st.Members[0].Member != ben {
			t.Errorf("members left: %v", st.Members)
		}
	}
}
