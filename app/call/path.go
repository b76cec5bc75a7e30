package call

import (
	"time"

	"candid/netstack"
	"candid/netstack/sfu"
	"candid/netstack/signal"

	"github.com/pion/webrtc/v4"
)

// paths is how media goes between this member and the others: what arrives, and
// over which of the paths, and what is sent. It belongs to the session's loop.
//
// A change is driven by who receives: it wishes for everything on the new path,
// and once it has it takes its wishes off the old one. Senders send on each
// path what is wished for there, so nobody has to agree on a moment.
type paths struct {
	r       *room
	current netstack.Topology // the path that is played; Auto: none yet
	change  *change           // under way
	past    []PathChange
	still   *still    // after the newest of them; nil: none is watched
	again   time.Time // not before, after one that failed
	tiles   map[netstack.PeerID]tile
	mix     *other // the host's mix

	offered   bool // the host has something to connect to
	begun     bool // we have
	halved    bool // the picture of half the size is published
	hostState netstack.Opt[webrtc.PeerConnectionState]
	unused    time.Time // since when nobody needs the mesh; zero: somebody does
	demand    map[netstack.Topology]map[string]bool
	speaker   netstack.PeerID
}

// tile is how a picture is shown.
type tile struct {
	height int // in pixels; 0: not at all
	pinned bool
}

const (
	// keepMesh is how long direct connections are kept that nobody needs: the
	// room may change its mind.
	keepMesh = 5 * time.Second
	// warmAfter is when the session to the host is set up that nobody needs
	// yet: after what is needed.
	warmAfter = 4 * time.Second

	heightUnknown = 360 // of a tile, until somebody says
	heightLarge   = 720
	soundWished   = 1
)

func newPaths(r *room) paths {
	p := paths{
		r: r, tiles: map[netstack.PeerID]tile{},
		demand: map[netstack.Topology]map[string]bool{netstack.P2P: {}, netstack.SFU: {}},
	}
	p.mix = newOther(signal.Member{ID: netstack.HostID, Connected: true}, r.s, netstack.SFU)
	return p
}

// carrier is the transport a path's pictures and sound come over.
func carrier(t netstack.Topology) netstack.Topology {
	if t == netstack.MCU {
		return netstack.SFU
	}
	return t
}

// target is the path the room wants us on.
func (p *paths) target() netstack.Topology {
	t := p.r.plan.Topology
	if t == netstack.MCU && p.r.crypt != nil {
		return netstack.SFU // nobody can mix what is encrypted
	}
	if t != netstack.Auto {
		return t
	}
	return netstack.P2P
}

// uses reports whether something is to arrive over a path.
func (p *paths) uses(t netstack.Topology) bool {
	c := p.change
	return t == p.current || c != nil && (t == c.To || t == c.From && !c.quiet)
}

// planned takes over what the room has decided.
func (p *paths) planned() {
	to := p.target()
	switch {
	case p.current == netstack.Auto:
		p.current = to
	case p.change != nil && p.change.To == to:
		return
	case p.change != nil && p.change.swapped.IsZero() && p.current == to:
		p.drop() // the room took it back
	case p.change != nil && p.change.swapped.IsZero():
		p.fail("the room chose another path meanwhile")
	case p.change != nil:
		p.finish()
	}
	p.again = time.Time{}
	p.tick(time.Now())
}

// tick does what is due: ten times a second, and when something has happened.
func (p *paths) tick(now time.Time) {
	switch {
	case p.change != nil:
		p.step(now)
	case p.target() != p.current && now.After(p.again):
		p.begin(now)
	}
	p.rested(now)
	p.reach(now)
	p.encode()
}

// reach has the connections there that are needed.
func (p *paths) reach(now time.Time) {
	ids := make([]netstack.PeerID, len(p.r.others))
	for i, o := range p.r.others {
		ids[i] = o.member.ID
	}
	taken := p.demand[netstack.P2P]
	switch {
	case p.uses(netstack.P2P) || p.target() == netstack.P2P:
		p.unused = time.Time{}
		p.r.s.mesh.SetPeers(ids...)
	case taken["mic"] || taken["camera"] || taken[screenTrack]:
		p.unused = time.Time{} // somebody is not through with it
	case p.unused.IsZero():
		p.unused = now
	case now.Sub(p.unused) > keepMesh:
		p.r.s.mesh.SetPeers()
	}
	needed := p.uses(netstack.SFU) || p.uses(netstack.MCU) || now.Sub(p.r.since) > warmAfter
	if p.offered && !p.begun && needed && len(ids) > 0 {
		p.begun = true
		p.r.s.host.SetPeers(ids...)
		for _, id := range []string{"mic", sfu.LayerID("camera", 0), sfu.LayerID("camera", topLayer)} {
			p.demand[netstack.SFU][id] = true // until the host says otherwise
		}
	}
	p.halve()
}

// halve offers the host the picture of half the size, once the camera's is seen
// to be large enough to have one.
func (p *paths) halve() {
	if !p.begun || p.halved || p.r.s.video.height.Load() <= smallPicture {
		return
	}
	p.halved = true
	half := p.r.s.video.layers[halfLayer].track
	if err := p.r.s.host.Publish(half); err != nil {
		p.r.s.log.Warn("picture of half the size not published", "err", err)
		return
	}
	p.demand[netstack.SFU][half.ID()] = true // until the host says otherwise
}

