package capture

import (
	"errors"
	"io"
	"syscall"
	"testing"
	"time"

	"candid/media"

	"github.com/pion/mediadevices/pkg/driver"
)

// Chunks of any size come out as blocks, none missing and none doubled.
func TestMicrophoneBlocks(t *testing.T) {
	mic := newFakeMicrophone()
	plug(t, mic, driver.Microphone, "usb-1", "Headset")
	m, err := look(t, Options{}).OpenMicrophone("microphone:usb-1")
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	next := int16(0)
	for _, n := range []int{480, 1000, 7, 480, 433, 480} { // 6 blocks in all
		c := chunk(n)
		for i := range c {
			c[i], next = next, next+1
		}
		mic.feed <- c
	}
	want := int16(0)
	for range int(next) / media.BlockSamples {
		b, err := m.ReadAudio()
		if err != nil {
			t.Fatal(err)
		}
		if len(b.PCM) != media.BlockSamples || b.Captured.IsZero() {
			t.Fatalf("block of %d samples at %v", len(b.PCM), b.Captured)
		}
		for _, v := range b.PCM {
			if v != want {
				t.Fatalf("sample %d where %d should be", v, want)
			}
			want++
		}
	}
}

func TestMicrophoneFaults(t *testing.T) {
	mic := newFakeMicrophone()
	unplug := plug(t, mic, driver.Microphone, "usb-1", "Headset")
	d := look(t, Options{})

	mic.recordErr = syscall.EBUSY
	if _, err := d.OpenMicrophone(""); !errors.Is(err, ErrBusy) || mic.closes.Load() != 1 {
		t.Errorf("busy: %v, closed %d times", err, mic.closes.Load())
	}
	mic.recordErr = nil

	m, err := d.OpenMicrophone("")
	if err != nil {
		t.Fatal(err)
	}
	mic.feed <- errors.New("gone")
	if _, err := m.ReadAudio(); !errors.Is(err, ErrLost) {
		t.Errorf("read error: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if _, err := m.ReadAudio(); err != io.EOF {
		t.Errorf("read after close: %v", err)
	}

	if m, err = d.OpenMicrophone(""); err != nil {
		t.Fatal(err)
	}
	result := make(chan error)
	go func() { _, err := m.ReadAudio(); result <- err }()
	unplug()
	d.Refresh()
	if err := <-result; !errors.Is(err, ErrLost) {
		t.Errorf("read of an unplugged microphone: %v", err)
	}
	if mic.opens.Load() != mic.closes.Load() {
		t.Errorf("opened %d times, closed %d times", mic.opens.Load(), mic.closes.Load())
	}
	if _, err := d.OpenMicrophone(""); !errors.Is(err, ErrNotFound) {
		t.Errorf("no microphone: %v", err)
	}
}

func TestBlockRing(t *testing.T) {
	r := newBlockRing()
	now := time.Unix(100, 0)
	at := func(samples int) time.Time { return now.Add(time.Duration(samples) * time.Second / media.SampleRate) }
	r.write(chunk(700), at(700))
	b := r.next()
	if b == nil || !b.at.Equal(at(0)) {
		t.Fatalf("first block: %+v", b)
	}
	r.done()
	if r.next() != nil {
		t.Fatal("a block that is not full")
	}
	r.write(chunk(400), at(1100))
	if b = r.next(); b == nil || b.at.Sub(at(480)).Abs() > time.Microsecond {
		t.Fatalf("second block is of %v, want %v", b.at, at(480))
	}
	r.done()

	for range 2 * backlog { // nobody reads: the newest is dropped, nothing waits
		r.write(chunk(media.BlockSamples), now)
	}
	n := 0
	for ; r.next() != nil; n++ {
		r.done()
	}
	if n != backlog || r.dropped.Load() == 0 {
		t.Errorf("kept %d blocks, dropped %d samples", n, r.dropped.Load())
	}
	if got := testing.AllocsPerRun(100, func() { r.write(r.slots[0].pcm[:], now); r.done() }); got > 0 {
		t.Errorf("%v allocations a block in the sound thread", got)
	}
}
