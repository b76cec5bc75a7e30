package codec

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"candid/media"
)

func newOpus(t testing.TB, o OpusOptions) (*OpusEncoder, *OpusDecoder) {
	t.Helper()
	e, err := NewOpusEncoder(o)
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewOpusDecoder()
	if err != nil {
		t.Fatal(err)
	}
	return e, d
}

// tone is n samples of a sine from sample `from` on.
func tone(from, n int) []int16 {
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*440*float64(from+i)/media.SampleRate))
	}
	return pcm
}

// vowel is voiced, so that Opus takes it for speech.
func vowel(from, n int) []int16 {
	pcm := make([]int16, n)
	for i := range pcm {
		t := float64(from+i) / media.SampleRate
		pitch := 140 + 25*math.Sin(2*math.Pi*1.3*t)
		v := 0.0
		for h := 1.0; h < 18; h++ {
			f := h * pitch
			v += (1/(1+math.Pow((f-600)/200, 2)) + 0.4/(1+math.Pow((f-1500)/250, 2))) * math.Sin(2*math.Pi*h*(140*t-25*math.Cos(2*math.Pi*1.3*t)/(2*math.Pi*1.3)))
		}
		pcm[i] = int16(3500 * v * (0.55 + 0.45*math.Sin(2*math.Pi*3.1*t)))
	}
	return pcm
}

// snr compares got with want at the shift that suits best, in dB.
func snr(want, got []int16) float64 {
	best := math.Inf(-1)
	for shift := range 700 {
		var signal, noise float64
		for i := media.SampleRate / 2; i+shift < len(got) && i < len(want); i++ {
			w, g := float64(want[i]), float64(got[i+shift])
			signal += w * w
			noise += (w - g) * (w - g)
		}
		best = max(best, 10*math.Log10(signal/noise))
	}
	return best
}

func TestOpusRoundTrip(t *testing.T) {
	for _, tt := range []struct{ bitrate, min int }{{0, 30}, {24_000, 22}, {64_000, 35}} {
		e, d := newOpus(t, OpusOptions{Bitrate: tt.bitrate})
		want := tone(0, 2*media.SampleRate)
		got := make([]int16, 0, len(want))
		pcm := make([]int16, MaxOpusSamples)
		size := 0
		for i := 0; i < len(want); i += OpusSamples {
			packet, err := e.Encode(want[i : i+OpusSamples])
			if err != nil {
				t.Fatal(err)
			}
			size += len(packet)
			if n, err := PacketSamples(packet); err != nil || n != OpusSamples {
				t.Fatalf("packet of %d samples, %v", n, err)
			}
			n, err := d.Decode(packet, pcm)
			if err != nil || n != OpusSamples {
				t.Fatalf("decoded %d samples, %v", n, err)
			}
			got = append(got, pcm[:n]...)
		}
		v := snr(want, got)
		t.Logf("asked for %d bit/s: %d, SNR %.1f dB", tt.bitrate, size*8/2, v)
		if v < float64(tt.min) {
			t.Errorf("%d bit/s: SNR %.1f dB, want %d", tt.bitrate, v, tt.min)
		}
	}
}

// At 10 % loss the copy in the next packet is far better than a guess, and a
// guess no worse than silence.
func TestOpusConcealment(t *testing.T) {
	e, _ := newOpus(t, OpusOptions{Bitrate: 32_000, LossPercent: 10})
	sound := vowel(0, 6*media.SampleRate)
	var packets [][]byte
	for i := 0; i < len(sound); i += OpusSamples {
		p, err := e.Encode(sound[i : i+OpusSamples])
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, bytes.Clone(p))
	}
	r := rand.New(rand.NewPCG(2, 3))
	lost := make([]bool, len(packets))
	for i := 1; i < len(lost)-1; i++ {
		lost[i] = !lost[i-1] && r.IntN(10) == 0
	}
	decode := func(fill func(d *OpusDecoder, i int, pcm []int16) error) (out []int16) {
		_, d := newOpus(t, OpusOptions{})
		for i, p := range packets {
			pcm := make([]int16, OpusSamples)
			var err error
			if lost[i] {
				err = fill(d, i, pcm)
			} else {
				_, err = d.Decode(p, pcm)
			}
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, pcm...)
		}
		return out
	}
	whole := decode(func(d *OpusDecoder, i int, pcm []int16) error { _, err := d.Decode(packets[i], pcm); return err })
	fec := decode(func(d *OpusDecoder, i int, pcm []int16) error { return d.DecodeFEC(packets[i+1], pcm) })
	plc := decode(func(d *OpusDecoder, _ int, pcm []int16) error { return d.DecodePLC(pcm) })
	silence := decode(func(*OpusDecoder, int, []int16) error { return nil })
	f, p, s := snr(whole, fec), snr(whole, plc), snr(whole, silence)
	t.Logf("against the loss-free sound: FEC %.1f dB, PLC %.1f dB, silence %.1f dB", f, p, s)
	if f < p+3 || p < s-1 {
		t.Errorf("FEC %.1f dB, PLC %.1f dB, silence %.1f dB: not in this order", f, p, s)
	}
}

