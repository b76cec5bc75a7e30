package mcu

import (
	"errors"
	"image"
	"sync/atomic"
	"time"

	"candid/media/mix"
	"candid/media/playout"
	"candid/netstack"
	"candid/netstack/sfu"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

func reportOf(s netstack.SenderReport) playout.SenderReport {
	return playout.SenderReport{NTP: s.NTP, RTPTime: s.RTPTime, At: s.At}
}

// viewerShare is how much of a viewer's line the picture may take: sound and
// repair need the rest.
const viewerShare = 0.75

// audience is one member for whom the mix is made. Both tracks are offered all
// the time; what is not wished is not made.
type audience struct {
	id             netstack.PeerID
	picture, sound feed
	view           *View // nil: not wished
	hearing        *Hearing
	current        atomic.Pointer[View] // for requests of key frames
}

// feed is a track of the SFU: it numbers what comes of one view after the other.
type feed struct {
	track  *sfu.Injected
	height int // wished
	packet rtp.Packet
	number uint16
}

// WriteRTP passes a packet on. One goroutine at a time calls it.
func (f *feed) WriteRTP(p *rtp.Packet) error {
	f.packet.Header, f.packet.Payload = p.Header, p.Payload
	f.number++
	f.packet.SequenceNumber = f.number
	return f.track.WriteRTP(&f.packet)
}

// mix offers the mix to a member.
func (r *Room) mix(id netstack.PeerID) error {
	if r.engine == nil {
		if err := r.start(); err != nil {
			return err
		}
	}
	a := &audience{id: id}
	var err [2]error
	a.picture.track, err[0] = r.forwarder.Inject(sfu.Injection{Owner: netstack.HostID, Track: MixTrack, Kind: webrtc.RTPCodecTypeVideo, Elastic: true, For: []netstack.PeerID{id},
		KeyFrame: func() {
			if v := a.current.Load(); v != nil {
				v.RequestKeyFrame()
			}
		},
		Demand: func(height int) { r.post(func() { r.demanded(a, &a.picture, height) }) }})
	a.sound.track, err[1] = r.forwarder.Inject(sfu.Injection{Owner: netstack.HostID, Track: MicTrack, Kind: webrtc.RTPCodecTypeAudio, For: []netstack.PeerID{id},
		Demand: func(height int) { r.post(func() { r.demanded(a, &a.sound, height) }) }})
	r.mixed[id] = a
	if err := errors.Join(err[:]...); err != nil {
		r.unmix(id)
		return err
	}
	return nil
}

// unmix ends that.
func (r *Room) unmix(id netstack.PeerID) {
	a := r.mixed[id]
	if a == nil {
		return
	}
	delete(r.mixed, id)
	a.rest()
	for _, f := range []*feed{&a.picture, &a.sound} {
		f.track.Close()
	}
	if len(r.mixed) == 0 {
		r.end()
	} else {
		r.follow()
	}
}

// rest stops making what is not wished.
func (a *audience) rest() {
	if a.view != nil && a.picture.height == 0 {
		a.current.Store(nil)
		a.view.Close()
		a.view = nil
	}
	if a.hearing != nil && a.sound.height == 0 {
		a.hearing.Close()
		a.hearing = nil
	}
}

// demanded takes over what a member wishes of a track.
func (r *Room) demanded(a *audience, f *feed, height int) {
	if r.mixed[a.id] != a {
		return
	}
	f.height = height
	a.rest()
	r.show(a)
	r.follow()
}

// show makes what is wished.
func (r *Room) show(a *audience) {
	var err error
	if a.sound.height > 0 && a.hearing == nil {
		if a.hearing, err = r.engine.Listen(a.id, Stream{}, &a.sound); err != nil {
			r.log.Warn("mixed sound is not made", "member", a.id, "cause", err)
		}
	}
	if a.picture.height == 0 {
		return
	}
	budget := int(viewerShare * float64(r.forwarder.Estimate(a.id).Or(0)))
	size := within(a.picture.height, budget)
	if a.view == nil {
		if a.view, err = r.engine.Watch(a.id, ViewOptions{Size: size, Layout: mix.Grid, Budget: budget}, &a.picture); err != nil {
			r.log.Warn("mixed picture is not made", "member", a.id, "cause", err)
			return
		}
		a.current.Store(a.view)
		return
	}
	a.view.SetBudget(budget)
	if err := a.view.Change(size, mix.Grid); err != nil {
		r.log.Debug("mixed picture is not changed", "member", a.id, "cause", err)
	}
}

// within is the size to be made for a tile of a height: as large as it, but not
// larger than a line (bit/s; 0: unknown) carries.
func within(height, budget int) image.Point {
	i := sizeFor(image.Pt(0, height))
	for budget > 0 && i > 0 && sizes[i].floor > budget {
		i--
	}
	return sizes[i].size
}

// heard reports whether anyone listens.
func (r *Room) heard() bool {
	for _, a := range r.mixed {
		if a.hearing != nil {
			return true
		}
	}
	return false
}

// follow brings everything in line with windows and lines, and tells receivers
// the mix's clock.
func (r *Room) follow() {
	if r.engine == nil {
		return
	}
	now := time.Now()
	for _, a := range r.mixed {
		r.show(a)
		a.picture.track.SetReport(netstack.SenderReport{NTP: now, RTPTime: r.engine.VideoTime(now)})
		a.sound.track.SetReport(netstack.SenderReport{NTP: now, RTPTime: r.engine.AudioTime(now)})
	}
	for _, id := range r.order {
		r.wish(id)
	}
}
