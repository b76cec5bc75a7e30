// Package sframe encrypts media frames from member to member, as RFC 9605
// (SFrame) says, so that a server that forwards them can neither see nor change
// them. It knows keys and frames; who has which key is package e2ee's matter.
//
// The cipher suite is AES_128_GCM_SHA256_128 (0x0004). A frame is sealed whole,
// before it is cut into packets:
//
//	clear | SFrame header | ciphertext | tag
//
// clear is the start of the frame as it was, for the forwarding server: for VP8
// the 10 bytes of a key frame's header (frame type and size), or the 3 of
// another's (see Clear); for sound nothing. It is authenticated as SFrame's
// metadata, so it cannot be changed either; for sound, the metadata is the RTP
// timestamp (4 bytes, big-endian). The header names the key (KID) and
// counts frames (CTR). Sealing adds 18 to 23 bytes to a frame in the first days
// of a call: two to seven of header, 16 of tag.
//
// Every member has a secret of its own, under a number that grows by one with
// every new one. Four times that number, plus the layer (0 the whole picture, 1
// "~h", 2 "~q"), is the KID. Each layer of each track has its own SFrame key, of
//
//	base_key = HKDF-Expand(SHA-256, secret, "candid track " | name, 32)
//
// where name is the track's ID up to the first "~". So a frame is bound to who
// sent it and to which of their tracks it belongs: shown as anything else it does
// not open. No CTR is used twice with one key, and an Opener takes none twice,
// and those of a picture's layer in order only.
package sframe
