package ui

import (
	"candid/app/config"

	"fyne.io/fyne/v2"
)

// deviceForm lets one choose camera, microphone and speaker, and says what is
// wrong with them. The device check and the call's devices sheet share it.
type deviceForm struct {
	w        *Window
	box      *fyne.Container
	choices  map[DeviceKind]*choice
	troubles map[DeviceKind]*fyne.Container
	words    map[DeviceKind]*para
	meter    *meter
	test     *button
	echo     *toggle
	noise    *toggle
	gain     *toggle
}

var deviceKinds = []DeviceKind{Camera, Microphone, Speaker}

func newDeviceForm(w *Window, width float32) *deviceForm {
	f := &deviceForm{w: w, meter: newMeter(), choices: map[DeviceKind]*choice{},
		troubles: map[DeviceKind]*fyne.Container{}, words: map[DeviceKind]*para{}}
	f.box = newColumn(9, width)
	for _, k := range deviceKinds {
		f.addKind(k)
		if k == Microphone {
			f.box.Add(padded(f.meter, 0, 2, 4, 2))
		}
	}
	f.test = newSmallButton(secondary, "volume-2", "Play a test sound", "", w.engine.Studio().PlayTestSound)
	f.box.Add(newRow(0, f.test, newFiller()))
	f.addVoice()
	f.refresh()
	return f
}

func (f *deviceForm) addKind(k DeviceKind) {
	label := map[DeviceKind]string{Camera: "Camera", Microphone: "Microphone", Speaker: "Speaker"}[k]
	c := newChoice(deviceIcons[k][0], label, "No "+k.String()+" found", func(id string) { f.use(k, id) })
	words := newPara("", 12.5, plain, cWarn)
	trouble := padded(newRow(8, newIconWidget("triangle-alert", cWarn, 15), words), 0, 4, 4, 4)
	f.choices[k], f.words[k], f.troubles[k] = c, words, trouble
	f.box.Add(c)
	f.box.Add(trouble)
}

func (f *deviceForm) addVoice() {
	c := f.w.engine.Config()
	f.echo = newToggle("Cancel echo", c.Echo, func(on bool) { f.voice(func(c *config.Config) { c.Echo = on }) })
	f.noise = newToggle("Suppress noise", c.Noise, func(on bool) { f.voice(func(c *config.Config) { c.Noise = on }) })
	f.gain = newToggle("Even out loudness", c.Gain, func(on bool) { f.voice(func(c *config.Config) { c.Gain = on }) })
	if !f.w.engine.Studio().VoiceAvailable() {
		for _, t := range []*toggle{f.echo, f.noise, f.gain} {
			t.on = false
			t.Disable()
		}
		f.box.Add(newPara("This build of Candid cannot process your voice. Headphones avoid echo.", 12.5, plain, cDim))
	}
	f.box.Add(padded(newColumn(2, 0, f.echo, f.noise, f.gain), 6, 0, 0, 0))
}

// use takes a device and remembers it.
func (f *deviceForm) use(k DeviceKind, id string) {
	f.w.engine.Studio().Use(k, id)
	f.w.save(func(c *config.Config) {
		switch k {
		case Camera:
			c.Camera = id
		case Microphone:
			c.Microphone = id
		case Speaker:
			c.Speaker = id
		}
	})
}

func (f *deviceForm) voice(change func(*config.Config)) {
	f.w.save(change)
	f.w.engine.Studio().SetVoice(f.echo.on, f.noise.on, f.gain.on)
}

// refresh shows the devices as they are now.
func (f *deviceForm) refresh() {
	devices := f.w.engine.Studio().Devices()
	for _, k := range deviceKinds {
		d := devices[k]
		f.choices[k].set(deviceOptions(d))
		what, next := deviceTrouble(k, d)
		f.words[k].set(sentences(what, next))
		f.troubles[k].Hidden = what == ""
		if k == Speaker {
			f.test.setEnabled(what == "")
		}
	}
	f.box.Refresh()
}

// listen shows how loud the microphone is.
func (f *deviceForm) listen() { f.meter.set(f.w.engine.Studio().MicrophoneLevel()) }
