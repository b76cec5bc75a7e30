package signal

// Role is what a member may do in a room.
type Role string

// The roles.
const (
	Stranger Role = ""       // not joined yet
	Ordinary Role = "member" // joined with the room's secret
	Owner    Role = "owner"  // joined with the owner's: the host's own client
)

// allowed reports whether a client with this role may send messages of this
// type. It is the only place that decides so, and says no to what it does not
// know.
func allowed(r Role, typ string) bool {
	switch typ {
	case TypeJoin, TypeResume:
		return r == Stranger
	case TypeLeave, TypeState, TypePing, TypeAck, TypeChat:
		return r == Ordinary || r == Owner
	}
	return (r == Ordinary || r == Owner) && relayed(typ)
}
