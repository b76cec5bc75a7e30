package trace

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Options say how a Writer behaves. The zero Options are the usual ones.
type Options struct {
	MaxBytes int64         // size of the file that makes the Writer thin it; 0 is 16 MB
	Recent   time.Duration // samples this young are never thinned; 0 is ten minutes
	Queue    int           // records that may wait to be written; 0 is 2048
	Logger   *slog.Logger  // nil: slog.Default
	tick     <-chan time.Time
}

func (o Options) withDefaults() Options {
	if o.MaxBytes == 0 {
		o.MaxBytes = 16 << 20
	}
	if o.Recent == 0 {
		o.Recent = 10 * time.Minute
	}
	if o.Queue == 0 {
		o.Queue = 2048
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// flushEvery is how much of a call a crash may take with it.
const flushEvery = time.Second

// Writer writes the trace of a call under way. Its methods may be called from
// any goroutine and never block: what comes faster than it can be written is
// dropped, counted, and the count recorded. Bodies must not change after they
// were given.
type Writer struct {
	opt  Options
	path string
	done chan struct{}
	err  error // of the end; read after done

	mu      sync.Mutex
	queue   chan entry
	dropped uint64
	closed  bool

	file *file // of the goroutine, as is the rest
	enc  *Encoder
}

type entry struct {
	what      func(*Encoder, entry)
	kind, key string
	at        time.Time
	body      any
}

// Create makes a new file, for its owner only, and starts to write a trace
// into it. It does not overwrite: os.ErrExist is returned, wrapped. Close must
// be called.
func Create(path string, h Header, o Options) (*Writer, error) {
	o = o.withDefaults()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("begin flight recorder: %w", err)
	}
	w := &Writer{
		opt: o, path: path, done: make(chan struct{}), queue: make(chan entry, o.Queue),
		file: &file{f: f},
	}
	w.enc = NewEncoder(w.file, h)
	go w.run()
	return w, nil
}

// Record writes a fact.
func (w *Writer) Record(kind string, at time.Time, body any) {
	w.push(entry{record, kind, "", at, body})
}

// State writes the value of a stream of which all values are kept.
func (w *Writer) State(kind, key string, at time.Time, body any) {
	w.push(entry{state, kind, key, at, body})
}

// Sample writes the value of a stream whose old values may be thinned.
func (w *Writer) Sample(kind, key string, at time.Time, body any) {
	w.push(entry{sample, kind, key, at, body})
}

// End ends a stream.
func (w *Writer) End(kind, key string, at time.Time) {
	w.push(entry{end, kind, key, at, nil})
}

func record(e *Encoder, n entry) { e.Record(n.kind, n.at, n.body) }
func state(e *Encoder, n entry)  { e.State(n.kind, n.key, n.at, n.body) }
func sample(e *Encoder, n entry) { e.Sample(n.kind, n.key, n.at, n.body) }
func end(e *Encoder, n entry)    { e.End(n.kind, n.key, n.at) }

func (w *Writer) push(e entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	select {
	case w.queue <- e:
	default:
		w.dropped++
	}
}

// Close writes what was told until now, waits for it, and returns the first
// error there was. It may be called twice.
func (w *Writer) Close() error {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.queue)
	}
	w.mu.Unlock()
	<-w.done
	return w.err
}

func (w *Writer) run() {
	defer close(w.done)
	tick := w.opt.tick
	if tick == nil {
		t := time.NewTicker(flushEvery)
		defer t.Stop()
		tick = t.C
	}
	for {
		select {
		case e, ok := <-w.queue:
			if !ok {
				w.noteDropped()
				w.err = w.close()
				return
			}
			e.what(w.enc, e)
		case <-tick:
			w.flush()
		}
	}
}

func (w *Writer) flush() {
	w.noteDropped()
	if w.enc.Flush() == nil && w.file.size > w.opt.MaxBytes {
		w.compact()
	}
}

func (w *Writer) noteDropped() {
	w.mu.Lock()
	n := w.dropped
	w.dropped = 0
	w.mu.Unlock()
	if n > 0 {
		at := w.enc.last
		if at.IsZero() {
			at = w.enc.header.Start
		}
		w.enc.Record(KindLost, at, Lost{n, "came faster than they could be written"})
	}
}

func (w *Writer) close() error {
	err := w.enc.Close()
	if serr := w.file.f.Sync(); err == nil {
		err = serr
	}
	if cerr := w.file.f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("end flight recorder: %w", err)
	}
	return nil
}

// file counts what is written to it.
type file struct {
	f    *os.File
	size int64
}

func (f *file) Write(b []byte) (int, error) {
	n, err := f.f.Write(b)
	f.size += int64(n)
	return n, err
}

// compact makes the file smaller, or else stops recording: a disk that is full
// must not fill up more.
func (w *Writer) compact() {
	err := w.enc.Close()
	if err == nil {
		err = w.rewrite()
	}
	if err != nil {
		w.opt.Logger.Warn("flight recorder stops", "err", err)
		w.enc.err = errors.Join(errors.New("make room"), err)
	}
}
