package uitest

import (
	"context"
	"slices"
	"time"

	"candid/app/call"
	"candid/app/replay"
	"candid/app/ui"
)

// Recordings implements ui.Engine.
func (e *Engine) Recordings(context.Context) ([]replay.Entry, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.Past), nil
}

// OpenRecording implements ui.Engine.
func (e *Engine) OpenRecording(context.Context, string) (*replay.Recording, error) { return e.Opened() }

// ImportCall implements ui.Engine.
func (e *Engine) ImportCall(context.Context, string) (*replay.Recording, error) { return e.Opened() }

// DeleteRecording implements ui.Engine.
func (e *Engine) DeleteRecording(_ context.Context, name string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.Past = slices.DeleteFunc(e.Past, func(p replay.Entry) bool { return name == "" || p.Name == name })
	return nil
}

// ExportCall implements ui.Engine.
func (e *Engine) ExportCall(_ context.Context, _ *replay.Recording, f ui.Format, named bool) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	what := string(f)
	if named {
		what += " named"
	}
	e.Exported = append(e.Exported, what)
	return "/home/robin/Downloads/call." + string(f), nil
}

// History implements ui.Engine.
func (e *Engine) History(m call.Member, _ time.Time) string { return e.Known[m.Name] }
