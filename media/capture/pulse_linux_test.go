package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"candid/media"
)

// pulse is a private PulseAudio server with one microphone, "testmic", that
// records what is played into the sink "cable".
type pulse struct {
	t   *testing.T
	dir string
	cmd *exec.Cmd
}

const pulseScript = `load-module module-native-protocol-unix socket=%s auth-anonymous=1
load-module module-null-sink sink_name=cable rate=48000 channels=1 sink_properties=device.description=Cable
load-module module-remap-source master=cable.monitor source_name=testmic channels=1 remix=no source_properties=device.description=TestMic
set-default-source testmic
`

// startPulse skips the test where there is no PulseAudio.
func startPulse(t *testing.T) *pulse {
	t.Helper()
	for _, tool := range []string{"pulseaudio", "pactl", "pacat"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs PulseAudio's tools to play into a microphone: %v", err)
		}
	}
	p := &pulse{t: t, dir: t.TempDir()}
	socket := filepath.Join(p.dir, "native")
	script := filepath.Join(p.dir, "start.pa")
	if err := os.WriteFile(script, fmt.Appendf(nil, pulseScript, socket), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_RUNTIME_DIR", p.dir)
	t.Setenv("HOME", p.dir)
	t.Setenv("PULSE_SERVER", "unix:"+socket)
	p.start(script)
	return p
}

func (p *pulse) start(script string) {
	p.t.Helper()
	var log bytes.Buffer
	p.cmd = exec.Command("pulseaudio", "-n", "-F", script, "--exit-idle-time=-1", "--daemonize=no", "--use-pid-file=no")
	p.cmd.Stderr = &log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(p.stop)
	for range 200 {
		if out, err := exec.Command("pactl", "list", "short", "sources").Output(); err == nil && strings.Contains(string(out), "testmic") {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.stop()
	p.t.Fatalf("PulseAudio did not start:\n%s", log.String())
}

func (p *pulse) stop() {
	if p.cmd != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		p.cmd = nil
	}
}

// run runs pactl.
func (p *pulse) run(args ...string) string {
	p.t.Helper()
	out, err := exec.Command("pactl", args...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("pactl %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// play plays a tone of 440 Hz into the cable until the test ends.
func (p *pulse) play() {
	p.t.Helper()
	cmd := exec.Command("pacat", "--playback", "--raw", "--device=cable", "--rate=48000", "--channels=1", "--format=s16le", "--latency-msec=50")
	in, err := cmd.StdinPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		second := make([]byte, 2*media.SampleRate) // whole cycles
		for i := range media.SampleRate {
			v := int16(8000 * math.Sin(2*math.Pi*440*float64(i)/media.SampleRate))
			binary.LittleEndian.PutUint16(second[2*i:], uint16(v))
		}
		for {
			if _, err := in.Write(second); err != nil {
				return
			}
		}
	}()
	p.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		<-done
	})
}

// open opens the microphone and waits for its first sound, which a null sink
// takes 2 s for.
func (p *pulse) open(d *Devices) *Microphone {
	p.t.Helper()
	m, err := d.OpenMicrophone("microphone:testmic")
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := m.ReadAudio(); err != nil {
		p.t.Fatal(err)
	}
	return m
}

// Sound comes through whole: a sine stays one, sample by sample.
func TestRealMicrophone(t *testing.T) {
	p := startPulse(t)
	p.play()
	d := New(Options{})
	defer d.Close()
	<-d.Ready()
	var mics []Device
	for _, dev := range d.List() {
		if dev.Kind == Microphones {
			mics = append(mics, dev)
		}
	}
	if len(mics) != 1 || mics[0] != (Device{ID: "microphone:testmic", Kind: Microphones, Name: "TestMic", Default: true}) {
		t.Fatalf("microphones: %+v; what the speaker plays is not one", mics)
	}

	m := p.open(d)
	defer m.Close()
	// A machine that is busy may play with gaps now and then; but sound that is
	// overwritten while it is read has some in every second.
	worst := 0
	for i := range 10 {
		breaks, peak := listenFor(t, m)
		if breaks == 0 && peak > 7900 && peak < 8100 {
			t.Logf("second %d is whole, its peak %.0f of 8000", i+1, peak)
			return
		}
		worst = max(worst, breaks)
	}
	t.Errorf("no second of 10 was whole; up to %d samples in one did not continue the sine", worst)
}

// listenFor takes a second of the tone and counts samples that do not continue
// it.
func listenFor(t *testing.T, m *Microphone) (breaks int, peak float64) {
	t.Helper()
	var pcm []int16
	for range 100 {
		b, err := m.ReadAudio()
		if err != nil {
			t.Fatal(err)
		}
		pcm = append(pcm, b.PCM...)
	}
	k := 2 * math.Cos(2*math.Pi*440/media.SampleRate)
	for i := 2; i < len(pcm); i++ {
		peak = max(peak, math.Abs(float64(pcm[i])))
		if e := float64(pcm[i]) - k*float64(pcm[i-1]) + float64(pcm[i-2]); math.Abs(e) > 20 {
			breaks++
		}
	}
	return breaks, peak
}

// Pulling it out is noticed, and so is plugging it in again.
func TestRealMicrophoneUnplugged(t *testing.T) {
	p := startPulse(t)
	d := New(Options{Interval: 20 * time.Millisecond})
	defer d.Close()
	m := p.open(d)
	changed := make(chan struct{}, 1)
	defer d.Notify(changed)()

	p.run("unload-module", "module-remap-source")
	if err := readOut(m); !errors.Is(err, ErrLost) {
		t.Errorf("read of an unplugged microphone: %v", err)
	}
	<-changed
	if _, err := d.OpenMicrophone("microphone:testmic"); !errors.Is(err, ErrNotFound) {
		t.Errorf("open of an unplugged microphone: %v", err)
	}
	p.run("load-module", "module-remap-source", "master=cable.monitor", "source_name=testmic")
	<-changed
	m = p.open(d)

	p.stop() // the whole sound server
	if err := readOut(m); !errors.Is(err, ErrLost) {
		t.Errorf("read after the sound server died: %v", err)
	}
}

func readOut(m *Microphone) error {
	for {
		if _, err := m.ReadAudio(); err != nil {
			return err
		}
	}
}

// Off means closed: 100 times, and nothing stays behind.
func TestRealMicrophoneOff(t *testing.T) {
	p := startPulse(t)
	d := New(Options{Interval: time.Hour})
	defer d.Close()
	m := p.open(d)
	files := descriptorCount(t)
	for range 100 {
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := m.ReadAudio(); err != io.EOF {
			t.Fatalf("read of a closed microphone: %v", err)
		}
		var err error
		if m, err = d.OpenMicrophone(""); err != nil {
			t.Fatal(err)
		}
	}
	defer m.Close()
	if n := descriptorCount(t); n > files {
		t.Errorf("%d files open, %d before", n, files)
	}
	if out := p.run("list", "short", "source-outputs"); strings.Count(out, "\n") > 1 { // ours, and remap's own
		t.Errorf("streams left at the sound server:\n%s", out)
	}
}
