package trace

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"
)

// Limits of reading, against hostile files: what a Writer makes stays far below.
const (
	maxBlocks   = 1 << 20
	maxUnpacked = 8 << 20 // of one block, and of what one stream is made of
	maxTotal    = 1 << 30 // of all blocks read in a row
	maxDamages  = 100
)

// Damage says where a trace could not be read. Reading went on with the next
// block.
type Damage struct {
	Offset int64 // of the block
	Err    error
}

func (d Damage) Error() string { return fmt.Sprintf("block at byte %d: %v", d.Offset, d.Err) }
func (d Damage) Unwrap() error { return d.Err }

// Reader reads a trace. It is not safe for concurrent use.
type Reader struct {
	src     io.ReaderAt
	blocks  []block
	header  Header
	damages []Damage
	total   int64
	now     time.Time // of the newest record taken

	next    int // block
	lines   *bufio.Reader
	left    *io.LimitedReader
	peeked  *wire
	streams map[streamID]*stream
	before  map[streamID]*stream // of the block before, if none is missing between
}

// Open finds the blocks of a trace of size bytes and reads its header. It
// returns ErrNotATrace or ErrVersion, wrapped, or an error of src.
func Open(src io.ReaderAt, size int64) (*Reader, error) {
	r := &Reader{src: src}
	if err := r.index(size); err != nil {
		return nil, fmt.Errorf("open trace: %w", err)
	}
	for r.next < len(r.blocks) && r.header.Version == 0 {
		r.openBlock()
	}
	switch {
	case r.header.Version == 0:
		return nil, fmt.Errorf("open trace: %w", ErrNotATrace)
	case r.header.Version > Version:
		return nil, fmt.Errorf("open trace: %w: %d", ErrVersion, r.header.Version)
	}
	return r, nil
}

// Header returns what made the trace, and when.
func (r *Reader) Header() Header { return r.header }

// Damages tells, of the blocks read so far, which could not be read whole. A
// trace whose program was killed has one at its end.
func (r *Reader) Damages() []Damage { return r.damages }

// Rewind goes back to the start.
func (r *Reader) Rewind() { r.goTo(0) }

// SeekTo goes to the last block that begins at or before t, or the first. The
// records that follow begin with the value of every stream at that block's start.
func (r *Reader) SeekTo(t time.Time) { r.goTo(r.blockOf(t)) }

// ReadTo reads on, or goes back, until all records not later than t are taken,
// and none later: Value then tells what was at t.
func (r *Reader) ReadTo(t time.Time) {
	if r.lines == nil || r.now.After(t) || r.blockOf(t) != r.next-1 {
		r.SeekTo(t)
	}
	for r.Before(t) {
		if _, err := r.Next(); err != nil {
			return // cannot be: there was one
		}
	}
}

func (r *Reader) goTo(block int) {
	r.next, r.lines, r.peeked, r.total, r.now = block, nil, nil, 0, time.Time{}
	r.streams, r.before = nil, nil
}

// openBlock opens the next block and reads its header.
func (r *Reader) openBlock() {
	b := r.blocks[r.next]
	whole := r.next > 0 && r.lines != nil && r.blocks[r.next-1].number+1 == b.number
	r.before, r.streams = r.streams, make(map[streamID]*stream)
	if !whole {
		r.before = nil
	}
	r.next++
	r.lines = nil
	z, err := gzip.NewReader(bufio.NewReader(io.NewSectionReader(r.src, b.offset, b.end-b.offset)))
	if err != nil {
		r.damaged(err)
		return
	}
	z.Multistream(false)
	r.left = &io.LimitedReader{R: z, N: maxUnpacked}
	r.lines = bufio.NewReaderSize(r.left, 1<<16)
	var h blockHeader
	line, err := r.line()
	if err == nil {
		err = json.Unmarshal(line, &h)
	}
	if err == nil && h.Version < 1 {
		err = errors.New("no header")
	}
	if err != nil {
		r.damaged(err)
		return
	}
	if r.header.Version == 0 {
		r.header = h.Header
	}
}

// damaged notes why the open block cannot be read on, and leaves it.
func (r *Reader) damaged(err error) {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("cut short: %w", err)
	}
	d := Damage{r.blocks[r.next-1].offset, err}
	known := false
	for _, k := range r.damages {
		known = known || k.Offset == d.Offset
	}
	if !known && len(r.damages) < maxDamages {
		r.damages = append(r.damages, d)
	}
	r.lines, r.before, r.peeked = nil, nil, nil
}

