package playout_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"candid/media"
	"candid/media/playout"
)

// constant is a voice of one value; 0 is silence.
type constant int16

func (c *constant) ReadBlock(pcm []int16) bool {
	for i := range pcm {
		pcm[i] = int16(*c)
	}
	return *c != 0
}

func TestMixer(t *testing.T) {
	var m playout.Mixer
	var pcm [media.BlockSamples]int16
	read := func() (int16, bool) {
		sounding := m.ReadBlock(pcm[:])
		return pcm[len(pcm)-1], sounding
	}
	if v, ok := read(); v != 0 || ok {
		t.Errorf("an empty mixer plays %d, %v", v, ok)
	}
	one, two, none := constant(1000), constant(300), constant(0)
	m.Add(&one)
	m.Add(&none)
	m.Add(&two)
	m.Add(&two)
	if v, ok := read(); v != 1300 || !ok {
		t.Errorf("plays %d, %v, want 1300", v, ok)
	}
	m.SetGain(&one, 0.5)
	if v, _ := read(); v != 800 {
		t.Errorf("plays %d at half the gain, want 800", v)
	}
	for i := range pcm[1:] { // the change is faded
		if d := pcm[i] - pcm[i+1]; d < 0 || d > 20 {
			t.Fatalf("a step of %d at sample %d", d, i)
		}
	}
	if pcm[0] < 1200 {
		t.Errorf("the gain jumps to %d", pcm[0])
	}
	m.SetGain(&one, 0)
	read()
	if v, _ := read(); v != 300 {
		t.Errorf("plays %d with one voice off, want 300", v)
	}
	m.Remove(&two)
	m.Remove(&two)
	m.SetGain(&two, 3)
	if v, _ := read(); v != 0 {
		t.Errorf("plays %d after the other was removed", v)
	}
}

// After Remove a voice is not pulled, though the puller never waits.
func TestMixerRemoveWaits(t *testing.T) {
	var m playout.Mixer
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		var pcm [media.BlockSamples]int16
		for {
			select {
			case <-stop:
				return
			default:
				m.ReadBlock(pcm[:])
			}
		}
	}()
	for range 200 {
		v := &mortal{}
		m.Add(v)
		time.Sleep(100 * time.Microsecond)
		m.Remove(v)
		v.dead = true // a data race if it is still being pulled
	}
	close(stop)
	wg.Wait()
}

type mortal struct{ dead bool }

func (v *mortal) ReadBlock(pcm []int16) bool {
	if v.dead {
		panic("pulled after Remove")
	}
	clear(pcm)
	return false
}

func TestMixerDoesNotAllocate(t *testing.T) {
	var m playout.Mixer
	one, two := constant(1000), constant(2000)
	m.Add(&one)
	m.Add(&two)
	m.SetGain(&two, 0.7)
	var pcm [media.BlockSamples]int16
	if n := testing.AllocsPerRun(100, func() { m.ReadBlock(pcm[:]) }); n != 0 {
		t.Errorf("%v allocations a block", n)
	}
}

// ledger notes when blocks were played.
type ledger struct {
	mu sync.Mutex
	at []time.Time
}

func (l *ledger) WriteAudio(b media.AudioBlock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at = append(l.at, b.Captured)
}

func TestNullSpeaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		v := constant(5)
		var heard ledger
		var rendered []int16
		s, err := playout.NewNullSpeaker(playout.NullConfig{
			Voice:  &v,
			Render: func(pcm []int16) { rendered = append(rendered, pcm[0]) },
			Listen: &heard,
			Delay:  7 * time.Millisecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second + time.Millisecond)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if s.Latency() != 7*time.Millisecond {
			t.Errorf("latency %v", s.Latency())
		}
		if len(heard.at) != 101 || !slices.Equal(rendered, slices.Repeat([]int16{5}, 101)) {
			t.Fatalf("%d blocks heard, %d rendered in a second", len(heard.at), len(rendered))
		}
		for i, at := range heard.at {
			if want := start.Add(time.Duration(i)*media.BlockDuration + 7*time.Millisecond); !at.Equal(want) {
				t.Fatalf("block %d was heard %v late", i, at.Sub(want))
			}
		}
		time.Sleep(time.Second)
		if len(heard.at) != 101 {
			t.Error("plays after Close")
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A NullSpeaker that could not run catches up a little, and leaves out the rest.
func TestNullSpeakerCatchesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard ledger
		v := &slow{wait: map[int]time.Duration{10: 150 * time.Millisecond, 50: 3 * time.Second}}
		s, err := playout.NewNullSpeaker(playout.NullConfig{Voice: v, Listen: &heard})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(5*time.Second + time.Millisecond)
		s.Close()
		// 3 s were left out, of 5.
		if n := len(heard.at); n < 195 || n > 225 {
			t.Errorf("%d blocks played, want about 200", n)
		}
	})
}

// slow is a voice that takes long for some blocks.
type slow struct {
	n    int
	wait map[int]time.Duration
}

func (v *slow) ReadBlock(pcm []int16) bool {
	time.Sleep(v.wait[v.n])
	v.n++
	clear(pcm)
	return false
}

func TestSpeakersNeedAVoice(t *testing.T) {
	if _, err := playout.NewNullSpeaker(playout.NullConfig{}); err == nil {
		t.Error("a null speaker opens without a voice")
	}
	if _, err := playout.OpenSpeaker(playout.SpeakerConfig{}); err == nil {
		t.Error("a speaker opens without a voice")
	}
}

// Without a sound system that is what the error says.
func TestNoSoundSystem(t *testing.T) {
	if list, err := playout.SpeakerDevices(nil); err == nil && len(list) > 0 {
		t.Skip("this machine has a speaker")
	}
	if _, err := playout.OpenSpeaker(playout.SpeakerConfig{Voice: &playout.Mixer{}}); !errors.Is(err, playout.ErrNoSpeaker) {
		t.Errorf("%v, want ErrNoSpeaker", err)
	}
}
