package mcu_test

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"candid/media"
	"candid/media/codec"
	"candid/media/mix"
	"candid/media/scene"
	"candid/netstack/mcu"

	"github.com/pion/rtp"
	"golang.org/x/sys/unix"
)

// used is what this process has used of the processor.
func used(b *testing.B) time.Duration {
	b.Helper()
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano())
}

// resident is how much memory this process has, in bytes.
func resident(b *testing.B) int {
	b.Helper()
	runtime.GC()
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Fatal(err)
	}
	var size, pages int
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		b.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// reel is a loop of a camera's frames, encoded beforehand.
func reel(b *testing.B, member, w, h int) [][]byte {
	b.Helper()
	const frames = 60
	enc, err := codec.NewVP8Encoder(w, h, 600_000)
	if err != nil {
		b.Fatal(err)
	}
	defer enc.Close()
	person, img := scene.New(w, h, scene.PersonaOf(member)), codec.NewI420(w, h)
	var out [][]byte
	for n := range frames {
		at := time.Unix(0, 0).Add(time.Duration(n) * time.Second / 30)
		person.Draw(img, at, scene.Chatter(member, at))
		scene.Stamp(img, scene.Mark{Frame: uint32(n), Captured: at, Sender: uint16(member)})
		data, _, err := enc.Encode(media.VideoFrame{Image: img, Captured: at}, false)
		if err != nil {
			b.Fatal(err)
		}
		out = append(out, slices.Clone(data))
	}
	return out
}

// counter is a viewer who does nothing.
type counter struct{ frames, bytes atomic.Int64 }

func (c *counter) WriteRTP(p *rtp.Packet) error {
	if p.Marker {
		c.frames.Add(1)
	}
	c.bytes.Add(int64(len(p.Payload)))
	return nil
}

// play sends member i's reel in real time until quit is closed.
func (r *room) play(i int, frames [][]byte) {
	out := &sender{to: r.Video(idOf(i))}
	r.work.Go(func() {
		time.Sleep(time.Duration(i) * time.Millisecond)
		tick := time.NewTicker(time.Second / 30)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-r.quit:
				return
			case <-tick.C:
			}
			data := frames[n%len(frames)]
			var payloads [][]byte
			for first := true; len(data) > 0; first = false {
				take := min(len(data), 1100)
				head := byte(0)
				if first {
					head = 0x10
				}
				payloads = append(payloads, append([]byte{head}, data[:take]...))
				data = data[take:]
			}
			out.send(r.t, payloads, uint32(n)*3000)
		}
	})
}

// BenchmarkMix mixes in real time. core-ms/frame and %core are of the whole
// process: decoding, composing, encoding and packets, all but the cameras'
// encoders, which ran before. Run it with -benchtime=1x.
func BenchmarkMix(b *testing.B) {
	const measured = 5 * time.Second
	for _, c := range []struct{ inputs, viewers int }{{4, 1}, {4, 20}, {9, 1}, {16, 1}} {
		b.Run(fmt.Sprintf("inputs=%d/viewers=%d", c.inputs, c.viewers), func(b *testing.B) {
			reels := make([][][]byte, c.inputs)
			for i := range reels {
				reels[i] = reel(b, i, 640, 360)
			}
			r, empty := newRoom(b, mcu.Config{}), resident(b)
			for i, frames := range reels {
				r.join(i, fmt.Sprint("Member ", i))
				r.play(i, frames)
			}
			var views []*mcu.View
			var first counter
			for i := range c.viewers {
				sink := mcu.PacketSink(drain{})
				if i == 0 {
					sink = &first
				}
				v, err := r.Watch(idOf(i), mcu.ViewOptions{Size: hd, Layout: mix.Grid, Budget: 1_500_000}, sink)
				if err != nil {
					b.Fatal(err)
				}
				views = append(views, v)
			}
			time.Sleep(time.Second)
			for b.Loop() {
				frames, bytes, mixed := first.frames.Load(), first.bytes.Load(), r.Stats().Outputs[0]
				before, began := used(b), time.Now()
				time.Sleep(measured)
				cpu, took := used(b)-before, time.Since(began)
				frames, bytes = first.frames.Load()-frames, first.bytes.Load()-bytes
				own := r.Stats().Outputs[0].Processor - mixed.Processor
				b.ReportMetric(float64(cpu.Microseconds())/1000/float64(frames), "core-ms/frame")
				b.ReportMetric(float64(own.Microseconds())/1000/float64(frames), "mix-ms/frame")
				b.ReportMetric(100*cpu.Seconds()/took.Seconds(), "%core")
				b.ReportMetric(float64(frames)/took.Seconds(), "fps")
				b.ReportMetric(float64(bytes)*8/1000/took.Seconds(), "kbit/s")
				b.ReportMetric(float64(resident(b)-empty)/1024/float64(c.inputs), "KB/member")
			}
			for _, v := range views {
				v.Close()
			}
			r.close()
		})
	}
}

// BenchmarkSound is the processor's share for the sound of a room of 20, of whom
// three speak.
func BenchmarkSound(b *testing.B) {
	r := newRoom(b, mcu.Config{})
	tone, err := scene.NewTone(scene.SoundOf(1))
	if err != nil {
		b.Fatal(err)
	}
	enc, err := codec.NewOpusEncoder(codec.OpusOptions{})
	if err != nil {
		b.Fatal(err)
	}
	quiet, err := codec.NewOpusEncoder(codec.OpusOptions{})
	if err != nil {
		b.Fatal(err)
	}
	var loud, still [][]byte
	pcm, none := make([]int16, codec.OpusSamples), make([]int16, codec.OpusSamples)
	for n := range 50 {
		tone.Fill(pcm, time.Unix(1, 0).Add(time.Duration(n)*20*time.Millisecond))
		a, err := enc.Encode(pcm)
		if err != nil {
			b.Fatal(err)
		}
		loud = append(loud, slices.Clone(a))
		if a, err = quiet.Encode(none); err != nil {
			b.Fatal(err)
		}
		still = append(still, slices.Clone(a))
	}
	const members = 20
	var hears []*mcu.Hearing
	for i := range members {
		r.join(i, "Member")
		h, err := r.Listen(idOf(i), mcu.Stream{}, drain{})
		if err != nil {
			b.Fatal(err)
		}
		hears = append(hears, h)
		out, packets := &sender{to: r.Audio(idOf(i))}, still
		if i < 3 {
			packets = loud
		}
		r.work.Go(func() {
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for n := 0; ; n++ {
				select {
				case <-r.quit:
					return
				case <-tick.C:
				}
				out.send(b, [][]byte{packets[n%50]}, uint32(n)*codec.OpusSamples)
			}
		})
	}
	time.Sleep(time.Second)
	for b.Loop() {
		before, began := used(b), time.Now()
		time.Sleep(5 * time.Second)
		b.ReportMetric(100*(used(b)-before).Seconds()/time.Since(began).Seconds(), "%core")
	}
	for _, h := range hears {
		h.Close()
	}
	r.close()
}
