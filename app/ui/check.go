package ui

import (
	"time"

	"candid/app/config"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// checkScreen is the device check, before joining or on its own.
type checkScreen struct {
	w       *Window
	link    string
	form    *deviceForm
	preview *tile
	hint    *para
	mic     *roundButton
	cam     *roundButton
	join    *button
	light   *netLight // what the way to the host is like
	joining bool
	content *fyne.Container
}

const (
	checkRight = 372
	checkGap   = 36
)

func newCheckScreen(w *Window, link, room string) *checkScreen {
	s := &checkScreen{w: w, link: link, preview: w.takeTile(true)}
	s.preview.screen.eager = true // the only picture there is: takeTile makes a self view wait for others
	s.preview.Disable()
	s.form = newDeviceForm(w, checkRight-52)
	s.mic = newRoundButton("mic", "", s.toggleMic)
	s.cam = newRoundButton("video", "", s.toggleCam)
	s.hint = newPara("", 14, plain, cDim).centre()

	title, text, button := "Your camera and sound", "Nobody sees or hears you here.", newButton(primary, "check", "Done", w.showHome)
	if link != "" {
		title, text = "Ready for "+roomName(room)+"?", "Nobody sees or hears you before you join."
		button = newButton(primary, "log-in", "Join now", s.enter)
	}
	s.join = button
	s.light = newLight(w, link)
	try := newSmallButton(quiet, "route", "How would a call go?", "", func() { w.rehearse(link) })
	lightRow := container.New(lightOver{s.light}, s.light.chip, try)
	lightRow.Hidden = link == ""
	back := newSmallButton(quiet, "arrow-left", "", "Back", w.showHome)
	head := newRow(10, back, newStretch(3, newText(title, 22, display, cText).eliding(), newText(text, 13.5, plain, cDim).eliding()))
	scroll := container.NewVScroll(padded(s.form.box, 24, 26, 12, 26))
	side := card(cPanel, cLine, 20, container.New(sideLayout{}, scroll, padded(button, 12, 26, 24, 26)))
	buttons := container.NewCenter(newRow(10, s.mic, s.cam))
	s.content = container.New(checkLayout{s}, head, s.preview, padded(s.hint, 0, 24, 0, 24), buttons, side, lightRow)
	s.show()
	return s
}

// show draws the state of microphone and camera, and what is wrong.
func (s *checkScreen) show() {
	c := s.w.engine.Config()
	micIcon, micWord, micLook := "mic", "Mute", idle
	if c.JoinMuted {
		micIcon, micWord, micLook = "mic-off", "Unmute", off
	}
	camIcon, camWord, camLook := "video", "Stop video", idle
	if c.JoinCameraOff {
		camIcon, camWord, camLook = "video-off", "Start video", off
	}
	s.mic.set(micIcon, micWord, micLook)
	s.cam.set(camIcon, camWord, camLook)
	devices := s.w.engine.Studio().Devices()
	what, _ := deviceTrouble(Camera, devices[Camera])
	look := tileLook{Name: orElse(c.Name, "You"), Self: true, Muted: c.JoinMuted, CameraOff: c.JoinCameraOff || what != ""}
	s.preview.set(look)
	switch {
	case what != "":
		s.hint.set(what)
	case c.JoinCameraOff:
		s.hint.set("Your camera is off. Others will see your initials.")
	default:
		s.hint.set("")
	}
	if d := devices[Camera]; what != "" || c.JoinCameraOff || !d.Open {
		s.preview.screen.clear()
		s.preview.Refresh()
	}
	s.content.Refresh()
}

func (s *checkScreen) toggleMic() {
	s.w.save(func(c *config.Config) { c.JoinMuted = !c.JoinMuted })
	s.show()
}

func (s *checkScreen) toggleCam() {
	s.w.save(func(c *config.Config) { c.JoinCameraOff = !c.JoinCameraOff })
	s.w.engine.Studio().SetCameraOn(!s.w.engine.Config().JoinCameraOff)
	s.show()
}

func (s *checkScreen) enter() {
	s.joining = true
	s.w.join(s.link)
}

func (s *checkScreen) root() fyne.CanvasObject { return s.content }

// entered opens the devices. The microphone is on even when one joins muted:
// the meter is how one sees that it works.
func (s *checkScreen) entered() {
	st := s.w.engine.Studio()
	s.w.pump.setSurfaces([]*Surface{s.preview.screen})
	s.w.pump.setRunning(true)
	st.SetPreview(s.preview.screen)
	st.SetCameraOn(!s.w.engine.Config().JoinCameraOff)
	st.SetMicrophoneOn(true)
	s.w.win.Canvas().Focus(s.join)
	if s.link != "" {
		s.light.check()
	}
}

// left closes the devices, unless a call is about to use them.
func (s *checkScreen) left() {
	st := s.w.engine.Studio()
	st.SetPreview(nil)
	if !s.joining {
		st.SetCameraOn(false)
		st.SetMicrophoneOn(false)
	}
	s.w.pump.setSurfaces(nil)
	s.w.putTile(s.preview)
}

func (s *checkScreen) wantsBeat() bool      { return true }
func (s *checkScreen) beat(time.Time, bool) { s.form.listen() }

func (s *checkScreen) devicesChanged() {
	s.form.refresh()
	s.show()
}

func (s *checkScreen) escape() bool {
	s.w.showHome()
	return true
}

// checkLayout has the preview on the left and the choices on the right.
type checkLayout struct{ s *checkScreen }

func (checkLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(0, 0) }

func (l checkLayout) Layout(objs []fyne.CanvasObject, s fyne.Size) {
	head, preview, hint, buttons, side := objs[0], objs[1], objs[2], objs[3], objs[4]
	const margin, headH, buttonsH = 32, 52, 78
	left := min(s.Width-2*margin-checkRight-checkGap, 880)
	h := min(left*9/16, s.Height-2*margin-headH-20-buttonsH-16)
	sideH := min(max(h+buttonsH+16, heightFor(l.s.form.box, checkRight-52)+36+42+36), s.Height-2*margin-headH-20)
	x := (s.Width - left - checkGap - checkRight) / 2
	y := max(margin, (s.Height-sideH-headH-20)/2*0.8)
	put(head, x, y, left+checkGap+checkRight, headH)
	y += headH + 20
	put(preview, x, y, left, h)
	hh := heightFor(hint, left)
	put(hint, x, y+h*0.76, left, hh)
	put(buttons, x, y+h+16, left, buttonsH)
	put(objs[5], x, y+h+16+buttonsH+6, left, objs[5].MinSize().Height)
	put(side, x+left+checkGap, y, checkRight, sideH)
}

// sideLayout is something that scrolls over something that stays.
type sideLayout struct{}

func (sideLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(checkRight, 200) }

func (sideLayout) Layout(objs []fyne.CanvasObject, s fyne.Size) {
	h := objs[1].MinSize().Height
	put(objs[0], 0, 0, s.Width, s.Height-h)
	put(objs[1], 0, s.Height-h, s.Width, h)
}
