package ui

import (
	"context"
	"time"

	"candid/app/call"
	"candid/app/config"
	"candid/app/replay"
	"candid/media"
	"candid/netstack"
)

// Engine is what the window drives: everything behind it. Package app
// implements it over the real studio, host and call; tests and screenshots use
// one that is scripted. Its methods may be called on the main goroutine: none
// of them blocks, but those that take a Context, which the window calls on a
// goroutine of its own.
type Engine interface {
	Config() config.Config
	// SaveConfig keeps c; an error means it holds for this run only.
	SaveConfig(config.Config) error
	Studio() Studio
	// Host starts a room on this computer and joins it.
	Host(ctx context.Context) (Call, error)
	// Join joins the room of an invite link. The first errors that joining
	// meets (bad link, wrong secret, host unreachable) are returned here.
	Join(ctx context.Context, link string) (Call, error)
	// CheckLink reports at once what is wrong with a link, and the room's name.
	CheckLink(link string) (room string, err error)
	// Explain turns any error into a sentence and a next step for the person.
	Explain(error) (what, next string)
	Version() string
	Memory
	Scout
}

// Memory is what is kept of past calls.
type Memory interface {
	// Recordings lists the calls that were recorded, newest first.
	Recordings(context.Context) ([]replay.Entry, error)
	// OpenRecording opens one of the list by its name. Who called closes it.
	OpenRecording(ctx context.Context, name string) (*replay.Recording, error)
	// DeleteRecording removes one of the list, or all of them and the history
	// of contacts if name is empty.
	DeleteRecording(ctx context.Context, name string) error
	// ImportCall reads a recording, or a dump of Chrome's webrtc-internals.
	// Who called closes it.
	ImportCall(ctx context.Context, file string) (*replay.Recording, error)
	// ExportCall writes a report, with names and addresses hidden unless named,
	// and returns where it is.
	ExportCall(ctx context.Context, r *replay.Recording, f Format, named bool) (file string, err error)
	// History says how calls with a member went that began before a time:
	// "direct in 41 of 43 calls"; empty if there were none.
	History(m call.Member, before time.Time) string
}

// Scout is what is known of the network outside of a call.
type Scout interface {
	// CheckNetwork asks what calls from here will be like: of the host of an
	// invite, or if link is empty, of that of the room joined last. It joins
	// nothing, nobody there notices, and it takes 3 s at most.
	CheckNetwork(ctx context.Context, link string) NetworkCheck
	// Rehearse tries the lines to those who are in the room of an invite, as a
	// call would. It does not join, nobody there notices, and it takes 8 s at
	// most.
	Rehearse(ctx context.Context, link string) (Rehearsal, error)
	// Reach says how a room that is hosted here can be reached from outside;
	// empty if none is, or the router was not asked.
	Reach() Reach
	// OpenPort has the router open the port for the room that is hosted here,
	// until it is left.
	OpenPort()
	// LookAround tells of the rooms on the local network, all of them each time
	// that changes, until ctx is done. Where they cannot be found it is silent.
	LookAround(ctx context.Context, found func([]Nearby))
}

// Nearby is a room on the local network, as somebody there announces it. Link
// is an invite to it that was used before; empty: it takes an invite to join.
type Nearby struct{ Room, Address, Link string }

// Rehearsal is what a rehearsal found: the line to each who is in the room.
type Rehearsal struct {
	Sentence string
	Lines    []call.Line
}

// NetworkCheck is what a check of the network found.
type NetworkCheck struct {
	Level    string // "good", "limited", "bad" or "unknown"
	Sentence string
	Facts    []NetworkFact
}

// NetworkFact is one of the things found.
type NetworkFact struct{ Name, Value string }

// Reach is how a room hosted here can be reached from outside.
type Reach struct {
	Sentence string
	Open     bool // by a port that the router opened
}

// Format is what a report is written as.
type Format string

// The formats. HTML is one page that needs nothing else.
const (
	JSON Format = "json"
	HTML Format = "html"
)

