package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"candid/netstack"
	"candid/netstack/peer"
	"candid/netstack/sfu"
)

// load fills the room and measures.
type load struct {
	o       options
	p       *process
	crowd   *process   // nil: none
	mu      sync.Mutex // of p.encode and members
	members map[netstack.PeerID]*member
	counted chan counts
	talkers []*talker
	wg      sync.WaitGroup
}

// joinPatience is how long a member may take to get its first packet.
const joinPatience = 15 * time.Second

func (o options) load(out io.Writer) (err error) {
	p, err := start(o.pin, "-serve")
	if err != nil {
		return err
	}
	l := &load{o: o, p: p, members: map[netstack.PeerID]*member{}, counted: make(chan counts, 1)}
	var reader sync.WaitGroup
	reader.Go(l.read)
	defer func() {
		if l.crowd != nil {
			err = errors.Join(err, l.crowd.stop())
		}
		l.close()
		err = errors.Join(err, p.stop())
		reader.Wait()
	}()
	return l.measure(out)
}

func (l *load) measure(out io.Writer) error {
	say := func(name string, value float64, unit string) {
		fmt.Fprintf(out, "%s_%s %.3g %s\n", l.o.prefix, name, value, unit)
	}
	pid := l.p.cmd.Process.Pid
	for i := range l.o.talkers {
		t, err := newTalker(l.o)
		if err != nil {
			return err
		}
		l.talkers = append(l.talkers, t)
		if _, err := l.join(netstack.PeerID(fmt.Sprintf("talker%d", i)), t); err != nil {
			return err
		}
		l.wg.Go(t.run)
	}
	time.Sleep(time.Second)
	before, err := memory(pid)
	if err != nil {
		return err
	}
	var firsts []time.Duration
	for i := range l.o.receivers {
		m, err := l.join(netstack.PeerID(fmt.Sprintf("viewer%d", i)), nil)
		if err != nil {
			return err
		}
		first, err := m.waitFirst()
		if err != nil {
			return err
		}
		firsts = append(firsts, first)
	}
	if err := l.gather(); err != nil {
		return err
	}
	if err := l.settle(); err != nil {
		return err
	}
	if len(firsts) > 0 {
		after, err := memory(pid)
		if err != nil {
			return err
		}
		say("memory_per_receiver", float64(after-before)/float64(len(firsts))/1024, "KB")
		slices.Sort(firsts)
		say("join_to_first_packet_p50", ms(firsts[len(firsts)/2]), "ms")
	}
	return l.steady(say, pid)
}

// settle waits until everybody gets everybody, and layers have been chosen.
func (l *load) settle() error {
	want := l.o.talkers*2*(l.o.talkers+l.o.receivers) - 2*l.o.talkers
	for end := time.Now().Add(joinPatience); ; time.Sleep(100 * time.Millisecond) {
		n := 0
		for _, m := range l.list() {
			n += m.streams()
		}
		if n >= want {
			time.Sleep(3 * time.Second)
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("only %d of %d streams arrive", n, want)
		}
	}
}

func (l *load) list() []*member {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]*member, 0, len(l.members))
	for _, m := range l.members {
		out = append(out, m)
	}
	return out
}

// steady measures a room in which nothing changes.
func (l *load) steady(say func(string, float64, string), pid int) error {
	for _, m := range l.list() {
		m.reset()
	}
	first, err := l.count()
	if err != nil {
		return err
	}
	cpu, err := processorTime(pid)
	if err != nil {
		return err
	}
	begun := time.Now()
	time.Sleep(l.o.time)
	passed := time.Since(begun)
	used, err := processorTime(pid)
	if err != nil {
		return err
	}
	last, err := l.count()
	if err != nil {
		return err
	}
	used -= cpu
	packets := float64(last.Forwarded - first.Forwarded)
	if packets == 0 {
		return errors.New("nothing was forwarded")
	}
	var delays []time.Duration
	lost, got := 0, 0
	for _, m := range l.list() {
		d, g, x := m.take()
		delays, got, lost = append(delays, d...), got+g, lost+x
	}
	slices.Sort(delays)
	say("packets", packets/passed.Seconds(), "packets/s")
	say("cpu_per_packet", float64(used.Microseconds())/packets, "us")
	say("cpu_share", float64(used)/float64(passed), "cores")
	say("allocations_per_packet", float64(last.Mallocs-first.Mallocs)/packets, "allocations")
	say("packets_per_call", float64(last.Sent-first.Sent)/float64(max(last.Calls-first.Calls, 1)), "packets")
	say("resent", float64(last.Resent-first.Resent), "packets")
	say("lost", float64(lost), "packets")
	say("received", float64(got), "packets")
	say("inside_p50", ms(last.InsideP50), "ms")
	say("inside_p99", ms(last.InsideP99), "ms")
	if n := len(delays); n > 0 {
		say("latency_p50", ms(delays[n/2]), "ms")
		say("latency_p99", ms(delays[n*99/100]), "ms")
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// join lets a member in; t is what it publishes, if anything.
func (l *load) join(id netstack.PeerID, t *talker) (*member, error) {
	m := &member{id: id, load: l, talker: t, first: make(chan time.Time, 1)}
	var err error
	m.transport, err = sfu.NewTransport(sfu.TransportConfig{Self: id, Signaler: m,
		Peer: peer.Config{Loopback: true, NoTCP: true, Logger: slog.New(slog.DiscardHandler), Bitrate: peer.Bitrate{Start: 4_000_000}}})
	if err != nil {
		return nil, err
	}
	if t != nil {
		for _, track := range t.tracks() {
			if err := m.transport.Publish(track); err != nil {
				return nil, err
			}
		}
	}
	l.mu.Lock()
	l.members[id] = m
	l.mu.Unlock()
	l.wg.Go(m.watch)
	m.begun = time.Now()
	l.tell(line{Join: id})
	m.transport.SetPeers()
	return m, nil
}

func (l *load) tell(x line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.p.encode.Encode(x) // the server ended: reading says so
}

// read hands on what the server says.
func (l *load) read() {
	for {
		x, err := l.p.next()
		if err != nil {
			close(l.counted)
			return
		}
		switch {
		case x.Counts != nil:
			l.counted <- *x.Counts
		case x.Envelope != nil:
			l.mu.Lock()
			m := l.members[x.Envelope.To]
			l.mu.Unlock()
			if m != nil {
				m.transport.Handle(*x.Envelope)
			} else if l.crowd != nil {
				_ = l.crowd.encode.Encode(x) // it ended: reading says so
			}
		}
	}
}

func (l *load) count() (counts, error) {
	l.tell(line{Count: true})
	c, ok := <-l.counted
	if !ok {
		return c, errors.New("the server ended")
	}
	return c, nil
}

func (l *load) close() {
	for _, t := range l.talkers {
		close(t.stop)
	}
	var wg sync.WaitGroup
	for _, m := range l.list() {
		wg.Go(func() { _ = m.transport.Close() })
	}
	wg.Wait()
	l.wg.Wait()
}

// Send is a member's signaler.
func (m *member) Send(_ context.Context, e netstack.Envelope) error {
	e.From = m.id
	m.load.tell(line{Envelope: &e})
	return nil
}
