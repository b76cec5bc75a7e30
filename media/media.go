// Package media holds the nouns of picture and sound. It knows nothing of
// networks or windows, and its own packages never import netstack or app.
package media

import (
	"image"
	"io"
	"time"
)

// Sound has one format in the whole house: 48 kHz, one channel, 16 bit, in
// blocks of 10 ms, the block WebRTC's audio processing works in. What a device
// has otherwise is converted at the device.
const (
	SampleRate    = 48000
	BlockDuration = 10 * time.Millisecond
	BlockSamples  = SampleRate / 100
)

// VideoFrame is one picture: I420 (4:2:0), BT.601 limited range as WebRTC
// sends it, which is not what Go's color.YCbCr assumes. Image belongs to
// whoever hands the frame over; copy it to keep it.
type VideoFrame struct {
	Image *image.YCbCr
	// Captured is when the picture was taken, on this machine's clock; zero
	// for a remote picture whose sender report has not arrived.
	Captured time.Time
	// Timestamp is that of the packets a remote picture came in (RFC 3550
	// section 5.1): what it is known by on every path.
	Timestamp uint32
}

// VideoSource yields frames until it is closed; then it returns io.EOF. An
// error other than io.EOF means that the device is lost.
type VideoSource interface {
	// ReadVideo may block. The frame is valid until the next call.
	ReadVideo() (VideoFrame, error)
	io.Closer
}

// VideoSink takes frames.
type VideoSink interface {
	// WriteVideo must not block and must not keep f.
	WriteVideo(f VideoFrame)
}

// AudioBlock is 10 ms of sound: BlockSamples samples. PCM belongs to whoever
// hands the block over; copy it to keep it.
type AudioBlock struct {
	PCM []int16
	// Captured is when the first sample was taken, on this machine's clock.
	Captured time.Time
}

// AudioSource yields blocks until it is closed; then it returns io.EOF. An
// error other than io.EOF means that the device is lost.
type AudioSource interface {
	// ReadAudio may block. The block is valid until the next call.
	ReadAudio() (AudioBlock, error)
	io.Closer
}

// AudioSink takes blocks.
type AudioSink interface {
	// WriteAudio must not block and must not keep b.
	WriteAudio(b AudioBlock)
}

// Voice is a stream that a speaker plays: it is pulled, by the clock of the
// sound device.
type Voice interface {
	// ReadBlock fills pcm (BlockSamples) with the next 10 ms. It must not
	// block: what is missing is concealed or silent. It reports whether there
	// is anything but silence in it.
	ReadBlock(pcm []int16) bool
}

// Picture is a frame ready for the screen.
type Picture struct {
	// Image is tightly packed: Stride is 4 times the width.
	Image *image.RGBA
	// Shown, if not nil, is called by the Screen at the moment it hands the
	// picture to the toolkit. It must not block.
	Shown func()
}

// Screen is where the pictures of one tile go.
type Screen interface {
	// Buffer lends a picture of w×h to draw in, or returns nil when all are in
	// use and the frame is to be dropped. It may be called from any goroutine,
	// one at a time.
	Buffer(w, h int) *Picture
	// Show gives the picture back to be seen; the newest wins. It must not block.
	Show(*Picture)
}
