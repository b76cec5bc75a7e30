package scene

import (
	"hash/crc32"
	"image"
	"math"
	"time"
)

// Mark is what a stamped picture says of itself.
type Mark struct {
	// Frame counts pictures, from 0.
	Frame uint32
	// Captured is the wall clock when the picture was taken, to 0.1 ms: it can
	// be compared in another process on the same machine.
	Captured time.Time
	// Sender tells members apart.
	Sender uint16
	// Flash is set in the pictures of the first FlashTime of each second.
	Flash bool
}

// A mark is written as 128 cells, dark or light, in two rows along the lower
// edge of the picture, like the lights of a shelf: the cells are large enough
// to outlive VP8 and scaling. Bits: frame 32, time 48 (in 0.1 ms since 1970),
// sender 16, flags 8, checksum 24.
const (
	stampCols  = 64
	stampRows  = 2
	stampBytes = stampCols * stampRows / 8
	bodyBytes  = stampBytes - 3

	// StampMinWidth is the narrowest picture that can carry a mark.
	StampMinWidth = 2 * stampCols

	stampDark, stampLight = 28, 96 // luma
	stampMinContrast      = 12     // less is no stamp
	flagFlash             = 1
	tick                  = 100 * time.Microsecond
)

// stampNoise is laid over the bits so that about half the cells are light
// whatever the mark says.
var stampNoise = [stampBytes]byte{0x5a, 0xc3, 0x96, 0x2d, 0xe1, 0x4b, 0xb4, 0x78, 0x1e, 0xd2, 0x69, 0xa5, 0x3c, 0x87, 0xcc, 0x33}

// stampCell is where a cell lies in a picture of w×h, as fractions of pixels.
func stampCell(i, w, h int) (x0, y0, x1, y1 float64) {
	cw, ch := float64(w)/stampCols, stampRowHeight(h)
	col, row := i%stampCols, i/stampCols
	x0, y0 = float64(col)*cw, float64(h)-float64(stampRows-row)*ch
	return x0, y0, x0 + cw, y0 + ch
}

func stampRowHeight(h int) float64 { return float64(h) / 45 }

// StampHeight is how many rows of pixels at the lower edge of a picture of
// height h the stamp takes.
func StampHeight(h int) int { return int(math.Ceil(stampRows * stampRowHeight(h))) }

// Stamp writes m along the lower edge of img (I420). A picture narrower than
// StampMinWidth is left alone.
func Stamp(img *image.YCbCr, m Mark) {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	if w < StampMinWidth || h < 1 {
		return
	}
	bits := m.encode()
	top := h - StampHeight(h)
	for row := range stampRows {
		_, y0, _, y1 := stampCell(row*stampCols, w, h)
		first, last := max(int(math.Round(y0)), top), int(math.Round(y1))
		if row == 0 {
			first = top
		}
		for y := first; y < last; y++ {
			line := img.Y[img.YOffset(img.Rect.Min.X, img.Rect.Min.Y+y):][:w]
			for col := range stampCols {
				x0, _, x1, _ := stampCell(col, w, h)
				fill(line[int(math.Round(x0)):int(math.Round(x1))], cellLuma(bits, row*stampCols+col))
			}
		}
	}
	for y := (h - StampHeight(h) + 1) / 2; y < (h+1)/2; y++ {
		at := img.COffset(img.Rect.Min.X, img.Rect.Min.Y+2*y)
		fill(img.Cb[at:at+(w+1)/2], 136)
		fill(img.Cr[at:at+(w+1)/2], 126)
	}
}

func cellLuma(bits [stampBytes]byte, i int) byte {
	if bits[i/8]>>(7-i%8)&1 == 1 {
		return stampLight
	}
	return stampDark
}

func fill(line []byte, v byte) {
	for i := range line {
		line[i] = v
	}
}

// ReadStamp reads the mark of an I420 picture, whatever became of it on the way
// here; it may have been scaled. It reports false rather than a wrong mark.
func ReadStamp(img *image.YCbCr) (Mark, bool) {
	if img == nil || img.SubsampleRatio != image.YCbCrSubsampleRatio420 {
		return Mark{}, false
	}
	return readStamp(img.Rect.Dx(), img.Rect.Dy(), func(x, y int) float64 {
		return float64(img.Y[img.YOffset(img.Rect.Min.X+x, img.Rect.Min.Y+y)])
	})
}

