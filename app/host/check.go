package host

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"net/netip"
	"time"

	"candid/netstack"
	"candid/netstack/relay"
	"candid/netstack/signal"

	"github.com/pion/webrtc/v4"
)

// CheckPath is where a program with an invite gets credentials for STUN and
// TURN without joining the room, to find out beforehand how a call will go:
// nobody in the room notices. It posts a CheckRequest and gets a CheckAnswer,
// 403 if no room opens by it, or 503 if too many check at once.
const CheckPath = "/check"

// CheckRequest is the body of a check. Secret opens Room, as in an invite.
type CheckRequest struct {
	Room   string `json:"room"`
	Secret string `json:"secret"`
}

// CheckAnswer are the servers to try, with credentials that last as long as a
// check does.
type CheckAnswer struct {
	Servers []webrtc.ICEServer `json:"servers"`
}

const (
	maxChecks    = 16               // at a time: each may allocate as much as a member
	checkFor     = 15 * time.Second // five times what one takes
	maxCheckBody = 4 << 10
)

// check answers at CheckPath. Secrets are 128 random bits: trying them is held
// back by the port's limits of connections alone.
func (h *Host) check(w http.ResponseWriter, r *http.Request) {
	var q CheckRequest
	if json.NewDecoder(http.MaxBytesReader(w, r.Body, maxCheckBody)).Decode(&q) != nil {
		http.Error(w, "not a check", http.StatusBadRequest)
		return
	}
	if !h.opens(q) {
		http.Error(w, "no room opens by this", http.StatusForbidden)
		return
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	id := relay.Member{Room: q.Room, ID: "check-" + rand.Text()}
	if err != nil || !h.begin(id) {
		http.Error(w, "too many checks at once", http.StatusServiceUnavailable)
		return
	}
	servers, _ := h.iceServers(signal.Visitor{Room: id.Room, ID: netstack.PeerID(id.ID), Remote: from.Addr().Unmap(), Host: r.Host})
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(CheckAnswer{servers}) // who is gone misses it
}

// opens reports whether a request names an open room with its secret. It takes
// the same time whichever of the two is wrong.
func (h *Host) opens(q CheckRequest) bool {
	h.mu.Lock()
	var k keys
	r, ok := h.rooms[q.Room]
	if ok {
		k = r.keys
	}
	h.mu.Unlock()
	got, guest, owner := sha256.Sum256([]byte(q.Secret)), sha256.Sum256([]byte(k.guest)), sha256.Sum256([]byte(k.owner))
	return subtle.ConstantTimeCompare(got[:], guest[:])|subtle.ConstantTimeCompare(got[:], owner[:]) == 1 && ok
}

// begin makes room for a check, and its end after a while.
func (h *Host) begin(id relay.Member) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rooms == nil || len(h.checks) == maxChecks {
		return false
	}
	if h.checks == nil {
		h.checks = make(map[relay.Member]*time.Timer)
	}
	h.checks[id] = time.AfterFunc(checkFor, func() {
		h.mu.Lock()
		delete(h.checks, id)
		h.mu.Unlock()
		h.relay.Revoke(id)
	})
	return true
}
