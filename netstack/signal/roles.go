package signal

// Role is what a member may do in a room.
type Role string

// The roles.
const (
	RoleNone   Role = "" // not joined yet
	RoleMember Role = "member"
)

// allowed reports whether a client with this role may send messages of this
// type. It is the only place that decides so, and says no to what it does not
// know.
func allowed(r Role, typ string) bool {
	switch typ {
	case TypeJoin, TypeResume:
		return r == RoleNone
	case TypeLeave, TypeState, TypePing, TypeAck, TypeChat:
		return r == RoleMember
	}
	return r == RoleMember && relayed(typ)
}
