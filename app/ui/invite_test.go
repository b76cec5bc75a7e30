package ui

import (
	"errors"
	"image"
	"strings"
	"testing"
)

func TestQRLeadsToTheLink(t *testing.T) {
	for _, link := range []string{
		"candid://h/r",
		"candid://203.0.113.5:7788/tea?s=qN3kVt0uXhB8yLr2WfYcZg",
		"candid://203.0.113.5:7788,192.168.1.20:7788,[2001:db8::5]:7788/design-review?s=qN3kVt0uXhB8yLr2WfYcZg&c=s7Hk2mQxP0aVdJt5nYwR8uE1oLzCbF6iGpKqTjXvM4U",
		"candid://" + strings.Repeat("x", 400) + "/ü",
	} {
		img, err := qrImage(link)
		if err != nil {
			t.Fatal(err)
		}
		got, err := readQR(img)
		if err != nil || got != link {
			t.Errorf("read %q, %v; want %q", got, err, link)
		}
	}
	if _, err := qrImage(strings.Repeat("x", 5000)); err == nil {
		t.Error("a link no code can hold was drawn")
	}
}

// readQR reads a code that was drawn perfectly (ISO/IEC 18004): it undoes the
// mask and reads the bytes, without error correction.
func readQR(img *image.RGBA) (string, error) {
	n := img.Rect.Dx() - 2*quietZone
	version := (n - 17) / 4
	dark := func(x, y int) bool { return img.RGBAAt(x+quietZone, y+quietZone).R < 128 }
	for i := range quietZone {
		if img.RGBAAt(i, i).R < 128 {
			return "", errors.New("the quiet zone is not quiet")
		}
	}
	mask := 0
	for i, x := range []int{2, 3, 4} { // format bits 12 to 10, along row 8
		if dark(x, 8) {
			mask |= 1 << (2 - i)
		}
	}
	mask ^= 0b101 // of the format mask 101010000010010
	bits := qrBits(n, version, mask, dark)
	data := deinterleave(bits, version)
	return decodeBytes(data, version)
}

// qrBits walks the columns in pairs from the right, upwards and downwards.
func qrBits(n, version, mask int, dark func(x, y int) bool) []bool {
	var bits []bool
	up := true
	for x := n - 1; x > 0; x -= 2 {
		if x == 6 {
			x--
		}
		for i := range n {
			y := i
			if up {
				y = n - 1 - i
			}
			for _, xx := range []int{x, x - 1} {
				if !qrFunction(n, version, xx, y) {
					bits = append(bits, dark(xx, y) != qrMask(mask, xx, y))
				}
			}
		}
		up = !up
	}
	return bits
}

func qrMask(mask, x, y int) bool {
	switch mask {
	case 0:
		return (x+y)%2 == 0
	case 1:
		return y%2 == 0
	case 2:
		return x%3 == 0
	case 3:
		return (x+y)%3 == 0
	case 4:
		return (x/3+y/2)%2 == 0
	case 5:
		return x*y%2+x*y%3 == 0
	case 6:
		return (x*y%2+x*y%3)%2 == 0
	}
	return ((x+y)%2+x*y%3)%2 == 0
}

// qrFunction reports whether a module is part of a pattern and not of the data.
func qrFunction(n, version, x, y int) bool {
	switch {
	case x == 6 || y == 6, x < 9 && y < 9, x >= n-8 && y < 9, x < 9 && y >= n-8:
		return true
	case version >= 7 && (x >= n-11 && y < 6 || y >= n-11 && x < 6):
		return true
	}
	centres := alignment(n, version)
	for _, cx := range centres {
		for _, cy := range centres {
			corner := cx == 6 && cy == 6 || cx == 6 && cy == n-7 || cx == n-7 && cy == 6
			if !corner && abs(x-cx) <= 2 && abs(y-cy) <= 2 {
				return true
			}
		}
	}
	return false
}

func abs(v int) int { return max(v, -v) }

// alignment are the centres of the alignment patterns.
func alignment(n, version int) []int {
	if version == 1 {
		return nil
	}
	count := version/7 + 2
	step := (n - 13 + 2*count - 3) / (2*count - 2) * 2
	if version == 32 {
		step = 26
	}
	out := []int{6}
	for i := count - 2; i >= 0; i-- {
		out = append(out, n-7-i*step)
	}
	return out
}

// qrBlocks are, for level M, the check bytes per block and the number of blocks
// by version.
var qrBlocks = map[int][2]int{1: {10, 1}, 2: {16, 1}, 3: {26, 1}, 4: {18, 2}, 5: {24, 2}, 6: {16, 4}, 7: {18, 4}, 8: {22, 4}, 9: {22, 5}, 10: {26, 5},
	11: {30, 5}, 12: {22, 8}, 13: {22, 9}, 14: {24, 9}, 15: {24, 10}, 16: {28, 10}, 17: {28, 11}, 18: {26, 13}, 19: {26, 14}, 20: {26, 16}}

func deinterleave(bits []bool, version int) []byte {
	raw := make([]byte, len(bits)/8)
	for i := range raw {
		for b := range 8 {
			if bits[8*i+b] {
				raw[i] |= 1 << (7 - b)
			}
		}
	}
	check, blocks := qrBlocks[version][0], qrBlocks[version][1]
	total := len(raw) - check*blocks
	short, long := total/blocks, total%blocks // the last ones are one longer
	parts := make([][]byte, blocks)
	k := 0
	for i := range short + 1 {
		for b := range blocks {
			if i < short || b >= blocks-long {
				parts[b] = append(parts[b], raw[k])
				k++
			}
		}
	}
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func decodeBytes(data []byte, version int) (string, error) {
	at := 0
	take := func(n int) int {
		v := 0
		for range n {
			v = v<<1 | int(data[at/8]>>(7-at%8)&1)
			at++
		}
		return v
	}
	if mode := take(4); mode != 4 {
		return "", errors.New("not in byte mode")
	}
	bits := 8
	if version >= 10 {
		bits = 16
	}
	n := take(bits)
	if 4+bits+8*n > 8*len(data) {
		return "", errors.New("longer than the code")
	}
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(take(8))
	}
	return string(out), nil
}
