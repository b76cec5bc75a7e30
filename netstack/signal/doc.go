// Package signal is how the members of a room find each other and talk before,
// during and after there is media: [Server] for the host, [Client] for a
// member. It is the only importer of the websocket library. It knows members,
// names, plans and envelopes; what is inside an envelope from one member to
// another it only checks against limits.
//
// This comment is the protocol, version 1. It and the comment of package peer
// are all that another client needs, in a browser or anywhere else.
//
// # Definitions
//
//   - host: the program that runs the server; the peer id "host" addresses it.
//   - room: a name and a secret; made by the host, not by clients.
//   - member: a participant in a room, known by an id that the host gives it.
//     It is connected or not; not connected means "not responding".
//   - connection: one websocket. session: one stay of a member in a room, over
//     any number of connections, one at a time.
//   - invite: a candid:// link, see package invite. It holds the host's
//     addresses, the room, its secret, and the pin: the SHA-256 of the host's
//     public key.
//
// # Connecting
//
// The client makes a TLS 1.3 connection to one of the invite's addresses (it
// should try all of them, the next 150 ms after the one before, and keep the
// first that succeeds). It verifies the pin: SHA-256 of the certificate's
// SubjectPublicKeyInfo, and nothing else; the certificate is self-made. With
// the wrong pin it sends nothing and closes. ALPN, if used, is "http/1.1".
//
// On it, a websocket (RFC 6455) for the path /signal with the subprotocol
// candid.1. There is no compression. A browser's Origin must be the host
// itself. Before the upgrade, status 429 means too many connections from this
// address, 503 too many in all.
//
// Every message is one text message holding one JSON object, UTF-8, nested at
// most 16 deep:
//
//	{
//	  "seq":  17,              // number of this message, see Delivery
//	  "ack":  12,              // highest seq received, see Delivery
//	  "type": "description",   // letters, digits, "-", "_", "."
//	  "from": "mfrggzdfmztwq2lk", // member it is from; set by the server
//	  "to":   "host",          // member it is for, or "host"
//	  "path": "P2P",           // the transport it is for: P2P, SFU or MCU
//	  "n":    5,               // see Delivery
//	  "body": { … }            // by type, below
//	}
//
// Only type is always there. Unknown fields are ignored, and so are, by
// clients, unknown types.
//
// # Joining
//
// The client speaks first, within 10 seconds, with join, rehearse or resume. Neither is
// numbered, nor are their answers.
//
// join, client to server:
//
//	{
//	  "version": 1,
//	  "room": "otter", "secret": "kJv0…",
//	  "key": "Zm9v…",          // 22 to 64 letters, digits, "-", "_", ".":
//	                           // at least 128 random bits of the client's own
//	  "name": "Anna",
//	  "state": { },            // as in state, below
//	  "capabilities": {
//	    "client": "candid 1.0",
//	    "paths": ["P2P"],      // transports the client has; none: P2P
//	    "codecs": ["video/VP8", "audio/opus"], // what it decodes
//	    "canHost": false
//	  }
//	}
//
// The key gives the client its id: whoever joins with the same key gets the
// same id, also from a host that was restarted. If a member with this id is in
// the room, the newcomer takes its place. Make a new key for each stay.
//
// welcome, server to client, if it may:
//
//	{
//	  "version": 1,
//	  "id": "mfrggzdfmztwq2lk", // you
//	  "token": "q83v…",         // for resume; a secret
//	  "members": [ {            // in order of joining, yourself included
//	    "id": "…",
//	    "name": "Anna (2)",     // cleaned, and made unlike the others'
//	    "role": "member",       // or "moderator", or "owner": the host's own client
//	    "state": { … }, "capabilities": { … },
//	    "hand": 1,              // place in the row of raised hands; missing: down
//	    "forced": "SFU",        // the path it chose for itself; missing: none
//	    "connected": true
//	  } ],
//	  "gone": [ "…" ],          // have left on purpose: nobody need wait for them
//	  "servers": [ { "urls": ["turn:…"], "username": "…", "credential": "…" } ],
//	                            // RTCIceServer; the credentials are yours alone
//	  "plan": {                 // the paths through the room, and why
//	    "revision": 3,
//	    "why": "Everyone is connected directly.",
//	    "paths": { "mfrg…": { "topology": "P2P", "why": "…" } }
//	  },
//	  "room": { … },            // as in room, below
//	  "chat": [ { "from": "…", "name": "Anna", "text": "…", "at": "…", "line": 7 } ],
//	                            // what was said before: the newest 100 lines, or
//	                            // 64 KiB, oldest first. "line" numbers the lines
//	                            // of one epoch
//	  "epoch": "Yx0…",          // another one: the host was restarted
//	  "resume": 60              // seconds a lost connection may take to resume
//	}
//
// waiting, server to client, in its stead if the room has a lobby: a moderator
// must let the client in. Until then it may send leave, ping and ack, and
// welcome or refused follows when it pleases the moderator. Whose connection is
// lost meanwhile joins again.
//
//	{ }
//
// refused, server to client, if not:
//
//	{ "code": "denied", "message": "for people", "after": 60, "version": 1 }
//
// The codes: denied (no such room, or wrong secret; the same answer in the same
// time), full, version ("version" is the host's), wait (too many wrong secrets
// from this address, "after" seconds), removed, closed (the room just was),
// locked (nobody new comes in), not-let-in (from the lobby), expired (the
// secret was for a time, or so many people), moved ("invite" leads to where the
// room is now), gone (see Resuming), malformed. After all of them but gone the server closes.
//
// # Rehearsing
//
// rehearse, in the stead of join and with the same body, is for a client that
// wants to know beforehand which way a call will take. The answer is welcome,
// without token and chat, or refused where joining would not lead in at once.
// The client is no member: nobody is told of it, no use of the secret is
// counted, and it is told of nothing. Its id begins with "rehearsal-", as no
// member's does. For 20 seconds it may send description, candidate, hello and
// restart to members, and leave, ping and ack; what members send to its id
// reaches it. Then the server closes with 1000. A room has 4 of them at a time;
// more are refused with full.
//
// A member that is sent such a message answers as package peer says, on a
// connection without media that it shows to nobody and ends after 20 seconds,
// or does not answer. By its own choice it may leave addresses out, as always.
//
// # In the room
//
// Everything below is numbered, but for ping, pong, ack, moved and closed.
//
// joined and changed, server to client: someone is new, or is other than
// before. The body is a member, as in welcome. changed comes also for oneself.
//
// left, server to client:
//
//	{ "id": "…", "why": "left", "said": "must go" }
//
// why is left (said so), lost (did not come back in time), removed, replaced
// (joined again), too-slow (did not take its messages) or fault (broke the
// protocol).
//
// plan and servers, server to client: a new plan, with a higher revision; new
// ICE servers, sent before the credentials of the old ones expire:
//
//	{ "revision": 4, "why": "…", "paths": { … } }
//	{ "servers": [ … ] }
//
// state, client to server: what the client is like now. Missing means false:
//
//	{ "muted": true, "cameraOff": false, "sharing": false, "handRaised": false }
//
// chat, both ways; the server cleans the text, adds the rest, and sends it to
// everyone, the sender included, in one order:
//
//	{ "text": "hello", "name": "Anna", "at": "2026-11-21T08:00:00Z", "line": 8 }
//
// room, server to client: what the room is like now. Who waits is told to
// moderators and the owner only.
//
//	{
//	  "locked": false, "lobby": true,
//	  "endToEnd": true,        // media is encrypted from member to member; when
//	                           // the invite says so and this not, clients leave
//	  "forced": "SFU",         // the path chosen for all; missing: none
//	  "waiting": [ { "id": "…", "name": "Carla", "since": "2026-…" } ]
//	}
//
// force, client to server: the path this client wants for itself; "auto" leaves
// it to the room. What it gets, and why, is in the plan.
//
//	{ "topology": "SFU" }
//
// lock, unlock, lobby-on, lobby-off, mute-all, without a body; admit, deny,
// mute, remove, lower-hand, make-moderator, with the member in question;
// force-room, with a topology as in force: from moderators and the owner.
// hand-over: from the owner, whose host then gives the room to the host of that
// member, see package host. Others get the error not-allowed.
//
//	{ "peer": "…" }
//
// mute and lower-hand go on to the member, "from" the moderator, without a
// body. Nobody is muted by the server: a client does as it is asked, and its
// user may unmute. Who was removed does not come back under this id, and who
// comes from the same address waits to be let in.
//
// x-tools, between a moderator and netstack.HostID: may other programs (WHIP and
// WHEP) come in? To the host: {"open": true} or false, or {} to be told. From the
// host, to everyone who joins and when it changes; all but "open" for moderators:
//
//	{ "open": true, "publish": "https://…", "watch": "https://…", "token": "…" }
//
// moved, server to client, not numbered: the room is at another host from now
// on, under the same name. The client joins there with the same key, and so has
// the same id; the rest is as after a restart of the host.
//
//	{ "invite": "candid://…" }
//
// description, candidate, hello, restart, and all types that begin with "x-":
// from a member to the member, or the host, named in "to". The server sets
// "from" and passes the rest on as it is. Bodies are JSEP: description holds
// RTCSessionDescriptionInit ("type", "sdp"), candidate RTCIceCandidateInit
// ("candidate", "sdpMid", "sdpMLineIndex", "usernameFragment"); package peer
// says what else, and when to send them. A message for a member who is not
// connected is kept until it is. An IP address is known to the host's relay
// only after a candidate or description named it. x-evidence is what the
// sender's network is like, without any address: package verdict's Evidence.
//
// error, server to client: a message was not handled.
//
//	{ "code": "no-such-member", "message": "for people", "type": "candidate", "to": "…" }
//
// The codes: malformed, unknown-type, not-allowed, no-such-member, limit.
//
// leave, client to server: the last message. The server closes with 1000.
//
//	{ "said": "must go" }    // may be empty
//
// closed, server to client, not numbered: the end. code is closed (the room is
// gone: do not come back) or removed (you are).
//
//	{ "why": "for people", "code": "closed" }
//
// ping, client to server, not numbered; pong is the answer, with the same body:
// for clients that do not see the websocket's own pings.
//
// # Delivery
//
// Each side numbers its messages from 1 in "seq" and keeps them until they are
// acknowledged. Every message may carry "ack", the highest number received and
// handled; if there is nothing else to send, after 100 ms or 16 messages, the
// message {"type":"ack","ack":12} does. A message whose number was had already
// is dropped. A gap is a protocol error.
//
// "n" is a number that a client puts on description, candidate, hello, restart,
// chat and x-… messages: it grows with every one, over all its sessions. The
// server passes it on. A receiver drops a message whose n is not greater than
// the greatest it had from this sender: after a restart of the host, a sender
// cannot know what the old host had still delivered, and sends again.
//
// # Resuming
//
// When a connection is lost, the client makes a new one and sends, as its first
// message, resume:
//
//	{
//	  "version": 1, "room": "otter",
//	  "id": "mfrggzdfmztwq2lk", "token": "q83v…",
//	  "attempt": 2,            // greater than in any resume before
//	  "received": 41           // highest seq received
//	}
//
// resumed, server to client:
//
//	{ "received": 17 }         // highest seq received from you
//
// Then both sides send again what the other has not received, with the same
// numbers, and go on. The others saw the member as not connected in between,
// and nothing else.
//
// If the session is over (60 seconds have passed, or the host was restarted)
// the answer is refused with code gone. The connection stays open for a join,
// with the same key. Numbers begin at 1 again on both sides; what was not
// acknowledged is sent again with new ones, unless the last connection ended
// with 4002 or 4500: then what was sent on it is dropped, so that what the host
// cannot bear does not come again and again. If the epoch is another, the host
// was restarted, and the other members are on their way back, too: wait for
// them (we do for 20 seconds) before you take their absence from the roster for
// their leaving. Media between members does not depend on any of this.
//
// A client waits 0, 0.3, 1.2, 2.7, 4.8 and then 7 seconds between attempts, and
// begins anew once a connection has held for 5 seconds.
//
// # Life signs
//
// The server sends a websocket ping every 1.5 seconds. A member that is silent
// for 4 seconds is shown as not connected, and its connection is cut after 25;
// likewise, after 2 seconds, if it acknowledges nothing while 256 messages are
// under way. A client that hears nothing for 5 seconds should reconnect.
//
// # Limits
//
// To the server: 64 KiB a message, which must be whole 15 seconds after it has
// begun; 100 messages and 256 KiB a second on average, a state counting for 10
// and a chat for 20 (who is faster is read more slowly, not cut); chat 4000
// bytes; name 32 letters; SDP 64 KiB with 64 m-lines; 64 candidates of 512
// bytes to each other member after each description. To clients: 256 KiB a
// message. Waiting for one member: 1024 messages or 1 MiB in all, 256 messages
// of one sender; who exceeds the former is removed, the latter is refused. One
// address (IPv6: a /64) has 20 connections, 10 of them not yet joined, and 5
// wrong secrets a minute, then a pause of 1, 2, 4 … 15 minutes.
//
// # Close codes
//
//	1000  after leave
//	1009  message too big
//	4000  the room is closed; closed came before
//	4001  refused; refused came before
//	4002  protocol error: nonsense for the tenth time, a wrong number
//	4003  too slow: too much was waiting
//	4004  replaced by a newer connection of the same member
//	4005  removed; closed came before
//	4006  the room moved; moved came before
//	4500  internal error; join anew
//
// After 4000, 4004 and 4005 a client does not try again, nor after 4001 unless
// the code was full, wait or moved. A connection that ends in any other way is lost:
// resume.
package signal
