package playout_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"candid/media"
	"candid/media/playout"
)

// pulse is a private PulseAudio server with two silent sinks, "one" (the
// default) and "two".
type pulse struct {
	t   *testing.T
	cmd *exec.Cmd
}

const pulseScript = `load-module module-native-protocol-unix socket=%s auth-anonymous=1
load-module module-null-sink sink_name=one rate=48000 channels=2 sink_properties=device.description=One
load-module module-null-sink sink_name=two rate=44100 channels=2 sink_properties=device.description=Two
set-default-sink one
`

// startPulse skips the test where there is no PulseAudio.
func startPulse(t *testing.T) *pulse {
	t.Helper()
	for _, tool := range []string{"pulseaudio", "pactl", "parec"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs PulseAudio and its tools to play to a speaker: %v", err)
		}
	}
	dir := t.TempDir()
	socket, script := filepath.Join(dir, "native"), filepath.Join(dir, "start.pa")
	if err := os.WriteFile(script, fmt.Appendf(nil, pulseScript, socket), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_RUNTIME_DIR", dir)
	t.Setenv("HOME", dir)
	t.Setenv("PULSE_SERVER", "unix:"+socket)
	p := &pulse{t: t}
	var log bytes.Buffer
	p.cmd = exec.Command("pulseaudio", "-n", "-F", script, "--exit-idle-time=-1", "--daemonize=no", "--use-pid-file=no")
	p.cmd.Stderr = &log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // should the test binary be killed
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	for range 200 {
		if out, err := exec.Command("pactl", "list", "short", "sinks").Output(); err == nil && strings.Contains(string(out), "two") {
			return p
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.stop()
	t.Fatalf("PulseAudio did not start:\n%s", log.String())
	return nil
}

func (p *pulse) stop() {
	if p.cmd != nil {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		p.cmd = nil
	}
}

// pactl runs pactl.
func (p *pulse) pactl(args ...string) string {
	p.t.Helper()
	out, err := exec.Command("pactl", args...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("pactl %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// hears reports whether a tone of 440 Hz comes out of a sink within 10 s, and
// without a break for half a second.
func (p *pulse) hears(sink string) bool {
	p.t.Helper()
	cmd := exec.Command("parec", "--raw", "--device="+sink+".monitor", "--rate=48000", "--channels=1", "--format=s16le", "--latency-msec=20")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	buf := make([]byte, media.SampleRate) // half a second
	pcm := make([]int16, len(buf)/2)
	for range 20 {
		if _, err := io.ReadFull(out, buf); err != nil {
			p.t.Fatal(err)
		}
		for i := range pcm {
			pcm[i] = int16(binary.LittleEndian.Uint16(buf[2*i:]))
		}
		if toneSNR(pcm, 440) > 25 {
			return true
		}
	}
	return false
}

// hum is a voice of 440 Hz that counts its pulls.
type hum struct {
	n     int
	pulls atomic.Int64
}

func (h *hum) ReadBlock(pcm []int16) bool {
	f := sine(440)
	for i := range pcm {
		pcm[i] = int16(f(h.n + i))
	}
	h.n = (h.n + len(pcm)) % media.SampleRate
	h.pulls.Add(1)
	return true
}

func TestSpeaker(t *testing.T) {
	p := startPulse(t)
	list, err := playout.SpeakerDevices(nil)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]playout.SpeakerDevice{}
	for _, d := range list {
		byName[d.Name] = d
	}
	if len(list) != 2 || !byName["One"].Default || byName["Two"].Default {
		t.Fatalf("found %+v, want One, the default, and Two", list)
	}
	voice, lost := &hum{}, make(chan error, 10)
	var rendered atomic.Int64
	s, err := playout.OpenSpeaker(playout.SpeakerConfig{
		Voice:  voice,
		Render: func(pcm []int16) { rendered.Add(int64(len(pcm))) },
		Lost:   func(err error) { lost <- err },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if !p.hears("one") {
		t.Fatal("nothing is heard on the default speaker")
	}
	if err := s.Switch("no such"); !errors.Is(err, playout.ErrNoSpeaker) {
		t.Errorf("switching to nowhere: %v", err)
	}
	if !p.hears("one") {
		t.Error("after failing to switch, the speaker in use is silent")
	}
	if err := s.Switch(byName["Two"].ID); err != nil {
		t.Fatal(err)
	}
	if !p.hears("two") {
		t.Error("nothing is heard after switching")
	}
	select {
	case err := <-lost:
		t.Errorf("lost, while switching: %v", err)
	default:
	}
	if s.Latency() <= 0 || s.Latency() > 50*time.Millisecond {
		t.Errorf("latency %v", s.Latency())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	n := voice.pulls.Load()
	if rendered.Load() != n*media.BlockSamples {
		t.Errorf("%d samples rendered, %d pulled", rendered.Load(), n*media.BlockSamples)
	}
	if err := s.Switch(""); err == nil {
		t.Error("a closed speaker can be switched")
	}
}

func TestSpeakerUnplugged(t *testing.T) {
	p := startPulse(t)
	voice, lost := &hum{}, make(chan error, 10)
	s, err := playout.OpenSpeaker(playout.SpeakerConfig{ID: "two", Voice: voice, Lost: func(err error) { lost <- err }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if !p.hears("two") {
		t.Fatal("nothing is heard")
	}
	for _, line := range strings.Split(p.pactl("list", "short", "modules"), "\n") {
		if strings.Contains(line, "sink_name=two") {
			p.pactl("unload-module", strings.Fields(line)[0])
		}
	}
	select {
	case err := <-lost:
		if !errors.Is(err, playout.ErrSpeakerLost) {
			t.Errorf("lost with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the speaker is gone and nobody was told")
	}
	if err := s.Switch(""); err != nil {
		t.Fatal(err)
	}
	if !p.hears("one") {
		t.Error("nothing is heard on the default speaker afterwards")
	}
}

func TestSpeakerServerDies(t *testing.T) {
	p := startPulse(t)
	lost := make(chan error, 10)
	s, err := playout.OpenSpeaker(playout.SpeakerConfig{Voice: &hum{}, Lost: func(err error) { lost <- err }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if !p.hears("one") {
		t.Fatal("nothing is heard")
	}
	p.stop()
	select {
	case <-lost:
	case <-time.After(10 * time.Second):
		t.Fatal("the sound server is gone and nobody was told")
	}
	if err := s.Switch(""); err == nil {
		t.Error("switching without a sound server works")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