func TestOpusDTX(t *testing.T) {
	silence := make([]int16, OpusSamples)
	for _, on := range []bool{false, true} {
		e, _ := newOpus(t, OpusOptions{DTX: on})
		short := 0
		for range 200 {
			p, err := e.Encode(silence)
			if err != nil {
				t.Fatal(err)
			}
			if len(p) <= OpusSilence {
				short++
			}
		}
		if on && short < 150 || !on && short > 0 {
			t.Errorf("DTX %v: %d of 200 silent packets need not be sent", on, short)
		}
	}
}

func TestOpusSettingsAreHeldInBounds(t *testing.T) {
	e, _ := newOpus(t, OpusOptions{Bitrate: 1, LossPercent: -5})
	for _, err := range []error{e.SetBitrate(1 << 30), e.SetBitrate(-1), e.SetLoss(500), e.SetDTX(true), e.SetDTX(false)} {
		if err != nil {
			t.Error(err)
		}
	}
	size := func(bps int) (n int) {
		if err := e.SetBitrate(bps); err != nil {
			t.Fatal(err)
		}
		for i := range 50 {
			p, err := e.Encode(vowel(i*OpusSamples, OpusSamples))
			if err != nil {
				t.Fatal(err)
			}
			n += len(p)
		}
		return n
	}
	if low, high := size(12_000), size(96_000); high < 2*low {
		t.Errorf("a second at 12 kbit/s takes %d bytes, at 96 %d", low, high)
	}
	for _, n := range []int{0, 1, 480, 961, 1920} {
		if _, err := e.Encode(make([]int16, n)); err == nil {
			t.Errorf("%d samples were taken", n)
		}
	}
}

func TestOpusRefusesBadPackets(t *testing.T) {
	_, d := newOpus(t, OpusOptions{})
	pcm := make([]int16, MaxOpusSamples)
	for name, p := range map[string][]byte{
		"empty":          {},
		"too long":       make([]byte, MaxOpusPacket+1),
		"no count":       {3},
		"count of 0":     {3, 0},
		"over 120 ms":    {3<<3 | 3, 3}, // three frames of 60 ms
		"48 frames × 20": {31<<3 | 3, 48},
	} {
		if _, err := d.Decode(p, pcm); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
		if err := d.DecodeFEC(p, pcm[:OpusSamples]); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s as fec: %v, want ErrMalformed", name, err)
		}
	}
	for _, n := range []int{0, 1, 119, 121, MaxOpusSamples + 120} {
		if d.DecodePLC(make([]int16, n)) == nil {
			t.Errorf("a hole of %d samples was filled", n)
		}
	}
	if err := d.DecodePLC(pcm); err != nil {
		t.Errorf("120 ms: %v", err)
	}
	r := rand.New(rand.NewPCG(4, 5))
	for range 5000 { // noise: any sound or any error, never a crash
		p := make([]byte, 1+r.IntN(200))
		for i := range p {
			p[i] = byte(r.UintN(256))
		}
		if n, err := d.Decode(p, pcm); err == nil && (n <= 0 || n > MaxOpusSamples) {
			t.Fatalf("decoded %d samples", n)
		}
	}
}

// The binding writes up to a slice's capacity: what lies behind it must stay.
func TestOpusWritesNoFurther(t *testing.T) {
	e, d := newOpus(t, OpusOptions{LossPercent: 10})
	packet, err := e.Encode(tone(0, OpusSamples))
	if err != nil {
		t.Fatal(err)
	}
	room := make([]int16, MaxOpusSamples)
	check := func(what string) {
		t.Helper()
		if slices.ContainsFunc(room[OpusSamples:], func(v int16) bool { return v != 77 }) {
			t.Errorf("%s wrote beyond its slice", what)
		}
	}
	for i := range room {
		room[i] = 77
	}
	if _, err := d.Decode(packet, room[:OpusSamples]); err != nil {
		t.Fatal(err)
	}
	check("Decode")
	if err := d.DecodeFEC(packet, room[:OpusSamples]); err != nil {
		t.Fatal(err)
	}
	check("DecodeFEC")
	if err := d.DecodePLC(room[:OpusSamples]); err != nil {
		t.Fatal(err)
	}
	check("DecodePLC")
	if _, err := d.Decode(packet, room[:OpusSamples-1]); err == nil {
		t.Error("a packet was decoded into too little room")
	}
}

// A packet's own account of its length agrees with what comes out.
func FuzzPacketSamples(f *testing.F) {
	f.Add([]byte{0xfc, 0xff, 0xfe})
	f.Add([]byte{0x0b, 0x03, 1, 2, 3, 4})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, p []byte) {
		want, err := PacketSamples(p)
		if err == nil && (want <= 0 || want > MaxOpusSamples) {
			t.Fatalf("%d samples", want)
		}
		d, err2 := NewOpusDecoder()
		if err2 != nil {
			t.Fatal(err2)
		}
		pcm := make([]int16, MaxOpusSamples)
		if n, err2 := d.Decode(p, pcm); err2 == nil && (err != nil || n != want) {
			t.Fatalf("decoded %d samples, promised %d, %v", n, want, err)
		}
	})
}
