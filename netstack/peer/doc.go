// Package peer is one WebRTC connection to one other participant: negotiation,
// trickled candidates, keeping the path alive, and what can be known of it as
// events and samples. It does not know rooms: who is called, and when, is the
// owner's business (mesh: a Peer per participant; sfu and mcu: one to the host).
//
// # Messages
//
// The two sides talk through a [netstack.Signaler], which delivers once and in
// order. Every envelope carries the topology of its transport as Path and one
// of four Types; the Body is JSON. All bodies have two fields in common:
//
//	"session"  the sender's incarnation: a random string, new for each
//	           RTCPeerConnection it makes
//	"to"       the receiver's incarnation as the sender knows it; left out
//	           until it does
//
// A message whose "to" is not the receiver's own session is for an earlier
// incarnation and dropped. A "session" not seen before means that the other
// side began anew: so does the receiver, with a new RTCPeerConnection.
//
// "description", an offer or answer (RFC 9429), as RTCPeerConnection makes it.
// It need not list candidates, because all are trickled; ours does not:
//
//	{"type":"offer", "sdp":"v=0…", "n":1, "session":"…", "to":"…"}
//
// "n" numbers the sender's offers from 1; an answer repeats the n of the offer
// it answers. An offer with an n already seen is a repetition and ignored, an
// answer to anything but the newest offer too.
//
// "candidate", one trickled candidate (RFC 8838), as RTCIceCandidate.toJSON
// makes it; an empty "candidate" says that there are no more:
//
//	{"candidate":"candidate:…", "sdpMid":"a0", "sdpMLineIndex":0,
//	 "usernameFragment":"…", "session":"…", "to":"…"}
//
// "hello", sent by the polite side when it begins of its own accord: "I am
// here, make (or repeat) your offer", and the candidates with it:
//
//	{"session":"…"}
//
// "restart", a wish for an ICE restart:
//
//	{"why":"…", "session":"…", "to":"…"}
//
// # Negotiation
//
// Of two participants the one with the greater PeerID (bytewise) is impolite,
// the other polite. The impolite side makes the first offer. After that either
// side offers whenever its tracks change; when offers cross, the impolite side
// ignores the other's and the polite side gives up its own, answers, and offers
// again (perfect negotiation, W3C webrtc section 10.7).
//
// Only the impolite side restarts ICE, so restarts never cross. The polite
// side sends "restart" when it needs one. The impolite side, on mere suspicion,
// sends "restart" too, and the polite side sends it back: a restart stops media
// until the answer is here, so it is begun only when signaling has just shown
// that it works both ways. When the impolite side knows that its path is gone
// (its address is), it restarts at once.
package peer