// ReadStampRGBA is ReadStamp for a picture as it goes to the screen.
func ReadStampRGBA(img *image.RGBA) (Mark, bool) {
	if img == nil {
		return Mark{}, false
	}
	return readStamp(img.Rect.Dx(), img.Rect.Dy(), func(x, y int) float64 {
		p := img.Pix[img.PixOffset(img.Rect.Min.X+x, img.Rect.Min.Y+y):]
		return 0.299*float64(p[0]) + 0.587*float64(p[1]) + 0.114*float64(p[2])
	})
}

// readStamp measures every cell at its middle and takes what is lighter than
// the middle between dark and light as 1.
func readStamp(w, h int, luma func(x, y int) float64) (Mark, bool) {
	const cells = stampCols * stampRows
	if w < stampCols || h < stampRows {
		return Mark{}, false
	}
	var level [cells]float64
	var sum float64
	for i := range level {
		level[i] = cellLevel(i, w, h, luma)
		sum += level[i]
	}
	mean := sum / cells
	var dark, light, darks, lights float64
	for _, v := range level {
		if v < mean {
			dark, darks = dark+v, darks+1
		} else {
			light, lights = light+v, lights+1
		}
	}
	if darks == 0 || lights == 0 || light/lights-dark/darks < stampMinContrast {
		return Mark{}, false
	}
	threshold := (light/lights + dark/darks) / 2
	var bits [stampBytes]byte
	for i, v := range level {
		if v > threshold {
			bits[i/8] |= 1 << (7 - i%8)
		}
	}
	return decodeMark(bits)
}

// cellLevel averages the middle half of a cell, at least one pixel.
func cellLevel(i, w, h int, luma func(x, y int) float64) float64 {
	x0, y0, x1, y1 := stampCell(i, w, h)
	ax, bx := middle(x0, x1, w)
	ay, by := middle(y0, y1, h)
	var sum float64
	for y := ay; y < by; y++ {
		for x := ax; x < bx; x++ {
			sum += luma(x, y)
		}
	}
	return sum / float64((bx-ax)*(by-ay))
}

// middle is the pixels [a, b) of the middle half of from..to.
func middle(from, to float64, limit int) (a, b int) {
	quarter := (to - from) / 4
	a = int(math.Round(from + quarter))
	b = int(math.Round(to - quarter))
	if b <= a {
		a = int((from + to) / 2)
		b = a + 1
	}
	return min(a, limit-1), min(b, limit)
}

func (m Mark) encode() (bits [stampBytes]byte) {
	put(bits[0:4], uint64(m.Frame))
	put(bits[4:10], uint64(m.Captured.UnixNano()/int64(tick)))
	put(bits[10:12], uint64(m.Sender))
	if m.Flash {
		bits[12] |= flagFlash
	}
	put(bits[bodyBytes:], stampSum(bits[:bodyBytes]))
	for i := range bits {
		bits[i] ^= stampNoise[i]
	}
	return bits
}

func decodeMark(bits [stampBytes]byte) (Mark, bool) {
	for i := range bits {
		bits[i] ^= stampNoise[i]
	}
	if get(bits[bodyBytes:]) != stampSum(bits[:bodyBytes]) || bits[12]&^flagFlash != 0 {
		return Mark{}, false
	}
	return Mark{
		Frame:    uint32(get(bits[0:4])),
		Captured: time.Unix(0, int64(get(bits[4:10]))*int64(tick)),
		Sender:   uint16(get(bits[10:12])),
		Flash:    bits[12]&flagFlash != 0,
	}, true
}

// stampSum is the checksum: 24 bits of a CRC.
func stampSum(body []byte) uint64 {
	return uint64(crc32.ChecksumIEEE(body)) >> 8
}

func put(b []byte, v uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i], v = byte(v), v>>8
	}
}

func get(b []byte) (v uint64) {
	for _, x := range b {
		v = v<<8 | uint64(x)
	}
	return v
}
