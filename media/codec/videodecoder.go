package codec

/*
#cgo pkg-config: libavcodec libavutil
#cgo noescape av_decoder_decode
#cgo nocallback av_decoder_decode
#include "av.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"image"
	"strings"
	"sync"
	"unsafe"
)

// VideoDecoder decodes one stream of pictures. Decode belongs to one goroutine;
// Close may be called from any.
type VideoDecoder interface {
	// Decode decodes one whole frame, as depacketised. The picture is valid
	// until the next Decode or Close. Headers are read, and sizes judged,
	// before a library sees the data, which may come from anyone. Errors:
	// ErrKeyFrameNeeded, ErrTooLarge, ErrMalformed, ErrHidden (not a loss),
	// ErrClosed; after all but ErrHidden, a key frame is needed.
	Decode(frame []byte) (*image.YCbCr, error)
	Close() error
}

// VideoTypes are the MIME types that NewVideoDecoder knows, the ones other
// clients are likely to send first.
func VideoTypes() []string { return []string{"video/VP8", "video/VP9", "video/H264", "video/AV1"} }

// NewVideoDecoder makes a decoder for a MIME type as in SDP. H.264 and AV1 are
// those of RFC 6184 (byte stream, Annex B) and of AOM's RTP specification (with
// size fields). Close must be called.
func NewVideoDecoder(mime string) (VideoDecoder, error) {
	switch strings.ToLower(mime) {
	case "video/vp8":
		return NewVP8Decoder()
	case "video/vp9":
		return newAVDecoder("vp9", C.AV_CODEC_VP9, parseVP9)
	case "video/h264":
		return newAVDecoder("h264", C.AV_CODEC_H264, parseH264)
	case "video/av1":
		return newAVDecoder("av1", C.AV_CODEC_AV1, parseAV1)
	}
	return nil, fmt.Errorf("no decoder for %q", mime)
}

// DeclaredSize is the size of the picture that a frame of a MIME type says it
// begins anew with; 0 where it does not, or cannot be read. Nothing is decoded.
func DeclaredSize(mime string, frame []byte) (width, height int) {
	var h pictureHeader
	var err error
	switch strings.ToLower(mime) {
	case "video/vp8":
		var v VP8Header
		v, err = ParseVP8Header(frame)
		h = pictureHeader{v.Key, v.Width, v.Height}
	case "video/vp9":
		h, err = parseVP9(frame)
	case "video/h264":
		h, err = parseH264(frame)
	case "video/av1":
		h, err = parseAV1(frame)
	}
	if err != nil || !h.key {
		return 0, 0
	}
	return h.width, h.height
}

// pictureHeader is what a frame says of itself before any of it is decoded.
type pictureHeader struct {
	key bool // nothing before it is needed
	// width and height of the coded picture, 0 where the frame does not say.
	width, height int
}

// avDecoder decodes with libavcodec.
type avDecoder struct {
	name  string
	codec C.int
	parse func([]byte) (pictureHeader, error)

	mu      sync.Mutex // held over each call into the library
	c       *C.av_decoder
	needKey bool
	closed  bool
	img     *image.YCbCr
}

func newAVDecoder(name string, codec C.int, parse func([]byte) (pictureHeader, error)) (*avDecoder, error) {
	d := &avDecoder{name: name, codec: codec, parse: parse, needKey: true}
	if err := d.open(); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *avDecoder) Decode(frame []byte) (*image.YCbCr, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, fmt.Errorf("decode %s: %w", d.name, ErrClosed)
	}
	img, err := d.decode(frame)
	if err != nil && !errors.Is(err, ErrHidden) {
		d.free() // whatever it holds now is not to be built on
		d.needKey = true
		return nil, fmt.Errorf("decode %s: %w", d.name, err)
	}
	d.needKey = false
	return img, err
}

func (d *avDecoder) decode(frame []byte) (*image.YCbCr, error) {
	h, err := d.parse(frame)
	if err != nil {
		return nil, err
	}
	if !h.key && d.needKey {
		return nil, ErrKeyFrameNeeded
	}
	if h.width != 0 {
		if err := checkSize(h.width, h.height); err != nil {
			return nil, err
		}
	}
	if d.c == nil {
		if err := d.open(); err != nil {
			return nil, err
		}
	}
	pic := C.av_decoder_decode(d.c, ptr(frame), C.size_t(len(frame)))
	switch {
	case pic.err != 0:
		return nil, fmt.Errorf("%s: %w", avError(pic.err), ErrMalformed)
	case pic.width == 0:
		return nil, ErrHidden
	case pic.foreign != 0:
		return nil, fmt.Errorf("pixels are not 8 bit 4:2:0: %w", ErrMalformed)
	}
	if err := checkSize(int(pic.width), int(pic.height)); err != nil {
		return nil, err
	}
	return d.copy(pic)
}

// copy copies the library's picture to our own.
func (d *avDecoder) copy(p C.av_picture) (*image.YCbCr, error) {
	d.img = Fit(d.img, int(p.width), int(p.height))
	copyOut(d.img, unsafe.Pointer(p.y), unsafe.Pointer(p.u), unsafe.Pointer(p.v), int(p.y_stride), int(p.c_stride))
	if p.full_range != 0 {
		pic, err := i420(d.img)
		if err != nil {
			return nil, err
		}
		pic.squeeze()
	}
	return d.img, nil
}

func (d *avDecoder) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed, d.needKey = true, true
	d.free()
	return nil
}

func (d *avDecoder) open() error {
	var failed C.int
	if d.c = C.av_decoder_new(d.codec, MaxLongSide*MaxShortSide, &failed); d.c == nil {
		return fmt.Errorf("open %s decoder: %s", d.name, avError(failed))
	}
	return nil
}

func (d *avDecoder) free() {
	if d.c != nil {
		C.av_decoder_free(d.c)
		d.c = nil
	}
}

func avError(code C.int) string {
	var text [128]C.char
	C.av_error_text(code, &text[0], C.size_t(len(text)))
	return C.GoString(&text[0])
}
