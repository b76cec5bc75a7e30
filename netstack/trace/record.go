package trace

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Version is the version of the format this package writes, and the newest it
// reads.
const Version = 1

// Errors of reading.
var (
	// ErrNotATrace means that the input holds no block of a trace.
	ErrNotATrace = errors.New("not a flight recorder file")
	// ErrVersion means that the trace was made by a newer program.
	ErrVersion = errors.New("flight recorder file of a newer version")
)

// Header says what made a trace, and when.
type Header struct {
	Version int       `json:"trace"`
	Program string    `json:"program"` // name and version
	Start   time.Time `json:"start"`
}

// Kinds of records that this package writes about the trace itself.
const (
	KindLost    = "trace-lost"    // body Lost
	KindThinned = "trace-thinned" // body Thinned
)

// Lost says that records could not be kept.
type Lost struct {
	Records uint64 `json:"records"` // since the Lost before
	Why     string `json:"why"`
}

// Thinned says that samples before a time were thinned to make room.
type Thinned struct {
	Before time.Time     `json:"before"`
	Every  time.Duration `json:"every"` // 0: none were kept
}

// Record is one entry of a trace: a fact, or a value of a stream.
type Record struct {
	Kind string
	Key  string // of a stream; empty for facts
	At   time.Time
	// Stream is true for a value, or the end, of a stream.
	Stream bool
	State  bool // of a stream whose values are all kept
	Ended  bool // the stream ends; there is no body
	body   any  // as DecodeTree makes it
}

// Decode stores the body in v, which must be a pointer. The body of a stream
// must be decoded before the next record is read.
func (r Record) Decode(v any) error {
	b, err := json.Marshal(r.body)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		return fmt.Errorf("decode %s: %w", r.Kind, err)
	}
	return nil
}

// wire is a line of a block: a record, or in the first line the header.
type wire struct {
	Kind  string          `json:"k"`
	Key   string          `json:"i,omitempty"`
	At    int64           `json:"t"`
	Body  json.RawMessage `json:"b,omitempty"`
	Value json.RawMessage `json:"v,omitempty"`
	Delta json.RawMessage `json:"d,omitempty"`
	End   bool            `json:"e,omitempty"`
	Keep  bool            `json:"keep,omitempty"`
	Again bool            `json:"again,omitempty"`
}

type blockHeader struct {
	Header
	Block uint64 `json:"block"`
}

// DecodeTree decodes JSON to maps, slices and scalars, with numbers as they
// are written: counters of 64 bits stay exact.
func DecodeTree(b []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return v, nil
}

// tree turns any value into one of DecodeTree's kind, without secrets.
func tree(v any) (any, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	t, err := DecodeTree(b)
	if err != nil {
		return nil, err
	}
	return scrub(t), nil
}
