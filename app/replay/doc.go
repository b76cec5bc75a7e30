// Package replay keeps calls: a Recorder writes one to a trace while it goes
// on, a Recording is the trace of one read back, and a Player gives the window
// a Recording in place of a call. A Report tells of one in a file to give away.
// It imports no GUI.
//
// What is recorded is what the window is told: call.Snapshot, call.Line and the
// call's events. At each second a Recording gives what the call gave at that
// second, equal in all but the invite link, which is a secret and not recorded.
// Events that this package does not know are not recorded: what people write to
// each other never gets into a trace by accident.
package replay
