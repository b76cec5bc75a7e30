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
	paths    paths
	shared   *shared // nil: no screen is shown
	crypt    *crypt  // nil: media is not encrypted from member to member
}

// worthTelling is how long the host must have been away for its return to be
// news: nobody notices less.
const worthTelling = 3 * time.Second

// open begins with what the host said when it let us in.
func (r *room) open(s *Session, w signal.Welcomed) {
	r.s, r.since = s, time.Now()
	r.paths = newPaths(r)
	r.said = signal.State{Muted: s.cfg.Muted, CameraOff: s.cfg.CameraOff}
	r.self = Member{ID: w.ID, Name: s.cfg.Name, Muted: s.cfg.Muted, CameraOff: s.cfg.CameraOff}
	r.house.link, r.house.hosted = s.cfg.Link, s.cfg.Hosted
	for _, m := range w.Members {
		r.admit(m)
	}
	r.takePlan(w.Plan)
	r.welcomed(w)
}

// admit takes a member in, and returns it if it is another one.
func (r *room) admit(m signal.Member) *other {
	if m.ID == r.self.ID {
		r.self = memberOf(m)
		return nil
	}
	o := newOther(m, r.s, carrier(r.paths.current))
	o.member.Problem = o.problem(r.paths.stateOf(o))
	r.others = append(r.others, o)
	return o
}

func (r *room) begin() {
	r.crypt.members()
	r.move(join)
	r.move(r.arrival())
	r.paths.planned()
	r.paths.wish()
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
		Mixed: r.paths.current == netstack.MCU, Speaker: r.paths.speaker, Change: r.paths.newest(),
		Encrypted: r.crypt != nil,
	}
	s.Privacy = r.s.cfg.Privacy
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

// peopleChanged tells the paths that somebody came or went.
func (r *room) peopleChanged() {
	r.crypt.members()
	r.paths.wish()
	r.paths.tick(time.Now())
}

// onNet takes what a transport saw.
func (r *room) onNet(over netstack.Topology, e netstack.Event) {
	switch e := e.(type) {
	case netstack.TrackAdded:
		r.onTrack(over, e)
	case netstack.KeyFrameRequested:
		r.s.video.ForceKeyFrame(e.TrackID)
		if r.shared != nil {
			r.shared.video.ForceKeyFrame(e.TrackID)
		}
	case netstack.DemandChanged:
		r.paths.demanded(over, e)
	case netstack.SpeakersChanged:
		r.paths.heard(e.Speakers)
	case netstack.LinkChanged:
		r.onLink(over, e)
	case netstack.CandidateFailed:
		r.tell(Net{r.networks.mine.Explain([]netstack.CandidateFailed{e})[0]})
		return
	}
	r.tell(Net{e})
}

func (r *room) onTrack(over netstack.Topology, e netstack.TrackAdded) {
	o := r.paths.find(e.Peer)
	if o == nil {
		return
	}
	if err := o.add(over, e.Track, r.crypt); err != nil {
		r.s.log.Warn("track not played", "err", err)
		r.tell(Noticed{Text: fmt.Sprintf("What %s sends cannot be played here.", o.member.Name), Bad: true})
	}
	r.paths.arrange()
}

func (r *room) onLink(over netstack.Topology, e netstack.LinkChanged) {
	if over == netstack.SFU {
		r.paths.hostState = netstack.Some(e.State)
	} else if o := r.find(e.Peer); o != nil {
		o.link = netstack.Some(e.State)
	}
	r.linksChanged()
}

// linksChanged says anew who can be reached, by the path that is played.
func (r *room) linksChanged() {
	flows, dead := false, len(r.others) > 0
	for _, o := range r.others {
		link := r.paths.stateOf(o)
		flows = flows || link.OK && link.Value == webrtc.PeerConnectionStateConnected
		dead = dead && broken(link)
		if p := o.problem(link); p != o.member.Problem {
			o.member.Problem = p
			r.tell(MemberChanged{o.member})
		}
	}
	switch {
	case flows:
		if r.problem == noConnection {
			r.problem = ""
		}
		r.move(mediaFlowed)
	case dead:
		r.problem = noConnection
		r.move(mediaFailed)
	}
}

const noConnection = "No connection to the others; trying again."

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
		r.s.video.ForceKeyFrame("")
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
	r.self.Muted, r.self.CameraOff, r.self.Sharing = r.said.Muted, r.said.CameraOff, r.said.Sharing
	r.tell(MemberChanged{r.self})
}

func (r *room) setVolume(id netstack.PeerID, gain float64) {
	if o := r.paths.find(id); o != nil {
		o.sound.setVolume(gain)
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
	if r.shared != nil {
		r.shared.stop(r.s)
	}
	for _, o := range append(r.others, r.paths.mix) {
		o.stop()
	}
}

// steer lets the encoders follow congestion control, and reads the levels.
func (r *room) steer() {
	r.paths.tick(time.Now())
	levels := map[netstack.PeerID]float64{}
	if !r.self.Muted {
		levels[r.self.ID] = r.s.cfg.Studio.MicrophoneLevel()
	}
	for _, o := range r.others {
		if a := o.sound.audio.Load(); a != nil && !o.member.Muted {
			levels[o.member.ID] = loudness(a.Stats().AudioLevel)
		}
	}
	if !maps.Equal(levels, *r.s.levels.Load()) {
		r.s.levels.Store(&levels)
	}
	if r.paths.current == netstack.P2P {
		r.loudest(levels)
	}
}

// loudest takes the loudest of the others for the one who speaks: where no host
// forwards, none says so.
func (r *room) loudest(levels map[netstack.PeerID]float64) {
	most, who := speaking, netstack.PeerID("")
	for _, o := range r.others {
		if l := levels[o.member.ID]; l > most {
			most, who = l, o.member.ID
		}
	}
	if who != "" {
		r.paths.speaks(who)
	}
}

// speaking is how loud speech is at least, on the scale of Levels.
const speaking = 0.4
