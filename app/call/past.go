package call

import (
	"context"
	"errors"

	"candid/media"
	"candid/netstack"
)

// Past is a call in which nothing can be done any more; what stands in for a
// call (a recording, a screen that was left) embeds it.
type Past struct{}

var errPast = errors.New("this call is over: nothing can be shared in it")

// What a call tells; of a past one it is nothing.

func (Past) Snapshot() Snapshot                        { return Snapshot{State: Ended} }
func (Past) Events() <-chan Event                      { return nil }
func (Past) Lines() []Line                             { return nil }
func (Past) Levels() map[netstack.PeerID]float64       { return nil }
func (Past) Graph() []Edge                             { return nil }
func (Past) Outgoing() []Outgoing                      { return nil }
func (Past) PathChanges() []PathChange                 { return nil }
func (Past) SafetyWords(netstack.PeerID) []string      { return nil }
func (Past) Screens(context.Context) ([]Screen, error) { return nil, errPast }

// What a call can be told; a past one ignores it.

func (Past) Watch(netstack.PeerID, media.Screen) {}
func (Past) SetTile(netstack.PeerID, int, bool)  {}
func (Past) SetMuted(bool)                       {}
func (Past) SetCameraOff(bool)                   {}
func (Past) Restart()                            {}
func (Past) SetVolume(netstack.PeerID, float64)  {}
func (Past) Chat(string)                         {}
func (Past) RaiseHand(bool)                      {}
func (Past) Share(string)                        {}
func (Past) StopShare()                          {}
func (Past) Moderate(Order)                      {}
func (Past) Force(netstack.Topology)             {}
func (Past) ForceRoom(netstack.Topology)         {}
func (Past) SelectPair(netstack.PeerID, string)  {}
func (Past) SetPrivacy(Privacy)                  {}
func (Past) SetVerified(netstack.PeerID, bool)   {}
func (Past) Leave()                              {}
