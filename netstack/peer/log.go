package peer

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// logFactory brings pion's logging to slog, all of it at the debug level: it
// names addresses, and what matters of it is told as an event or an error.
type logFactory struct{ to *slog.Logger }

func (f logFactory) NewLogger(scope string) logging.LeveledLogger {
	return &leveled{f.to.With("pion", scope)}
}

type leveled struct{ to *slog.Logger }

func (l *leveled) log(level, msg string) {
	if l.to.Enabled(context.Background(), slog.LevelDebug) {
		l.to.Debug(msg, "level", level)
	}
}

func (l *leveled) logf(level, format string, args []any) {
	if l.to.Enabled(context.Background(), slog.LevelDebug) {
		l.to.Debug(fmt.Sprintf(format, args...), "level", level)
	}
}

func (*leveled) Trace(string)                     {}
func (*leveled) Tracef(string, ...any)            {}
func (l *leveled) Debug(msg string)               { l.log("debug", msg) }
func (l *leveled) Debugf(format string, a ...any) { l.logf("debug", format, a) }
func (l *leveled) Info(msg string)                { l.log("info", msg) }
func (l *leveled) Infof(format string, a ...any)  { l.logf("info", format, a) }
func (l *leveled) Warn(msg string)                { l.log("warn", msg) }
func (l *leveled) Warnf(format string, a ...any)  { l.logf("warn", format, a) }
func (l *leveled) Error(msg string)               { l.log("error", msg) }
func (l *leveled) Errorf(format string, a ...any) { l.logf("error", format, a) }