// Call is one call. call.Session implements it.
type Call interface {
	Snapshot() call.Snapshot
	// Events yields what happened, in order; closed after the call has ended.
	Events() <-chan call.Event
	// Lines returns the newest state of the line to every other member, for
	// the panel. It is sampled once a second; reading it more often gives the
	// same.
	Lines() []call.Line
	// Levels returns how loud each member is now, Self included, in decibels on
	// a scale from 0 to 1: 0 is 60 dB below a full-scale sine, 1 is such a sine.
	Levels() map[netstack.PeerID]float64
	// Watch sends the pictures of a member to a screen, until nil is given.
	Watch(netstack.PeerID, media.Screen)
	SetMuted(bool)
	SetCameraOff(bool)
	// Restart restarts ICE towards everyone.
	Restart()
	// SetVolume sets how loud a member is played, 1 is as sent.
	SetVolume(netstack.PeerID, float64)

	// SetTile says how large a member's picture (or the screen of ShareOf, or
	// MixID) is shown, in pixels: a picture of that size is asked for. Height 0
	// is not seen at all; pinned goes before all others.
	SetTile(id netstack.PeerID, height int, pinned bool)
	// Chat sends a line of text to everyone; it comes back as ChatReceived.
	Chat(text string)
	RaiseHand(up bool)
	// Screens lists what can be shared. The error says in words why nothing can.
	Screens(context.Context) ([]call.Screen, error)
	// Share shows a screen to everyone until StopShare; one that is shared
	// already is replaced.
	Share(screenID string)
	StopShare()
	// Moderate does what only moderators may; the host refuses it to others.
	Moderate(call.Order)

	// Graph is the room as its members measured it, this one's lines included.
	Graph() []call.Edge
	// Outgoing is what is sent, as its encoders make it.
	Outgoing() []call.Outgoing
	// PathChanges are the changes of path so far, oldest first.
	PathChanges() []call.PathChange
	// Force chooses this member's path, ForceRoom everyone's (for moderators);
	// Auto leaves it to the room. What comes of it is told by PlanChanged.
	Force(netstack.Topology)
	ForceRoom(netstack.Topology)
	// SelectPair moves the line to a peer to a pair that has succeeded.
	SelectPair(peer netstack.PeerID, pairID string)
	SetPrivacy(call.Privacy)
	// SafetyWords are what this member and another can compare by eye or ear to
	// know that nobody is between them; nil until keys are exchanged.
	SafetyWords(netstack.PeerID) []string
	// SetVerified remembers that the words were compared and were, or were not,
	// the same.
	SetVerified(id netstack.PeerID, same bool)
	// Leave ends the call; Events is closed when all is put away.
	Leave()
}

// DeviceKind is camera, microphone or speaker.
type DeviceKind uint8

// The kinds of device.
const (
	Camera DeviceKind = iota
	Microphone
	Speaker
)

func (k DeviceKind) String() string { return [...]string{"camera", "microphone", "speaker"}[k] }

// Device is one that can be chosen.
type Device struct {
	ID, Name string
	Default  bool
}

// DeviceState is one kind of device: what there is, what is in use, and what
// is wrong with it in words.
type DeviceState struct {
	Devices []Device
	Chosen  string // ID in use, or wished for if there is a Problem
	Open    bool
	Problem string // a sentence; empty when all is well
	Next    string // what to do about it
}

// Studio is this person's own devices.
type Studio interface {
	Devices() map[DeviceKind]DeviceState
	// Changed is signalled, without content, whenever Devices changed.
	Changed() <-chan struct{}
	Use(kind DeviceKind, id string)
	SetPreview(media.Screen) // nil stops it
	SetCameraOn(bool)
	SetMicrophoneOn(bool)
	// MicrophoneLevel is how loud the microphone is now, on the scale of Levels.
	MicrophoneLevel() float64
	PlayTestSound()
	// SetVoice switches echo cancellation, noise suppression and automatic gain.
	SetVoice(echo, noise, gain bool)
	// VoiceAvailable reports whether this build can process the voice.
	VoiceAvailable() bool
}
