//go:build !headless

package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"candid/app/call"
	"candid/app/history"
	"candid/app/replay"
	"candid/app/ui"
	"candid/netstack/contacts"
	"candid/netstack/identity"
	"candid/netstack/signal"
	"candid/netstack/trace"
)

// keptCalls is how many recordings are kept: at 16 MB each, the most there is
// for long calls, 640 MB.
const keptCalls = 40

// maxImport bounds a file that is read as a whole.
const maxImport = 64 << 20

// openMemory finds what is kept of past calls. A history that cannot be read
// begins anew.
func (e *engine) openMemory() {
	e.calls = replay.Folder{Dir: filepath.Join(e.dir, "calls"), Keep: keptCalls, Logger: e.log}
	h, err := history.Open(filepath.Join(e.dir, "history.json"))
	if err != nil {
		e.log.Warn("history not read", "err", err)
	}
	e.history = h
}

// openSelf opens the key by which others know this person, and those of people
// with whom words were compared. What is damaged is replaced for as long as the
// program runs, and never on the disk.
func (e *engine) openSelf() error {
	person, err := identity.LoadOrCreatePerson(e.dir)
	if err != nil {
		e.log.Warn("person's key not read", "err", err)
	}
	book, bookErr := contacts.Open(e.dir, signal.Looks)
	if bookErr != nil {
		e.log.Warn("contacts not read", "err", bookErr)
	}
	e.person, e.contacts = person, book
	return errors.Join(err, bookErr)
}

// tapped is a call that is recorded: the window reads its events behind the
// recorder.
type tapped struct {
	*call.Session
	tap *replay.Tap
}

func (t *tapped) Events() <-chan call.Event { return t.tap.Events() }

// recorded begins to record a call, unless nobody wants it or it is measured.
func (e *engine) recorded(s *call.Session) ui.Call {
	if e.meter != nil || !e.Config().RecordCalls {
		return s
	}
	start := time.Now()
	w, name, err := e.calls.Begin("Candid "+version, start)
	if err != nil {
		e.log.Warn("call not recorded", "err", err)
		return s
	}
	tracker := history.NewTracker(e.history)
	tap := replay.NewTap(s, replay.NewRecorder(w, nil), func(at time.Time, m replay.Moment) { remember(tracker, at, m.Lines) }, nil)
	e.wg.Go(func() {
		<-tap.Done()
		err := errors.Join(w.Close(), tracker.Close(), e.finish(name))
		if err != nil {
			e.log.Warn("call not recorded to its end", "err", err)
		}
	})
	return &tapped{s, tap}
}

// remember tells the history how the lines are.
func remember(t *history.Tracker, at time.Time, lines []call.Line) {
	for _, l := range lines {
		t.See(l.Member.ID, contactOf(l.Member), l.Member.Name, at, l.Verdict.Path, l.Link.RTT)
	}
}

// contactOf is what tells a contact from others: who it is, once words were
// compared, and until then the name.
func contactOf(m call.Member) string {
	if m.Contact != "" {
		return "key:" + m.Contact
	}
	return "name:" + m.Name
}

// finish notes what a list shows of a recording. A call that nobody else came
// to is not kept.
func (e *engine) finish(name string) error {
	r, err := e.calls.Open(name)
	if err != nil {
		return err
	}
	entry := r.Entry()
	entry.Name = name
	if err := r.Close(); err != nil {
		return fmt.Errorf("close the recording: %w", err)
	}
	if len(entry.People) == 0 {
		return e.calls.Delete(name)
	}
	return e.calls.Finish(entry)
}

// Recordings lists the recorded calls.
func (e *engine) Recordings(context.Context) ([]replay.Entry, error) { return e.calls.List() }

// OpenRecording opens one of them.
func (e *engine) OpenRecording(_ context.Context, name string) (*replay.Recording, error) {
	return e.calls.Open(name)
}

// DeleteRecording removes one, or all that is remembered.
func (e *engine) DeleteRecording(_ context.Context, name string) error {
	if name != "" {
		return e.calls.Delete(name)
	}
	list, err := e.calls.List()
	errs := []error{err, e.history.Forget("")}
	for _, r := range list {
		errs = append(errs, e.calls.Delete(r.Name))
	}
	return errors.Join(errs...)
}

// ImportCall reads a recording from elsewhere, or a dump of Chrome's
// webrtc-internals.
func (e *engine) ImportCall(_ context.Context, file string) (*replay.Recording, error) {
	r, err := replay.Load(file)
	if !errors.Is(err, trace.ErrNotATrace) {
		return r, err
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("import a call: %w", err)
	}
	defer f.Close()
	var out bytes.Buffer
	err = replay.ImportInternals(&out, io.LimitReader(f, maxImport))
	if errors.Is(err, replay.ErrNotADump) {
		return nil, fmt.Errorf("import %s: %w", filepath.Base(file), errNoCall)
	}
	if err != nil {
		return nil, err
	}
	return replay.Read(bytes.NewReader(out.Bytes()), int64(out.Len()))
}

// ExportCall writes a report to where downloads go.
func (e *engine) ExportCall(_ context.Context, r *replay.Recording, f ui.Format, named bool) (string, error) {
	report, err := r.Report(named)
	if err != nil {
		return "", err
	}
	out, err := newFile(downloads(), "candid-call-"+r.Start.Local().Format("2006-01-02-1504"), string(f))
	if err != nil {
		return "", fmt.Errorf("write the report: %w", err)
	}
	if f == ui.HTML {
		err = report.WriteHTML(out)
	} else {
		err = report.WriteJSON(out)
	}
	if cerr := out.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("write the report: %w", cerr)
	}
	return out.Name(), err
}

// newFile makes a file that was not there: name.ext, or name-2.ext.
func newFile(dir, name, ext string) (*os.File, error) {
	for n := 1; ; n++ {
		try := name
		if n > 1 {
			try += fmt.Sprintf("-%d", n)
		}
		f, err := os.OpenFile(filepath.Join(dir, try+"."+ext), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil || !errors.Is(err, os.ErrExist) || n > 99 {
			return f, err
		}
	}
}

// downloads is where a person looks for a file that was saved.
func downloads() string {
	home, err := os.UserHomeDir()
	if err != nil {
		return "."
	}
	for _, dir := range []string{os.Getenv("XDG_DOWNLOAD_DIR"), filepath.Join(home, "Downloads")} {
		if i, err := os.Stat(dir); err == nil && i.IsDir() {
			return dir
		}
	}
	return home
}

// History says how calls with a member went that began before a time.
func (e *engine) History(m call.Member, before time.Time) string {
	if m.Name == "" {
		return ""
	}
	return e.history.Of(contactOf(m), before).String()
}
