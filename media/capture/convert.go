package capture

import (
	"image"

	"candid/media/codec"
)

// converter makes the house's I420 of what a driver gives.
type converter struct {
	r   codec.Range
	out *image.YCbCr
}

// convert returns img itself if it is I420 already, and otherwise a picture
// that is valid until the next convert.
func (c *converter) convert(img image.Image) (*image.YCbCr, error) {
	if s, ok := img.(*stampedPicture); ok {
		return s.YCbCr, nil
	}
	if pic, ok := img.(*image.YCbCr); ok && c.r == codec.LimitedRange && pic.SubsampleRatio == image.YCbCrSubsampleRatio420 {
		return pic, nil
	}
	b := img.Bounds()
	c.out = codec.Fit(c.out, b.Dx(), b.Dy())
	return c.out, codec.ToI420(c.out, img, c.r)
}
