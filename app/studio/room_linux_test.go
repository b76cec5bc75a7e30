package studio

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"candid/media"
	"candid/media/voice"
)

// room is a private PulseAudio server with a loudspeaker "box" and a microphone
// "ear" that hears nothing but what the loudspeaker plays.
type room struct {
	t   *testing.T
	cmd *exec.Cmd
}

const roomScript = `load-module module-native-protocol-unix socket=%s auth-anonymous=1
load-module module-null-sink sink_name=box rate=48000 channels=1 sink_properties=device.description=Box
load-module module-null-sink sink_name=spare rate=48000 channels=1 sink_properties=device.description=Spare
load-module module-remap-source master=box.monitor source_name=ear channels=1 remix=no source_properties=device.description=Ear
set-default-sink box
set-default-source ear
`

// openRoom skips the test where there is no PulseAudio.
func openRoom(t *testing.T) *room {
	t.Helper()
	for _, tool := range []string{"pulseaudio", "pactl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs PulseAudio to stand in for a sound card: %v", err)
		}
	}
	dir := t.TempDir()
	socket, script := filepath.Join(dir, "native"), filepath.Join(dir, "start.pa")
	if err := os.WriteFile(script, fmt.Appendf(nil, roomScript, socket), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_RUNTIME_DIR", dir)
	t.Setenv("HOME", dir)
	t.Setenv("PULSE_SERVER", "unix:"+socket)
	r := &room{t: t, cmd: exec.Command("pulseaudio", "-n", "-F", script, "--exit-idle-time=-1", "--daemonize=no", "--use-pid-file=no")}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
	})
	until(t, "PulseAudio answers", func() bool {
		out, err := exec.Command("pactl", "list", "short", "sources").Output()
		return err == nil && strings.Contains(string(out), "ear")
	})
	return r
}

// run runs pactl.
func (r *room) run(args ...string) {
	r.t.Helper()
	if out, err := exec.Command("pactl", args...).CombinedOutput(); err != nil {
		r.t.Fatalf("pactl %v: %v\n%s", args, err, out)
	}
}

// chatter is a voice that speaks without end: syllables of gliding pitch, each
// with a colour of its own, and pauses.
type chatter struct {
	rng          *rand.Rand
	n, length    int // samples of this syllable
	base, f1, f2 float64
	phase, loud  float64
}

func (c *chatter) ReadBlock(pcm []int16) bool {
	for i := range pcm {
		if c.n == c.length {
			c.n, c.length = 0, media.SampleRate/8+c.rng.IntN(media.SampleRate/6)
			c.base = 90 + 120*c.rng.Float64()
			c.f1, c.f2 = 300+500*c.rng.Float64(), 900+1400*c.rng.Float64()
			c.loud = 6000
			if c.rng.Float64() < 0.15 {
				c.loud = 0
			}
		}
		part := float64(c.n) / float64(c.length)
		c.phase += 2 * math.Pi * c.base * (1 + 0.2*part) / media.SampleRate
		sum := 0.0
		for h := 1.0; h*c.base < 3000; h++ {
			f := h * c.base
			colour := 1/(1+math.Pow((f-c.f1)/120, 2)) + 0.5/(1+math.Pow((f-c.f2)/180, 2)) + 0.02
			sum += colour * math.Sin(h*c.phase)
		}
		pcm[i] = int16(min(max(c.loud*math.Sin(math.Pi*part)*sum, -32768), 32767))
		c.n++
	}
	return true
}

// power is the mean power of what it hears, in windows.
type power struct {
	mu  sync.Mutex
	sum float64
	n   int
}

func (p *power) WriteAudio(b media.AudioBlock) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, v := range b.PCM {
		p.sum += float64(v) * float64(v)
	}
	p.n += len(b.PCM)
}

// next returns the power in dB below full scale of the next d of sound.
func (p *power) next(t *testing.T, d time.Duration) float64 {
	t.Helper()
	p.mu.Lock()
	p.sum, p.n = 0, 0
	p.mu.Unlock()
	want := int(d.Seconds() * media.SampleRate)
	db := 0.0
	until(t, "sound", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.n < want {
			return false
		}
		db = 10 * math.Log10((p.sum+1)/float64(p.n)/(32768*32768))
		return true
	})
	return db
}

// What the others say comes out of the speaker, into the microphone, and not
// back to them.
func TestEcho(t *testing.T) {
	if !voice.Available() {
		t.Skip("this build cannot take out echo")
	}
	openRoom(t)
	s, err := New(Options{Camera: None})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ear := &power{}
	defer s.AddAudioSink(ear)()
	remove, _ := s.Play(&chatter{rng: rand.New(rand.NewPCG(1, 2))})
	defer remove()
	openedNow(t, s, Speaker, "Box")
	until(t, "the microphone hears the speaker", func() bool { return s.MicrophoneLevel() > 0.3 })

	without := ear.next(t, time.Second)
	if err := s.SetVoice(voice.Options{Echo: true}); err != nil {
		t.Fatal(err)
	}
	less := 0.0
	for i := range 20 { // a machine that is busy drops sound, which sets the canceller back
		less = max(less, without-ear.next(t, time.Second))
		if less > 25 {
			t.Logf("echo %.1f dB below full scale, %.1f dB less in second %d", -without, less, i+1)
			return
		}
	}
	t.Errorf("echo is at best %.1f dB lower within 20 s, want 25", less)
}

// Pulling out the speaker in use: another one plays, and the first again when
// it is back.
func TestSpeakerUnplugged(t *testing.T) {
	r := openRoom(t)
	s, err := New(Options{Camera: None, Speaker: "spare", interval: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	heard := &audioSink{}
	defer s.AddSpeakerSink(heard)()
	openedNow(t, s, Speaker, "Spare")
	goesOn := func() {
		t.Helper()
		n := heard.blocks.Load()
		until(t, "sound is pulled", func() bool { return heard.blocks.Load() > n+10 })
	}
	goesOn()
	out, err := exec.Command("pactl", "list", "short", "modules").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(out), "\n") {
		if strings.Contains(line, "sink_name=spare") {
			r.run("unload-module", strings.Fields(line)[0])
		}
	}
	await(t, s, func(e DeviceLost) bool { return e.Device.Name == "Spare" })
	openedNow(t, s, Speaker, "Box")
	goesOn()
	r.run("load-module", "module-null-sink", "sink_name=spare", "rate=48000", "channels=1", "sink_properties=device.description=Spare")
	openedNow(t, s, Speaker, "Spare")
	goesOn()
}
