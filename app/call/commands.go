package call

import (
	"slices"

	"candid/netstack"
)

// This file is what a person can ask for in a call, beside muting and leaving.

// SetTile says how large a member's picture is shown, in pixels; see ui.Call.
func (s *Session) SetTile(id netstack.PeerID, height int, pinned bool) {
	s.post(func() { s.room.paths.setTile(id, tile{max(height, 0), pinned}) })
}

// Chat sends a line of text to everyone; it comes back as ChatReceived.
func (s *Session) Chat(text string) {
	if err := s.client.Chat(text); err != nil {
		s.post(func() { s.room.tell(Noticed{Text: "The message was not sent: " + err.Error(), Bad: true}) })
	}
}

// RaiseHand raises or lowers this member's hand.
func (s *Session) RaiseHand(up bool) {
	s.post(func() {
		s.room.said.HandRaised = up
		s.room.say()
	})
}

// Moderate does what only moderators may.
func (s *Session) Moderate(o Order) { s.post(func() { s.room.moderate(o) }) }

// Outgoing is what is sent, as its encoders make it.
func (s *Session) Outgoing() []Outgoing {
	out := s.video.Outgoing()
	if screen := s.screen.Load(); screen != nil {
		out = append(out, screen.Outgoing()...)
	}
	return out
}

// SetInvite changes the invite to give to others: this program hosts the room,
// and is reached in one more way.
func (s *Session) SetInvite(link string) {
	s.post(func() {
		h := &s.room.house
		if !h.hosted || h.link == link {
			return
		}
		h.link = link
		s.room.tell(RoomChanged{})
		s.room.tell(Noticed{Text: "The invite is another now: by it, people outside your network reach you, too."})
	})
}

// PathChanges are the changes of path so far, oldest first.
func (s *Session) PathChanges() []PathChange { return *s.changes.Load() }

// Force chooses this member's path; Auto leaves it to the room.
func (s *Session) Force(t netstack.Topology) { s.post(func() { s.room.force(t) }) }

// ForceRoom chooses everyone's path; Auto leaves it to the room.
func (s *Session) ForceRoom(t netstack.Topology) { s.post(func() { s.room.forceRoom(t) }) }

// SafetyWords are what this member and another can compare.
func (s *Session) SafetyWords(id netstack.PeerID) []string {
	return slices.Clone((*s.words.Load())[id])
}

// SetVerified remembers that the words were the same, or were not.
func (s *Session) SetVerified(id netstack.PeerID, same bool) {
	s.post(func() {
		if o := s.room.find(id); o != nil && s.room.crypt != nil {
			s.room.crypt.verify(o, same)
		}
	})
}
