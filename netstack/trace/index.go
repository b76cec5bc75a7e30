package trace

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"time"
)

// block is where a block lies, and when it begins.
type block struct {
	offset, end int64
	number      uint64
	at          time.Time
}

// headerLength is that of a block's gzip header up to the sync mark.
const headerLength = 10 + 2 + 4

// index looks for sync marks, without unpacking.
func (r *Reader) index(size int64) error {
	const chunk = 1 << 16
	const whole = headerLength + 24
	buf := make([]byte, chunk+whole)
	for base := int64(0); base < size; base += chunk {
		n, err := r.src.ReadAt(buf[:min(int64(len(buf)), size-base)], base)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		for from := 0; ; {
			i := bytes.Index(buf[from:n], []byte(syncMark))
			if i < 0 {
				break
			}
			start := from + i - headerLength
			from += i + 1
			if start < 0 || start >= chunk || start+whole > n || string(buf[start:start+4]) != "\x1f\x8b\x08\x04" {
				continue
			}
			if len(r.blocks) == maxBlocks {
				return errors.New("too many blocks")
			}
			b := buf[start+headerLength+8:]
			r.blocks = append(r.blocks, block{
				offset: base + int64(start), end: size, number: binary.BigEndian.Uint64(b),
				at: time.Unix(0, int64(binary.BigEndian.Uint64(b[8:]))).UTC(),
			})
			if k := len(r.blocks) - 1; k > 0 {
				r.blocks[k-1].end = r.blocks[k].offset
			}
		}
	}
	return nil
}

// blockOf is a linear search on purpose: blocks of a damaged file need not be
// in order.
func (r *Reader) blockOf(t time.Time) int {
	best := 0
	for i, b := range r.blocks {
		if !b.at.After(t) {
			best = i
		}
	}
	return best
}
