package probe

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/pion/stun/v3"
)

const requestedUDP = 17

// allocated is what a TURN server gave.
type allocated struct {
	mapped, relayed netip.AddrPort
	rtt             time.Duration // of the first exchange
	reached         bool          // it answered, be it with an error
}

// allocate gets a relayed address (RFC 8656 section 7) and gives it back.
func allocate(ctx context.Context, ask exchange, user, pass string) (a allocated, err error) {
	transport := stun.RawAttribute{Type: stun.AttrRequestedTransport, Length: 4, Value: []byte{requestedUDP, 0, 0, 0}}
	allocateType := stun.NewType(stun.MethodAllocate, stun.ClassRequest)
	r, rtt, err := ask(ctx, stun.MustBuild(stun.TransactionID, allocateType, transport))
	if err != nil {
		return a, err
	}
	a.rtt, a.reached = rtt, true
	var auth []stun.Setter
	for try := 0; ; try++ {
		a.mapped, err = answered(r)
		var no *stunError
		if !errors.As(err, &no) || user == "" || try == 2 || no.code != 401 && no.code != 438 || try == 1 && no.code == 401 {
			break
		}
		if auth = proof(r, user, pass); auth == nil {
			return a, err
		}
		setters := append([]stun.Setter{stun.TransactionID, allocateType, transport}, auth...)
		m, berr := stun.Build(setters...)
		if berr != nil {
			return a, berr
		}
		if r, _, err = ask(ctx, m); err != nil {
			return a, err
		}
	}
	if err != nil {
		return a, err
	}
	var x stun.XORMappedAddress
	if err := x.GetFromAs(r, stun.AttrXORRelayedAddress); err == nil {
		a.relayed = toAddrPort(x.IP, x.Port)
	}
	if auth != nil {
		giveBack(ctx, ask, auth)
	}
	return a, nil
}

// proof makes the attributes of a long-term credential out of a 401's.
func proof(r *stun.Message, user, pass string) []stun.Setter {
	var realm stun.Realm
	var nonce stun.Nonce
	if realm.GetFrom(r) != nil || nonce.GetFrom(r) != nil {
		return nil
	}
	return []stun.Setter{stun.NewUsername(user), realm, nonce, stun.NewLongTermIntegrity(user, realm.String(), pass)}
}

// giveBackWait is for the answer that nobody needs: where it does not come, the
// allocation ends by itself.
const giveBackWait = 300 * time.Millisecond

func giveBack(ctx context.Context, ask exchange, auth []stun.Setter) {
	ctx, cancel := context.WithTimeout(ctx, giveBackWait)
	defer cancel()
	never := stun.RawAttribute{Type: stun.AttrLifetime, Length: 4, Value: make([]byte, 4)}
	m, err := stun.Build(append([]stun.Setter{stun.TransactionID, stun.NewType(stun.MethodRefresh, stun.ClassRequest), never}, auth...)...)
	if err == nil {
		_, _, _ = ask(ctx, m)
	}
}
