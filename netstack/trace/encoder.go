package trace

import (
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
)

// A block ends after blockSpan or blockBytes before compression, whichever is
// first: longer blocks compress better, shorter ones lose less to damage and
// make seeking faster.
const (
	blockSpan  = time.Minute
	blockBytes = 1 << 20
	// maxLine bounds one record; a larger one is counted as lost.
	maxLine = 1 << 20
	// maxStreams bounds the streams that are open at one time.
	maxStreams = 1024
)

// syncMark is at the start of every block. Its first and last byte are no text.
const syncMark = "\x9eCandid\xe9"

// Encoder writes a trace. It blocks on its io.Writer and is not safe for
// concurrent use: see Writer for calls that are under way. The first error stays
// and is returned by Flush and Close; what is told after it goes nowhere.
type Encoder struct {
	w       io.Writer
	header  Header
	block   *gzip.Writer // nil between blocks
	count   uint64       // of blocks
	began   time.Time
	last    time.Time
	raw     int // bytes of the block before compression
	streams map[streamID]*stream
	order   []streamID // of streams, oldest first
	lost    uint64
	err     error
}

type streamID struct{ kind, key string }

type stream struct {
	value any
	keep  bool
	at    time.Time
	size  int // of what the value was made of, reading only
}

// NewEncoder returns an Encoder that writes to w. Close must be called.
func NewEncoder(w io.Writer, h Header) *Encoder {
	h.Version = Version
	return &Encoder{w: w, header: h, streams: make(map[streamID]*stream)}
}

// Record writes a fact. Its body is anything that can be JSON.
func (e *Encoder) Record(kind string, at time.Time, body any) {
	t, err := tree(body)
	if err != nil {
		e.lost++
		return
	}
	e.put(wire{Kind: kind}, at, func(l *wire) (err error) {
		l.Body, err = json.Marshal(t)
		return err
	})
}

// State writes the value of a stream of which all values are kept. It writes
// nothing if the value is what it was.
func (e *Encoder) State(kind, key string, at time.Time, body any) {
	e.value(streamID{kind, key}, at, body, true)
}

// Sample writes the value of a stream whose old values may be thinned.
func (e *Encoder) Sample(kind, key string, at time.Time, body any) {
	e.value(streamID{kind, key}, at, body, false)
}

func (e *Encoder) value(id streamID, at time.Time, body any, keep bool) {
	t, err := tree(body)
	if err != nil {
		e.lost++
		return
	}
	e.startBlock(at) // first: it writes the streams as they were
	s := e.streams[id]
	if s == nil {
		if len(e.streams) >= maxStreams {
			e.lost++
			return
		}
		ok := e.put(wire{Kind: id.kind, Key: id.key, Keep: keep}, at, func(l *wire) (err error) {
			l.Value, err = json.Marshal(t)
			return err
		})
		if ok {
			e.streams[id] = &stream{value: t, keep: keep, at: at}
			e.order = append(e.order, id)
		}
		return
	}
	change, same := diff(s.value, t)
	if same && s.keep {
		return
	}
	ok := e.put(wire{Kind: id.kind, Key: id.key, Keep: keep}, at, func(l *wire) (err error) {
		if same {
			change = map[string]any{}
		}
		l.Delta, err = json.Marshal(change)
		return err
	})
	if ok {
		s.value, s.keep, s.at = t, keep, at
	}
}

// End ends a stream; it does nothing if there is none of this name.
func (e *Encoder) End(kind, key string, at time.Time) {
	id := streamID{kind, key}
	if e.streams[id] == nil {
		return
	}
	if e.put(wire{Kind: kind, Key: key, End: true}, at, nil) {
		delete(e.streams, id)
		e.order = slices.DeleteFunc(e.order, func(o streamID) bool { return o == id })
	}
}

// put writes one record, and reports whether it did.
func (e *Encoder) put(l wire, at time.Time, fill func(*wire) error) bool {
	if at.Before(e.last) {
		at = e.last // a trace is in order, whatever the clock did
	}
	e.startBlock(at)
	l.At = at.UnixNano()
	if fill != nil {
		if err := fill(&l); err != nil {
			e.lost++
			return false
		}
	}
	if !e.line(l) {
		return false
	}
	e.last = at
	return true
}

func (e *Encoder) line(l any) bool {
	b, err := json.Marshal(l)
	if err != nil || len(b) >= maxLine {
		e.lost++
		return false
	}
	if e.err != nil {
		return false
	}
	if _, err = e.block.Write(append(b, '\n')); err != nil {
		e.err = fmt.Errorf("write trace: %w", err)
		return false
	}
	e.raw += len(b) + 1
	return true
}

// startBlock makes sure that a block is open which is not full.
func (e *Encoder) startBlock(at time.Time) {
	if e.block != nil && (e.raw >= blockBytes || at.Sub(e.began) >= blockSpan) {
		e.endBlock()
	}
	if e.block != nil || e.err != nil {
		return
	}
	e.block = gzip.NewWriter(e.w)
	e.block.Extra = extraField(e.count, at)
	e.began, e.raw = at, 0
	e.line(blockHeader{e.header, e.count})
	e.count++
	for _, id := range e.order {
		s := e.streams[id]
		v, err := json.Marshal(s.value)
		if err != nil { // cannot be: it came from JSON
			e.lost++
			continue
		}
		e.line(wire{Kind: id.kind, Key: id.key, At: s.at.UnixNano(), Value: v, Keep: s.keep, Again: true})
	}
}

func (e *Encoder) endBlock() {
	if err := e.block.Close(); err != nil && e.err == nil {
		e.err = fmt.Errorf("write trace: %w", err)
	}
	e.block = nil
}

func extraField(n uint64, at time.Time) []byte {
	b := append([]byte("Cd\x18\x00"), syncMark...)
	b = binary.BigEndian.AppendUint64(b, n)
	return binary.BigEndian.AppendUint64(b, uint64(at.UnixNano()))
}

// Flush makes all that was told readable.
func (e *Encoder) Flush() error {
	if e.lost > 0 && e.err == nil && !e.last.IsZero() {
		lost := e.lost
		e.lost = 0
		e.Record(KindLost, e.last, Lost{lost, "could not be written down"})
	}
	if e.block != nil && e.err == nil {
		if err := e.block.Flush(); err != nil {
			e.err = fmt.Errorf("write trace: %w", err)
		}
	}
	return e.err
}

// Close ends the trace. It does not close the io.Writer.
func (e *Encoder) Close() error {
	if e.block == nil && e.count == 0 {
		e.startBlock(e.header.Start) // an empty trace is one, too
	}
	if err := e.Flush(); err != nil {
		return err
	}
	if e.block != nil {
		e.endBlock()
	}
	return e.err
}
