package call

import (
	"fmt"
	"maps"
	"time"

	"candid/netstack"
	"candid/netstack/signal"

	"github.com/pion/webrtc/v4"
)

// room is the state of a call: who is in it and how it goes. It is touched
// only on the session's loop.
type room struct {
	s        *Session
	state    State
	problem  string
	err      error
	since    time.Time
	plan     Plan
	self     Member
	said     signal.State // what the others know of us
	others   []*other     // in order of joining
	networks networks
	house    house
}

// worthTelling is how long the host must have been away for its return to be
// news: nobody notices less.
const worthTelling = 3 * time.Second

func newRoom(s *Session, w signal.Welcomed) room {
	r := room{s: s, state: Idle, since: time.Now()}
	r.said = signal.State{Muted: s.cfg.Muted, CameraOff: s.cfg.CameraOff}
	r.self = Member{ID: w.ID, Name: s.cfg.Name, Muted: s.cfg.Muted, CameraOff: s.cfg.CameraOff}
	r.house.link, r.house.hosted = s.cfg.Link, s.cfg.Hosted
	for _, m := range w.Members {
		r.admit(m)
	}
	r.takePlan(w.Plan)
	r.welcomed(w)
	return r
}

// admit takes a member in, and returns it if it is another one.
func (r *room) admit(m signal.Member) *other {
	if m.ID == r.self.ID {
		r.self = memberOf(m)
		return nil
	}
	o := newOther(m, r.s.viewer(m.ID))
	r.others = append(r.others, o)
	return o
}

func (r *room) begin() {
	r.move(join)
	r.move(r.arrival())
	r.setPeers()
}

func (r *room) arrival() input {
	if len(r.others) == 0 {
		return joinedAlone
	}
	return joinedOther
}

// move makes a transition, if it is one, and tells.
func (r *room) move(in input) {
	to, err := r.state.next(in)
	if err != nil {
		r.s.log.Debug("not now", "err", err)
		return
	}
	if to == r.state && in != lost && in != regained {
		return
	}
	r.state = to
	r.tell(StateChanged{State: to, Problem: r.problem, Err: r.err})
}

// tell publishes the state of things, then the fact.
func (r *room) tell(e Event) {
	r.s.snapshot.Store(r.snapshot())
	r.s.events.Put(e)
}

func (r *room) snapshot() *Snapshot {
	s := &Snapshot{
		State: r.state, Problem: r.problem, Err: r.err,
		Room:  r.s.cfg.Invite.Room,
		Since: r.since, Self: r.self, Plan: r.plan,
	}
	r.house.fill(s)
	for _, o := range r.others {
		s.Others = append(s.Others, o.member)
	}
	return s
}

func (r *room) find(id netstack.PeerID) *other {
	for _, o := range r.others {
		if o.member.ID == id {
			return o
		}
	}
	return nil
}

// setPeers tells the transport who is here, and the encoders whether anybody
// is.
func (r *room) setPeers() {
	ids := make([]netstack.PeerID, len(r.others))
	for i, o := range r.others {
		ids[i] = o.member.ID
	}
	r.s.mesh.SetPeers(ids...)
	r.s.video.SetWanted(len(ids) > 0)
	r.s.audio.SetWanted(len(ids) > 0)
}

func (r *room) onNet(e netstack.Event) {
	switch e := e.(type) {
	case netstack.TrackAdded:
		r.onTrack(e)
	case netstack.KeyFrameRequested:
		r.s.video.ForceKeyFrame()
	case netstack.LinkChanged:
		r.onLink(e)
	case netstack.CandidateFailed:
		r.tell(Net{r.networks.mine.Explain([]netstack.CandidateFailed{e})[0]})
		return
	}
	r.tell(Net{e})
}

func (r *room) onTrack(e netstack.TrackAdded) {
	o := r.find(e.Peer)
	if o == nil {
		return
	}
	if err := o.add(e.Track, r.s.cfg.Studio, r.s.log); err != nil {
		r.s.log.Warn("track not played", "err", err)
		r.tell(Noticed{Text: fmt.Sprintf("What %s sends cannot be played here.", o.member.Name), Bad: true})
	}
}

func (r *room) onLink(e netstack.LinkChanged) {
	o := r.find(e.Peer)
	if o == nil {
		return
	}
	o.link = netstack.Some(e.State)
	if p := o.problem(); p != o.member.Problem {
		o.member.Problem = p
		r.tell(MemberChanged{o.member})
	}
	switch {
	case e.State == webrtc.PeerConnectionStateConnected:
		r.problem = ""
		r.move(mediaFlowed)
	case r.allBroken():
		r.problem = "No connection to the others; trying again."
		r.move(mediaFailed)
	}
}

func (r *room) allBroken() bool {
	for _, o := range r.others {
		if !o.link.OK || o.link.Value != webrtc.PeerConnectionStateFailed && o.link.Value != webrtc.PeerConnectionStateDisconnected {
			return false
		}
	}
	return len(r.others) > 0
}

// onFirstPicture adds the last step of setting up, which the transport cannot
// see.
func (r *room) onFirstPicture(id netstack.PeerID) {
	r.tell(Net{netstack.MilestoneReached{Peer: id, Step: netstack.FirstPicture, At: time.Now()}})
}

func (r *room) setMuted(muted bool) {
	r.s.cfg.Studio.SetMicrophoneOn(!muted)
	r.said.Muted = muted
	r.say()
}

func (r *room) setCameraOff(off bool) {
	r.s.cfg.Studio.SetCameraOn(!off)
	if !off {
		r.s.video.ForceKeyFrame()
	}
	r.said.CameraOff = off
	r.say()
}

// say tells the others how we are, and shows it here at once: the host may be
// away.
func (r *room) say() {
	if err := r.s.client.SetState(r.said); err != nil {
		r.s.log.Warn("state not told", "err", err)
	}
	r.self.Muted, r.self.CameraOff = r.said.Muted, r.said.CameraOff
	r.tell(MemberChanged{r.self})
}

func (r *room) setVolume(id netstack.PeerID, gain float64) {
	if o := r.find(id); o != nil {
		o.gain = gain
		if o.setGain != nil {
			o.setGain(gain)
		}
	}
}

// end begins the end of the call; err says why, if not on purpose.
func (r *room) end(in input, err error) {
	if r.state == Ended {
		return
	}
	r.err = err
	r.move(in)
	r.s.ending.Do(func() { go r.s.shutdown() })
}

// stopAll puts the members away. The loop has stopped and their connections
// are closed.
func (r *room) stopAll() {
	for _, o := range r.others {
		o.stop()
	}
}

// steer lets the encoders follow congestion control, and reads the levels.
func (r *room) steer() {
	if budget := r.s.mesh.SendBudget(); budget.OK {
		video := budget.Value - audioBitrate - audioOverhead
		r.s.video.SetBitrate(max(video, minVideoBitrate))
	}
	levels := map[netstack.PeerID]float64{}
	if !r.self.Muted {
		levels[r.self.ID] = r.s.cfg.Studio.MicrophoneLevel()
	}
	for _, o := range r.others {
		if o.audio != nil && !o.member.Muted {
			levels[o.member.ID] = loudness(o.audio.Stats().AudioLevel)
		}
	}
	if !maps.Equal(levels, *r.s.levels.Load()) {
		r.s.levels.Store(&levels)
	}
}
