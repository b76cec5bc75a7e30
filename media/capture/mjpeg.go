package capture

import (
	"image"
	"time"
	_ "unsafe" // for linkname

	"candid/media/codec"

	"github.com/pion/mediadevices/pkg/frame"
)

// decoders is where mediadevices looks up how to decode what a camera sends.
// For MJPEG, which nearly every webcam sends at 720p, that is image/jpeg, at a
// quarter of a core; and its drivers have no other way to be told of a better
// one. A version without this table does not link.
//
//go:linkname decoders github.com/pion/mediadevices/pkg/frame.decoderMap
var decoders map[frame.Format]func(data []byte, w, h int) (image.Image, func(), error)

// init, because the table is read by every camera that is opened.
func init() {
	slow := decoders[frame.FormatMJPEG]
	decoders[frame.FormatMJPEG] = func(data []byte, w, h int) (image.Image, func(), error) {
		at := time.Now()
		pic, err := codec.DecodeJPEG(data)
		if err != nil {
			return slow(data, w, h)
		}
		return &stampedPicture{pic, at}, func() {}, nil
	}
}
