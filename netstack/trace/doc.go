// Package trace is the flight recorder: every fact of a call, in order, to a
// file and back. It stores what it is told and knows the events of package
// netstack; what the records of other packages mean, they know themselves.
//
// # What is never in a trace
//
// Picture, sound and chat are not told to it. Members of a body whose name says
// that they hold a secret (credential, password, token, secret, sdp, ufrag, …)
// are left out, and invite links and passwords inside of texts are replaced, at
// writing time: see scrub. Names and addresses are kept, because a trace without
// them explains little; Redact replaces them before a trace is given away.
//
// # The format, version 1
//
// A trace is a row of blocks. Every block is a whole gzip member (RFC 1952), so
// that any gzip can unpack a trace, and holds lines of JSON. A block can be read
// without those before it. Its gzip header has one extra field, "Cd":
//
//	8 bytes  the sync mark 9e 43 61 6e 64 69 64 e9
//	8 bytes  the number of the block, big endian, counting from 0
//	8 bytes  the time of its first record, Unix time in ns, big endian
//
// so that blocks are found by looking for the mark: an index of time comes from
// the headers alone, and behind damage reading goes on with the next block. The
// deflate stream is flushed every second. A file cut anywhere is readable up to
// the last flush before the cut.
//
// The first line of a block repeats the header of the trace:
//
//	{"trace":1,"program":"Candid 0.1.0","start":"2026-11-21T09:00:00Z","block":0}
//
// Every other line is a record. "k" is its kind, "t" its time, Unix time in ns:
//
//	{"k":"restarted","t":…,"b":{…}}                   a fact
//	{"k":"line","i":"anna","t":…,"v":{…}}             the value of a stream
//	{"k":"line","i":"anna","t":…,"d":{…}}             how it changed
//	{"k":"line","i":"anna","t":…,"e":true}            its end
//
// A stream is named by its kind and key ("i"), and is a row of values of which
// only what changed is written. A stream with "keep":true is a state: no value of
// it is ever thinned; the others are samples. A block begins with the newest value
// of every stream there is, marked "again":true. Kinds that a reader does not
// know are for it to skip; those of this package begin with "trace-".
//
// A change ("d") follows the shape of the value. An object in it edits members
// of an object, or elements of an array by their index; an array with one element
// replaces what was there by that element; an empty array removes the member; "#"
// shortens an array to that length; anything else is the new value itself:
//
//	{"a":1,"b":{"c":[1,2]}}  with  {"a":[],"b":{"c":{"0":7,"2":3}}}  is  {"b":{"c":[7,2,3]}}
//
// # Size
//
// A trace has a greatest size. When it is reached, the file is written anew and
// takes the place of the old one at once: all facts and states stay, samples of
// the last minutes stay, of the older ones one in ten seconds does, then one a
// minute, then one in ten minutes, until the file is half as large as it may be.
// Only a flood of facts makes facts go, the oldest first. What was thinned or
// lost is a record itself.
package trace
