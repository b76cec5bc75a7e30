package replay

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"candid/netstack/trace"
)

// Names of the files in a Folder: the recording, and beside it what a list
// shows of it, so that listing does not read whole recordings.
const (
	traceEnd = ".trace"
	entryEnd = ".json"
	nameForm = "2006-01-02 15.04.05.000"
)

// maxEntry bounds the little file beside a recording.
const maxEntry = 64 << 10

// Entry is one recording of a Folder, as a list shows it.
type Entry struct {
	Name   string        `json:"-"` // of the file, without its end
	Room   string        `json:"room"`
	Start  time.Time     `json:"start"`
	Took   time.Duration `json:"took"`
	People []string      `json:"people"` // names of the others, in order of joining
	// Summary says in a few words which way the call took; empty: not known.
	Summary string `json:"summary"`
	Size    int64  `json:"-"`
}

// Folder keeps recordings, the newest Keep of them.
type Folder struct {
	Dir    string
	Keep   int
	Logger *slog.Logger
}

// Begin makes a new file for a recording. Its name is to be given to Finish
// when it is closed.
func (f Folder) Begin(program string, start time.Time) (w *trace.Writer, name string, err error) {
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return nil, "", fmt.Errorf("begin flight recorder: %w", err)
	}
	name = start.UTC().Format(nameForm)
	w, err = trace.Create(f.path(name, traceEnd), trace.Header{Version: trace.Version, Program: program, Start: start}, trace.Options{Logger: f.Logger})
	return w, name, err
}

// Finish notes what a list shows of a recording that was closed, and removes
// the oldest ones.
func (f Folder) Finish(e Entry) error {
	b, err := json.Marshal(e)
	if err == nil {
		err = os.WriteFile(f.path(e.Name, entryEnd), b, 0o600)
	}
	if err != nil {
		err = fmt.Errorf("note the recording: %w", err)
	}
	return errors.Join(err, f.prune())
}

func (f Folder) prune() error {
	list, err := f.List()
	if err != nil || f.Keep <= 0 {
		return err
	}
	var errs []error
	for _, e := range list[min(len(list), f.Keep):] {
		errs = append(errs, f.Delete(e.Name))
	}
	return errors.Join(errs...)
}

// List lists the recordings, newest first.
func (f Folder) List() ([]Entry, error) {
	files, err := os.ReadDir(f.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list recordings: %w", err)
	}
	var out []Entry
	for _, file := range files {
		name, ok := strings.CutSuffix(file.Name(), traceEnd)
		info, err := file.Info()
		if !ok || err != nil || !info.Mode().IsRegular() {
			continue // not ours, or gone in between
		}
		out = append(out, f.entry(name, info))
	}
	slices.SortStableFunc(out, func(a, b Entry) int { return b.Start.Compare(a.Start) })
	return out, nil
}

// entry is what is known of a recording. Of one that was never finished, the
// file itself tells when it began and was last written.
func (f Folder) entry(name string, info fs.FileInfo) Entry {
	e := Entry{Start: info.ModTime()}
	if t, err := time.Parse(nameForm, name); err == nil {
		e.Start, e.Took = t, max(0, info.ModTime().Sub(t))
	}
	beside := f.path(name, entryEnd)
	if i, err := os.Stat(beside); err == nil && i.Size() <= maxEntry {
		if b, err := os.ReadFile(beside); err == nil {
			var told Entry
			if json.Unmarshal(b, &told) == nil {
				e = told
			}
		}
	}
	e.Name, e.Size = name, info.Size()
	return e
}

// Open opens a recording of the list. Close must be called.
func (f Folder) Open(name string) (*Recording, error) {
	if !filepath.IsLocal(name) || strings.ContainsAny(name, `/\`) {
		return nil, fmt.Errorf("open recording: %q is no name of one", name)
	}
	return Load(f.path(name, traceEnd))
}

// Delete removes a recording.
func (f Folder) Delete(name string) error {
	err := os.Remove(f.path(name, traceEnd))
	if e := os.Remove(f.path(name, entryEnd)); !errors.Is(e, fs.ErrNotExist) {
		err = errors.Join(err, e)
	}
	if err != nil {
		return fmt.Errorf("delete recording: %w", err)
	}
	return nil
}

func (f Folder) path(name, end string) string { return filepath.Join(f.Dir, filepath.Base(name)+end) }

// Entry is what a list shows of a recording.
func (r *Recording) Entry() Entry {
	e := Entry{Room: r.Room, Start: r.Start, Took: r.Duration()}
	var lines []ReportLine
	for _, p := range r.People {
		if !slices.Contains(e.People, p.Name) {
			e.People = append(e.People, p.Name)
		}
		end := p.Left
		if end.IsZero() {
			end = r.End
		}
		lines = append(lines, ReportLine{Ways: r.ways(p, end)})
	}
	e.Summary = summary(shares(lines))
	return e
}
