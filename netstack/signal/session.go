package signal

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pion/webrtc/v4"

	"candid/netstack"
)

// session is one member in a room, over all its connections. It is touched
// only on the room's loop, but for out and received.
type session struct {
	Member
	room   *room
	remote netip.Addr
	host   string
	token  string
	guest  bool // has no connection; see Server.AddGuest
	// attempt is the number of the last resume: a resume that is replayed has
	// an old one.
	attempt uint64

	out      *outbox
	received atomic.Uint64 // highest number of the member's messages handled

	sock   *socket   // nil while away
	lostAt time.Time // since when
	sweeps int
	renew  time.Time // when to send new ICE servers; zero: never

	since  time.Time // waiting in the lobby, or rehearsing
	raised uint64    // number of its raised hand; 0: down

	candidates map[netstack.PeerID]int // to each member, since the last description
}

// newSession makes a session of a join. The id follows from the client's key,
// so that the client keeps it over a restart of the host, and nobody without
// the key can take it.
func newSession(b joinBody, remote netip.Addr, host string) *session {
	sum := sha256.Sum256([]byte("candid member\x00" + b.Room + "\x00" + b.Key))
	id := strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
	token := make([]byte, 16)
	_, _ = rand.Read(token)
	return &session{
		Member: Member{
			ID: netstack.PeerID(id), Name: cleanName(b.Name), State: b.State, Capabilities: b.Capabilities.bounded(),
		},
		remote: remote, host: host,
		token:      base64.RawURLEncoding.EncodeToString(token),
		out:        &outbox{},
		candidates: make(map[netstack.PeerID]int),
	}
}

// bounded cuts what a client says of itself to a size fit for everyone.
func (c Capabilities) bounded() Capabilities {
	c.Client = cut(cleanText(c.Client, false), 64, 64)
	c.Paths = c.Paths[:min(len(c.Paths), 8)]
	c.Codecs = c.Codecs[:min(len(c.Codecs), 16)]
	for i, s := range c.Codecs {
		c.Codecs[i] = cut(cleanText(s, false), 32, 32)
	}
	return c
}

// resumes reports whether a resume is genuine and new.
func (m *session) resumes(b resumeBody) bool {
	same := subtle.ConstantTimeCompare([]byte(b.Token), []byte(m.token)) == 1
	return same && b.Attempt > m.attempt
}

// countCandidates reports whether a member may send these candidates.
func (m *session) countCandidates(to netstack.PeerID, f found) bool {
	if f.description {
		m.candidates[to] = f.candidates
	} else if f.candidates > 0 {
		if m.candidates[to]+f.candidates > maxCandidates {
			return false
		}
		m.candidates[to] += f.candidates
	}
	return true
}

// servers asks for the member's ICE servers, and notes when to ask again: well
// before they expire.
func (m *session) servers(now time.Time) []webrtc.ICEServer {
	hook := m.room.server.cfg.ICEServers
	if hook == nil {
		return nil
	}
	list, valid := hook(m.visitor())
	m.renew = time.Time{}
	if valid > 0 {
		m.renew = now.Add(valid * 3 / 4)
	}
	return list
}

func (m *session) visitor() Visitor {
	return Visitor{Room: m.room.name, ID: m.ID, Name: m.Name, Remote: m.remote, Host: m.host, Paths: m.Capabilities.Paths}
}
