// Package invite reads and writes candid:// links, by which one person lets
// another into a room:
//
//	candid://192.168.1.20:7788/otter?a=203.0.113.5:7788#t=kJv0…&pin=3xQe…
//
// The authority is one address of the host, every "a" of the query another;
// all lead to the same host, and a client tries them all. The path is the
// room. The fragment holds what must stay secret, because a program that opens
// a link as a web address never sends or logs the fragment: "t" is the secret
// that opens the room, "pin" the SHA-256 of the host certificate's public key
// (SubjectPublicKeyInfo), base64url without padding, by which the host is
// known. "ca=1" may stand in its place if the first address is a DNS name: the
// host is then known by a certificate for that name, from an authority that the
// client's computer trusts. "e2e=1" there says that media in the room is encrypted from member to
// member: who joins by such a link sends none that is not, whatever the host
// says. Other parameters are reserved and ignored.
package invite

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
)

// Scheme is the scheme of an invite.
const Scheme = "candid"

// DefaultPort is meant where an address names none.
const DefaultPort = 7788

// Limits of an invite. A QR code of 200 characters is still easy to scan.
const (
	MaxLength    = 2048 // of the link, in bytes
	MaxAddresses = 8
	MaxRoom      = 64  // bytes
	MaxSecret    = 128 // bytes
	MinSecret    = 16  // bytes; NewSecret makes 22, which hold 128 bits
)

// Pin is the SHA-256 of a certificate's SubjectPublicKeyInfo.
type Pin [32]byte

// String returns the pin as it stands in a link.
func (p Pin) String() string { return base64.RawURLEncoding.EncodeToString(p[:]) }

// Invite is what someone needs to know to join a room.
type Invite struct {
	// Addresses are host:port, the best first: IP addresses (IPv6 in
	// brackets) and names, mDNS names included.
	Addresses []string
	Room      string
	Secret    string // A-Z a-z 0-9 - . _ ~
	Pin       Pin
	// EndToEnd: media must be encrypted from member to member. False leaves it
	// to what the host says of the room.
	EndToEnd bool
	// ByName: the host is known by a certificate for the name of its first
	// address, and not by Pin.
	ByName bool
}

// Name is the DNS name the host's certificate must be for; empty: it is known by
// Pin.
func (i Invite) Name() string {
	if !i.ByName || len(i.Addresses) == 0 {
		return ""
	}
	return i.Addresses[0][:max(0, strings.LastIndexByte(i.Addresses[0], ':'))]
}

// NewSecret returns 128 random bits.
func NewSecret() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails: it crashes the program instead
	return base64.RawURLEncoding.EncodeToString(b)
}

// String returns the link. It holds the secret: use Redacted for logs.
func (i Invite) String() string {
	var b strings.Builder
	b.WriteString(Scheme + "://")
	for n, a := range i.Addresses {
		switch n {
		case 0:
			b.WriteString(a + "/" + url.PathEscape(i.Room))
		case 1:
			b.WriteString("?a=" + a)
		default:
			b.WriteString("&a=" + a)
		}
	}
	b.WriteString("#t=" + i.Secret)
	if i.EndToEnd {
		b.WriteString("&e2e=1")
	}
	if i.ByName {
		b.WriteString("&ca=1")
	} else {
		b.WriteString("&pin=" + i.Pin.String())
	}
	return b.String()
}

// Redacted returns what a log may hold: nothing that says where, to whom or
// how, but enough to tell two invites apart.
func (i Invite) Redacted() string {
	return fmt.Sprintf("%s://(%d addresses)#pin=%.6s…", Scheme, len(i.Addresses), i.Pin)
}

// LogValue is Redacted.
func (i Invite) LogValue() slog.Value { return slog.StringValue(i.Redacted()) }

// Equal reports whether two invites say the same.
func (i Invite) Equal(j Invite) bool {
	return i.Room == j.Room && i.Secret == j.Secret && i.Pin == j.Pin && i.EndToEnd == j.EndToEnd && i.ByName == j.ByName && slices.Equal(i.Addresses, j.Addresses)
}

// Check returns an *Error for an invite that String would write but Parse
// would refuse.
func (i Invite) Check() error {
	j, err := Parse(i.String())
	if err == nil && !i.Equal(j) {
		// An address that is not in its shortest form, or given twice.
		err = fail(BadAddress, strings.Join(i.Addresses, " "))
	}
	return err
}
