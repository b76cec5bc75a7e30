// Package e2ee agrees with every other member of a room, past the host, on the
// keys that media is sealed with (package sframe), and tells who the others are.
// It is a state machine: envelopes, members and the time go in, envelopes come
// out. It starts nothing and waits for nothing.
//
// # What it gives
//
// The host passes all messages on and may change, drop or invent any. It learns
// no secret, whatever it does as long as it does not stand between two members
// from their first message on. If it does stand between them, the words that the
// two can compare differ, but for one chance in 2^32. Whoever compared words
// once is known by a key of their own from then on, in any room on any host.
// Members see who is in the room by what the host says; everyone on that list,
// and nobody else, is given secrets.
//
// The keys of a past call cannot be had later from what was recorded and the
// members' long-lived keys (forward secrecy).
//
// # The protocol, version 1
//
// All messages are envelopes of type "x-key" from member to member, with no
// path, see package signal. The body is a JSON object of at most 2 KiB; bytes
// are base64 (RFC 4648 section 4). "step" says which one it is:
//
//	{"step":"commit", "version":1, "run":R}
//	{"step":"answer", "run":R, "key":Er, "nonce":Nr}
//	{"step":"reveal", "run":R, "key":Ei, "nonce":Ni, "sealed":…}
//	{"step":"auth",   "run":R, "sealed":…}
//	{"step":"secret", "run":R, "n":1, "sealed":…}
//	{"step":"got",    "run":R, "n":1, "sealed":…}
//	{"step":"hello"}
//
// Of two members the initiator is the one whose id is less, byte by byte. When
// it learns that the other is in the room it makes an X25519 key pair with
// public key Ei, and Ni, 32 random bytes, both for this run alone, and sends
// commit with
//
//	R = SHA-256("candid x-key 1 commit" | Ei | Ni)
//
// The responder makes Er and Nr of the same kind and sends answer. Only then
// does the initiator send reveal; the responder checks R. Neither takes a second
// answer or reveal for a run. So the initiator had chosen before it saw the
// responder's values, and the responder before it saw the initiator's: nobody in
// between can try values until the words come out right. Both compute
//
//	T   = SHA-256("candid x-key 1" | len(I) | I | len(J) | J | R | Er | Nr | Ei | Ni)
//	PRK = HKDF-Extract(SHA-256, salt T, X25519(Ei, Er))
//	Kir = HKDF-Expand(PRK, "initiator to responder", 32)
//	Kri = HKDF-Expand(PRK, "responder to initiator", 32)
//	W   = HKDF-Expand(PRK, "words", 4)
//
// where I and J are the ids of initiator and responder, each after its length in
// one byte. W picks four of the 256 words of this package, for people to
// compare.
//
// "sealed" is AES-256-GCM with the sender's key of the two, nonce n (12 bytes,
// big-endian) and additional data R | step. n is 0 in reveal and auth and grows
// with every message after; one that does not is refused. In reveal and auth
// lies JSON
//
//	{"identity":P, "signature":S}
//
// with the member's long-lived Ed25519 key P (seen by nobody but the other
// member) and S its signature of "candid x-key 1 initiator" | T, or
// "… responder" | T. In secret and got lies
//
//	{"kid":3, "secret":…}
//	{"kid":3}
//
// A secret is 32 random bytes, with a number that grows by one; package sframe
// says how frames are sealed with it. The receiver answers got; to who does not,
// the secret in use is given again every 3 seconds.
//
// A member gives the secret it uses to the first others. When another one has
// come (the run with it is complete) it makes a new secret, gives it to all, and
// uses it when all have answered got, or after a second. When one has left it
// does the same at once, without it, and waits for 200 ms at most. So a newcomer
// cannot open what was sent before it came, nor can who has left open what is
// sent after.
//
// hello asks the initiator to begin: the responder sends it when it hears
// nothing for 1.5 s, then seldomer, or when a message of a run comes that it
// does not know. A run that is not complete after 5 s is begun anew, with new
// values. At most one run a second is begun with a member. A run under way does
// not end the one before until it is complete.
package e2ee
