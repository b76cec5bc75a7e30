package signal

// Role is what a member may do in a room.
type Role string

// The roles.
const (
	Stranger   Role = ""          // not joined yet
	Waiting    Role = "waiting"   // in the lobby
	Rehearsing Role = "rehearsal" // tries the line, and is no member
	Ordinary   Role = "member"    // joined with the room's secret
	Moderator  Role = "moderator" // made one by another
	Owner      Role = "owner"     // joined with the owner's secret: the host's own client
)

// Moderates reports whether the role has a say over the room.
func (r Role) Moderates() bool { return r == Moderator || r == Owner }

// allowed reports whether a client with this role may send messages of this
// type. It is the only place that decides so, and says no to what it does not
// know.
func allowed(r Role, typ string) bool {
	inside := r == Ordinary || r.Moderates()
	switch typ {
	case TypeJoin, TypeRehearse, TypeResume:
		return r == Stranger
	case TypeLeave, TypePing, TypeAck:
		return inside || r == Waiting || r == Rehearsing
	case TypeState, TypeChat, TypeForce:
		return inside
	case TypeLock, TypeUnlock, TypeLobbyOn, TypeLobbyOff, TypeAdmit, TypeDeny, TypeMute, TypeMuteAll, TypeRemove,
		TypeLowerHand, TypeMakeModerator, TypeForceRoom:
		return r.Moderates()
	case TypeHandOver:
		return r == Owner
	case TypeDescription, TypeCandidate, TypeHello, TypeRestart:
		return inside || r == Rehearsing
	}
	return inside && relayed(typ)
}
