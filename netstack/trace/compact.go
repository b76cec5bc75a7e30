package trace

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// thinning are the steps of making a trace smaller: of samples older than the
// recent ones, one in this time is kept.
var thinning = []time.Duration{10 * time.Second, time.Minute, 10 * time.Minute}

// rewrite replaces the file by a thinned one of at most half the size, and goes
// on writing to that.
func (w *Writer) rewrite() error {
	recent := w.enc.last.Add(-w.opt.Recent)
	for _, every := range thinning {
		ok, err := w.replace(func(r Record) bool { return r.At.After(recent) || !r.Stream || r.State },
			every, Thinned{recent, every})
		if ok || err != nil {
			return err
		}
	}
	// Facts alone are too many. The newest are worth the most.
	for keep := w.opt.Recent; ; keep /= 4 {
		from := w.enc.last.Add(-keep)
		ok, err := w.replace(func(r Record) bool { return r.At.After(from) || r.Stream && r.State }, 0, Thinned{from, 0})
		if ok || err != nil {
			return err
		}
		if keep < time.Second {
			return fmt.Errorf("make room in %d bytes: one second of this call is larger", w.opt.MaxBytes)
		}
	}
}

// replace writes the records that keep wants, and of the samples it does not
// want one in every. It reports whether the result is small enough, and has
// replaced the file.
func (w *Writer) replace(keep func(Record) bool, every time.Duration, note Thinned) (ok bool, err error) {
	src, err := os.Open(w.path)
	if err != nil {
		return false, err
	}
	defer src.Close()
	r, err := Open(src, w.file.size)
	if err != nil {
		return false, err
	}
	tmp, err := os.CreateTemp(filepath.Dir(w.path), filepath.Base(w.path)+".*") // 0600
	if err != nil {
		return false, err
	}
	defer os.Remove(tmp.Name()) // fails, as it should, after the rename
	out := &file{f: tmp}
	enc := NewEncoder(out, w.enc.header)
	thin(enc, r, keep, every)
	enc.Record(KindThinned, w.enc.last, note)
	err = enc.Flush()
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil || out.size > w.opt.MaxBytes/2 {
		return false, err
	}
	src.Close() // again by defer, for nothing: some systems do not rename over open files
	return true, w.takeOver(tmp.Name(), out, enc)
}

func thin(enc *Encoder, r *Reader, keep func(Record) bool, every time.Duration) {
	last := make(map[streamID]time.Time)
	for rec := range r.All() {
		id := streamID{rec.Kind, rec.Key}
		if !keep(rec) && !rec.Ended {
			if !rec.Stream || every == 0 || rec.At.Sub(last[id]) < every {
				continue
			}
		}
		last[id] = rec.At
		copyTo(enc, rec)
	}
}

// copyTo writes a record that was read.
func copyTo(enc *Encoder, r Record) {
	switch {
	case !r.Stream:
		enc.Record(r.Kind, r.At, r.body)
	case r.Ended:
		enc.End(r.Kind, r.Key, r.At)
	case r.State:
		enc.State(r.Kind, r.Key, r.At, r.body)
	default:
		enc.Sample(r.Kind, r.Key, r.At, r.body)
	}
}

// takeOver puts the file called tmp in the place of the trace and opens it for
// appending. enc goes on in the middle of a block.
func (w *Writer) takeOver(tmp string, out *file, enc *Encoder) error {
	if err := w.file.f.Close(); err != nil {
		return err
	}
	err := os.Rename(tmp, w.path)
	f, oerr := os.OpenFile(w.path, os.O_WRONLY|os.O_APPEND, 0o600)
	if err == nil {
		err = oerr
	}
	if err != nil {
		return err
	}
	out.f = f
	w.file, w.enc = out, enc
	return nil
}
