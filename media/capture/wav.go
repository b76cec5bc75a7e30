package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"candid/media"
)

// wav is a sound file in memory, played over and over: a media.AudioSource.
type wav struct {
	pcm   []int16
	pos   int
	block [media.BlockSamples]int16
	clock *pacer
}

// maxWAV is the largest file taken: ten minutes.
const maxWAV = 10 * 60 * media.SampleRate * 4

func openWAV(name string) (*wav, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxWAV))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	w, err := parseWAV(data)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return w, nil
}

// parseWAV reads a RIFF file of 16-bit samples at 48 kHz; two channels become
// one.
func parseWAV(b []byte) (*wav, error) {
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return nil, errors.New("not a WAV file")
	}
	channels := 0
	for b = b[12:]; len(b) >= 8; {
		id, n := string(b[:4]), int(binary.LittleEndian.Uint32(b[4:]))
		body := b[8:]
		if n > len(body) {
			n = len(body) // a recording that was cut short, or a stream
		}
		switch {
		case id == "fmt " && n >= 16:
			channels = int(binary.LittleEndian.Uint16(body[2:]))
			rate, bits := binary.LittleEndian.Uint32(body[4:]), binary.LittleEndian.Uint16(body[14:])
			if rate != media.SampleRate || bits != 16 || channels < 1 || channels > 2 {
				return nil, fmt.Errorf("%d Hz, %d bit, %d channels; want 48000 Hz, 16 bit, one or two", rate, bits, channels)
			}
		case id == "data" && channels > 0:
			if pcm := mixDown(body[:n], channels); len(pcm) > 0 {
				return &wav{pcm: pcm, clock: newPacer(media.BlockDuration)}, nil
			}
		}
		b = body[min(n+n%2, len(body)):]
	}
	return nil, errors.New("no sound in it")
}

func mixDown(b []byte, channels int) []int16 {
	pcm := make([]int16, len(b)/2/channels)
	for i := range pcm {
		sum := 0
		for c := range channels {
			sum += int(int16(binary.LittleEndian.Uint16(b[(i*channels+c)*2:])))
		}
		pcm[i] = int16(sum / channels)
	}
	return pcm
}

// ReadAudio blocks until the last sample of the block would have been heard.
func (w *wav) ReadAudio() (media.AudioBlock, error) {
	due := w.clock.wait()
	if due.IsZero() {
		return media.AudioBlock{}, io.EOF
	}
	for pcm := w.block[:]; len(pcm) > 0; {
		n := copy(pcm, w.pcm[w.pos:])
		pcm, w.pos = pcm[n:], (w.pos+n)%len(w.pcm)
	}
	return media.AudioBlock{PCM: w.block[:], Captured: due.Add(-media.BlockDuration)}, nil
}

// Close ends a ReadAudio that waits.
func (w *wav) Close() error {
	w.clock.close()
	return nil
}
