package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"runtime"
	"runtime/debug"
	"sync"

	"candid/netstack"
	"candid/netstack/identity"
	"candid/netstack/oneport"
	"candid/netstack/sfu"
)

// serve runs one room on a port of its own; what its members say comes in as
// lines.
func serve(in io.Reader, out io.Writer) error {
	debug.SetMemoryLimit(512 << 20)
	log := slog.New(slog.DiscardHandler)
	id, err := identity.New()
	if err != nil {
		return err
	}
	var port *oneport.Port
	local := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	server, err := sfu.NewServer(sfu.Config{LastN: 64, Logger: log, Candidates: func() []netip.AddrPort {
		return []netip.AddrPort{netip.AddrPortFrom(local, uint16(port.Number()))}
	}})
	if err != nil {
		return err
	}
	port, err = oneport.Open(oneport.Config{Bind: []netip.Addr{local}, TLS: id.ServerConfig(), Logger: log,
		Media: func(s *oneport.Socket) oneport.Sink { return server.Sink(s) }})
	if err != nil {
		return err
	}
	defer port.Close()
	room := server.NewRoom()
	defer room.Close()
	w := &writer{encode: json.NewEncoder(out)}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return fmt.Errorf("reading a command: %w", err)
		}
		switch {
		case l.Join != "":
			err = room.Join(l.Join, w)
		case l.Leave != "":
			room.Leave(l.Leave)
		case l.Envelope != nil:
			room.Handle(*l.Envelope)
		case l.Count:
			w.write(line{Counts: count(room)})
		}
		if err != nil {
			return err
		}
	}
	return lines.Err()
}

func count(room *sfu.Room) *counts {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s := room.Stats()
	return &counts{Forwarded: s.Forwarded, Resent: s.Resent, Sent: s.Sent, Calls: s.Calls, Lost: s.Lost, Mallocs: m.Mallocs, InsideP50: s.InsideP50, InsideP99: s.InsideP99}
}

// writer sends envelopes to the other process.
type writer struct {
	mu     sync.Mutex
	encode *json.Encoder
}

// Send is the room's signaler.
func (w *writer) Send(_ context.Context, e netstack.Envelope) error {
	w.write(line{Envelope: &e})
	return nil
}

func (w *writer) write(l line) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.encode.Encode(l) // the other process ended: so does this one
}
