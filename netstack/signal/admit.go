package signal

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// admit reads the first message and finds the room and the member. Errors are
// for the client.
func (c *visit) admit(subprotocol string) error {
	if subprotocol != Subprotocol {
		return &VersionError{Host: Version}
	}
	for range maxFirst {
		f, err := c.sock.read()
		if err != nil {
			return err
		}
		switch f.Type {
		case TypeJoin, TypeRehearse:
			return c.join(f)
		case TypeResume:
			if err := c.resume(f); !errors.Is(err, errGone) {
				return err
			}
			if err := c.sock.write(0, 0, encode(TypeRefused, refusal(errGone))); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%w: not joined", ErrProtocol)
		}
	}
	return fmt.Errorf("%w: not joined", ErrProtocol)
}

func (c *visit) join(f frame) error {
	var b joinBody
	if err := decode(f.Envelope, &b); err != nil {
		return err
	}
	switch {
	case b.Version != Version:
		return &VersionError{Host: Version, Client: b.Version}
	case !isToken(b.Key, 64) || len(b.Key) < 22:
		return fmt.Errorf("%w: no usable key", ErrProtocol)
	}
	now := time.Now()
	if wait := c.server.failures.wait(c.from, now); wait > 0 {
		return &WaitError{After: wait}
	}
	m := newSession(b, c.remote, c.host)
	enter, counted := (*room).join, m.ID
	if f.Type == TypeRehearse {
		enter, counted = (*room).rehearse, ""
	}
	r, role, err := c.server.letIn(b.Room, b.Secret, counted)
	if err != nil {
		if errors.Is(err, ErrWrongSecret) {
			c.server.failures.add(c.from, now)
		}
		return err
	}
	m.Role = role
	err = errFault
	m.room = r
	if e := r.do(m, func() { err = enter(r, m, c.sock) }); e != nil {
		return ErrHostGone
	}
	c.room, c.member = r, m
	return err
}

func (c *visit) resume(f frame) error {
	var b resumeBody
	if err := decode(f.Envelope, &b); err != nil {
		return err
	}
	if b.Version != Version {
		return &VersionError{Host: Version, Client: b.Version}
	}
	c.server.mu.Lock()
	r := c.server.rooms[b.Room]
	c.server.mu.Unlock()
	if r == nil {
		return errGone
	}
	var m *session
	err := errFault
	if e := r.do(nil, func() { m, err = r.resume(b, c.sock) }); e != nil {
		return errGone
	}
	c.room, c.member = r, m
	return err
}

// refusal is what a client is told.
func refusal(err error) refusedBody {
	b := refusedBody{Code: CodeMalformed, Message: err.Error()}
	for code, e := range map[Code]error{
		CodeDenied: ErrWrongSecret, CodeFull: ErrRoomFull, CodeGone: errGone, CodeRemoved: ErrRemoved,
		CodeVersion: ErrTooOld, CodeWait: ErrTooManyTries, CodeClosed: ErrHostGone,
		CodeLocked: ErrLocked, CodeNotLetIn: ErrDenied, CodeExpired: ErrExpired,
	} {
		if errors.Is(err, e) {
			b.Code = code
		}
	}
	var moved *MovedError
	if errors.As(err, &moved) {
		b.Code, b.Invite = CodeMoved, moved.Invite.String()
	}
	var v *VersionError
	if errors.As(err, &v) {
		b.Version = v.Host
	}
	var w *WaitError
	if errors.As(err, &w) {
		b.After = int(math.Ceil(w.After.Seconds()))
		b.Message = "too many tries from your address; wait " + strconv.Itoa(b.After) + " seconds"
	}
	return b
}