// wish says on every path what is to arrive there, and plays it accordingly.
// It may be called as often as one likes.
func (p *paths) wish() {
	direct, forwarded, mixed := p.uses(netstack.P2P), p.uses(netstack.SFU), p.uses(netstack.MCU)
	shown := func(id netstack.PeerID, otherwise int) tile {
		if t, ok := p.tiles[id]; ok {
			return t
		}
		return tile{height: otherwise}
	}
	var wishes []sfu.Wish
	host := func(id netstack.PeerID, track string, on bool, t tile) {
		w := sfu.Wish{Peer: id, Track: track}
		if on {
			w.Height = t.height
		}
		if on && t.pinned {
			w.Priority = 2
		}
		wishes = append(wishes, w)
	}
	for _, o := range p.r.others {
		id := o.member.ID
		camera, screen := shown(id, heightUnknown), shown(ShareOf(id), heightLarge)
		p.r.s.mesh.Wish(id, "mic", direct)
		p.r.s.mesh.Wish(id, "camera", direct && camera.height > 0)
		p.r.s.mesh.Wish(id, screenTrack, direct && screen.height > 0)
		host(id, "mic", forwarded, tile{height: soundWished})
		host(id, "camera", forwarded, camera)
		host(id, screenTrack, forwarded || mixed, screen) // nobody reads small print in a mix
	}
	host(netstack.HostID, "mix", mixed, shown(netstack.HostID, heightLarge))
	host(netstack.HostID, "mix-mic", mixed, tile{height: soundWished})
	p.r.s.host.Wish(wishes...)
	p.arrange()
}

// arrange plays what the paths bring.
func (p *paths) arrange() {
	c, mixed := p.change, p.current == netstack.MCU
	main, merging := carrier(p.current), false
	if c != nil {
		merging = !c.quiet && c.From != netstack.MCU && c.To != netstack.MCU
		if c.From == netstack.MCU {
			main = c.To // its pictures may come; nothing else is shown
		}
	}
	for _, o := range p.r.others {
		o.camera.follow(main, merging)
		o.screen.follow(carrier(p.current), c != nil && !c.quiet && carrier(c.From) != carrier(c.To))
		p.r.play(o, p.uses(netstack.P2P) || p.uses(netstack.SFU), mixed)
	}
	p.r.play(p.mix, p.uses(netstack.MCU), !mixed)
}

// play has a member's sound played or not, and heard or not.
func (r *room) play(o *other, on, hushed bool) {
	o.sound.hush(hushed)
	if !on || !o.sound.begun {
		o.sound.stop()
		return
	}
	if err := o.sound.play(); err != nil {
		r.s.log.Warn("sound not played", "err", err)
	}
}

// handle gives a message to the transport it is for.
func (p *paths) handle(e netstack.Envelope) {
	if e.From == netstack.HostID && e.Path == netstack.SFU {
		p.offered = true
		p.r.s.host.Handle(e)
		return
	}
	p.r.s.mesh.Handle(e)
}

// find returns whose tracks are whose.
func (p *paths) find(id netstack.PeerID) *other {
	if id == netstack.HostID {
		return p.mix
	}
	return p.r.find(id)
}

// demanded notes what is taken of what we send.
func (p *paths) demanded(over netstack.Topology, e netstack.DemandChanged) {
	p.demand[over][e.TrackID] = e.Wanted
	p.encode()
}

// encode tells the encoders who takes what.
func (p *paths) encode() {
	mesh, host, s := p.demand[netstack.P2P], p.demand[netstack.SFU], p.r.s
	t := taken{direct: mesh["camera"], directBudget: videoBudget(s.mesh.SendBudget()), hostBudget: videoBudget(s.host.SendBudget())}
	for i := range layerCount {
		t.host[i] = host[sfu.LayerID("camera", i)]
	}
	if p.r.shared != nil {
		screen := taken{
			direct: mesh[screenTrack], directBudget: screenShare(t.directBudget),
			hostBudget: screenShare(t.hostBudget),
		}
		screen.host[topLayer] = host[screenTrack]
		if screen.direct {
			t.directBudget -= screen.directBudget
		}
		if screen.host[topLayer] {
			t.hostBudget -= screen.hostBudget
		}
		p.r.shared.video.SetTaken(screen)
	}
	s.video.SetTaken(t)
	s.audio.SetWanted(mesh["mic"] || host["mic"])
}

// screenShare is what of the pictures' budget a shared screen gets: it is what
// the others look at.
func screenShare(budget int) int { return budget * 3 / 4 }

// videoBudget is what pictures may take of a transport's budget.
func videoBudget(b netstack.Opt[int]) int {
	if !b.OK {
		return startVideoBitrate
	}
	return max(b.Value-audioBitrate-audioOverhead, minVideoBitrate)
}

// stateOf is the state of the connection that a member is reached by.
func (p *paths) stateOf(o *other) netstack.Opt[webrtc.PeerConnectionState] {
	if carrier(p.current) == netstack.SFU {
		return p.hostState
	}
	return o.link
}

// setTile notes how a picture is shown.
func (p *paths) setTile(id netstack.PeerID, t tile) {
	if p.tiles[id] != t {
		p.tiles[id] = t
		p.wish()
	}
}

// forget drops what is known of a member who left.
func (p *paths) forget(id netstack.PeerID) {
	delete(p.tiles, id)
	delete(p.tiles, ShareOf(id))
	if p.speaker == id {
		p.speaker = ""
	}
}

// heard follows who speaks, as the host tells it.
func (p *paths) heard(speakers []netstack.PeerID) {
	for _, id := range speakers {
		if id == p.r.self.ID || p.r.find(id) == nil {
			continue
		}
		p.speaks(id)
		return
	}
}

func (p *paths) speaks(id netstack.PeerID) {
	if p.speaker != id {
		p.speaker = id
		p.r.tell(SpeakerChanged{id})
	}
}
