package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// controlBar are the controls of the call.
type controlBar struct {
	box     *fyne.Container
	mic     *roundButton
	cam     *roundButton
	share   *roundButton
	hand    *roundButton
	line    *roundButton
	chat    *roundButton
	devices *roundButton
	leave   *roundButton
	form    *deviceForm // while the devices are open
}

func newControlBar(s *callScreen) *controlBar {
	b := &controlBar{
		mic:     newRoundButton("mic", "Mute", s.toggleMute),
		cam:     newRoundButton("video", "Stop video", s.toggleCamera),
		share:   newRoundButton("screen-share", "Share", s.toggleShare),
		hand:    newRoundButton("hand", "Raise", s.toggleHand),
		line:    newRoundButton("activity", "Connection", s.togglePanel),
		chat:    newRoundButton("message-square", "Chat", s.toggleChat),
		devices: newRoundButton("sliders-horizontal", "Devices", s.showDevices),
		leave:   newRoundButton("hang-up", "Leave", s.leave),
	}
	b.leave.wide, b.leave.look = true, leave
	b.mic.hint, b.cam.hint, b.line.hint, b.leave.hint = "Ctrl+D", "Ctrl+E", "Ctrl+I", "Ctrl+W"
	b.share.hint, b.hand.hint, b.chat.hint = "Ctrl+S", "Ctrl+H", "Ctrl+T"
	bar := newRow(8, b.mic, b.cam, b.share, b.hand, b.line, b.chat, b.devices, b.leave)
	b.box = container.NewCenter(card(cPanel, cLine, 26, padded(bar, 8, 14, 8, 14)))
	return b
}

func (b *controlBar) show(s *callScreen) {
	self := s.model.snap.Self
	switch {
	case s.talking:
		b.mic.set("mic", "Talking", active)
	case self.Muted:
		b.mic.set("mic-off", "Unmute", off)
	default:
		b.mic.set("mic", "Mute", idle)
	}
	if self.CameraOff {
		b.cam.set("video-off", "Start video", off)
	} else {
		b.cam.set("video", "Stop video", idle)
	}
	if self.Sharing {
		b.share.set("screen-share-off", "Stop sharing", active)
	} else {
		b.share.set("screen-share", "Share", idle)
	}
	if self.HandRaised {
		b.hand.set("hand", "Lower", active)
	} else {
		b.hand.set("hand", "Raise", idle)
	}
	b.line.set("activity", "Connection", lit(s.open))
	b.chat.set("message-square", "Chat", lit(s.side == chatSide))
	b.chat.setCount(s.unread)
}

// lit is the look of a button whose sheet is open, or not.
func lit(open bool) look {
	if open {
		return active
	}
	return idle
}