// line returns the next line of the block; io.EOF at its end.
func (r *Reader) line() ([]byte, error) {
	var long []byte
	for {
		part, err := r.lines.ReadSlice('\n')
		r.total += int64(len(part))
		if len(long)+len(part) > maxLine+1 {
			return nil, errors.New("a record is too long")
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			long = append(long, part...)
			continue
		case errors.Is(err, io.EOF) && r.left.N == 0:
			return nil, errors.New("block is too large")
		case errors.Is(err, io.EOF) && len(part)+len(long) > 0:
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		}
		if long == nil {
			return part, nil
		}
		return append(long, part...), nil
	}
}

// peek returns the next record, without making it the present; io.EOF after
// the last.
func (r *Reader) peek() (*wire, error) {
	for r.peeked == nil {
		if r.total > maxTotal {
			return nil, fmt.Errorf("read trace: it unpacks to more than %d bytes", int64(maxTotal))
		}
		if r.lines == nil {
			if r.next >= len(r.blocks) {
				return nil, io.EOF
			}
			r.openBlock()
			continue
		}
		line, err := r.line()
		switch {
		case errors.Is(err, io.EOF):
			if r.next >= len(r.blocks) {
				return nil, io.EOF
			}
			r.openBlock()
			continue
		case err != nil:
			r.damaged(err)
			continue
		}
		l := new(wire)
		if err := json.Unmarshal(line, l); err != nil {
			r.damaged(err)
			continue
		}
		if l.Again && l.Value != nil && r.before[streamID{l.Kind, l.Key}] != nil {
			if _, err := r.take(l); err != nil { // nothing new
				r.damaged(err)
			}
			continue
		}
		r.peeked = l
	}
	return r.peeked, nil
}

// Before reports whether the next record is not later than t. It is false
// after the last.
func (r *Reader) Before(t time.Time) bool {
	l, err := r.peek()
	return err == nil && l.At <= t.UnixNano()
}

// Next returns the next record; io.EOF after the last. Damage is not an error:
// see Damages.
func (r *Reader) Next() (Record, error) {
	for {
		l, err := r.peek()
		if err != nil {
			return Record{}, err
		}
		r.peeked = nil
		rec, err := r.take(l)
		if err != nil {
			r.damaged(err)
			continue
		}
		return rec, nil
	}
}

// take makes a record the present.
func (r *Reader) take(l *wire) (rec Record, err error) {
	rec = Record{Kind: l.Kind, Key: l.Key, At: time.Unix(0, l.At).UTC(), State: l.Keep, Ended: l.End}
	id := streamID{l.Kind, l.Key}
	switch {
	case l.End:
		delete(r.streams, id)
		rec.Stream = true
	case l.Value != nil:
		rec.Stream = true
		if rec.body, err = DecodeTree(l.Value); err != nil {
			return rec, err
		}
		if r.streams[id] == nil && len(r.streams) >= maxStreams {
			return rec, errors.New("too many streams")
		}
		r.streams[id] = &stream{value: rec.body, keep: l.Keep, at: rec.At, size: len(l.Value)}
	case l.Delta != nil:
		rec.Stream = true
		rec.body, err = r.change(id, l, rec.At)
	case l.Body != nil:
		rec.body, err = DecodeTree(l.Body)
	}
	if rec.At.After(r.now) {
		r.now = rec.At
	}
	return rec, err
}

func (r *Reader) change(id streamID, l *wire, at time.Time) (any, error) {
	s := r.streams[id]
	if s == nil {
		return nil, errChange
	}
	if s.size += len(l.Delta); s.size > maxUnpacked {
		return nil, errors.New("a value grows too large")
	}
	d, err := DecodeTree(l.Delta)
	if err != nil {
		return nil, err
	}
	v, err := apply(s.value, d)
	if err != nil {
		return nil, err
	}
	s.value, s.at = v, at
	return v, nil
}

// Value returns the newest value of a stream up to the present position; ok is
// false if there is none.
func (r *Reader) Value(kind, key string) (rec Record, ok bool) {
	s := r.streams[streamID{kind, key}]
	if s == nil {
		return Record{}, false
	}
	return Record{Kind: kind, Key: key, At: s.at, Stream: true, State: s.keep, body: s.value}, true
}

// All yields the records from the present position to the last that can be read.
func (r *Reader) All() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for {
			rec, err := r.Next()
			if err != nil || !yield(rec) {
				return
			}
		}
	}
}
