package ui

import "candid/app/call"

// This file is what buttons and keys of the call do.

func (s *callScreen) toggleMute() { s.setMuted(!s.model.snap.Self.Muted) }

func (s *callScreen) setMuted(on bool) {
	s.call.SetMuted(on)
	s.refresh()
}

func (s *callScreen) toggleCamera() {
	s.call.SetCameraOff(!s.model.snap.Self.CameraOff)
	s.refresh()
}

// pushToTalk unmutes while Space is held.
func (s *callScreen) pushToTalk(down bool) {
	switch {
	case down && s.model.snap.Self.Muted && !s.talking:
		s.talking = true
		s.setMuted(false)
	case !down && s.talking:
		s.talking = false
		s.setMuted(true)
	}
}

// toggleHand raises or lowers one's own hand.
func (s *callScreen) toggleHand() {
	s.call.RaiseHand(!s.model.snap.Self.HandRaised)
	s.refresh()
}

// leave ends the call at the person's wish.
func (s *callScreen) leave() {
	s.call.Leave()
	s.w.closeSheet()
}

// showDevices opens the devices over the call.
func (s *callScreen) showDevices() {
	f := newDeviceForm(s.w, devicesWidth-48)
	s.bar.form = f
	s.w.openSheet("Devices", devicesWidth, f.box, func() { s.bar.form = nil })
}

const devicesWidth = 420

// order asks for something that only moderators may do.
func (s *callScreen) order(o call.Order) {
	if s.model.snap.Self.Moderator {
		s.call.Moderate(o)
		s.refresh()
	}
}

// admitFirst lets in who has waited longest.
func (s *callScreen) admitFirst() { s.orderFirst(call.Admit) }

// denyFirst refuses who has waited longest.
func (s *callScreen) denyFirst() { s.orderFirst(call.Deny) }

func (s *callScreen) orderFirst(a call.Action) {
	if w := s.model.snap.Waiting; len(w) > 0 {
		s.order(call.Order{Do: a, Peer: w[0].ID})
	}
}

// showLobby shows who waits.
func (s *callScreen) showLobby() { s.showSide(peopleSide) }

// muteAll asks everyone else to be quiet.
func (s *callScreen) muteAll() {
	if !s.model.snap.Self.Moderator {
		return
	}
	s.order(call.Order{Do: call.MuteAll})
	s.w.tell(notice{Icon: "mic-off", Text: "Everyone else is muted. They can unmute themselves."})
}

// toggleLock closes the room to newcomers, or opens it.
func (s *callScreen) toggleLock() {
	if s.model.snap.Locked {
		s.order(call.Order{Do: call.Unlock})
	} else {
		s.order(call.Order{Do: call.Lock})
	}
}
