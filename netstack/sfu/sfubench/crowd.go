package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"candid/netstack"
)

// gather starts the crowd and waits until it is in.
func (l *load) gather() error {
	if l.o.crowd == 0 {
		return nil
	}
	p, err := start(false, "-be-crowd", "-crowd", strconv.Itoa(l.o.crowd), "-height", strconv.Itoa(l.o.height))
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.crowd = p
	l.mu.Unlock()
	in := make(chan struct{})
	l.wg.Go(func() {
		for n := 0; ; {
			x, err := p.next()
			if err != nil {
				return
			}
			if x.Count { // each of them says so when its first packet is here
				if n++; n == l.o.crowd {
					close(in)
				}
				continue
			}
			l.tell(x)
		}
	})
	select {
	case <-in:
		return nil
	case <-time.After(2 * joinPatience):
		return errors.New("the crowd did not get in")
	}
}

// beCrowd joins members that only receive, until in ends.
func (o options) beCrowd(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	l := &load{o: o, p: &process{out: lines, encode: json.NewEncoder(out)}, members: map[netstack.PeerID]*member{}, counted: make(chan counts, 1)}
	done := make(chan struct{})
	go func() { defer close(done); l.read() }()
	defer l.close()
	for i := range o.crowd {
		m, err := l.join(netstack.PeerID(fmt.Sprintf("crowd%d", i)), nil)
		if err != nil {
			return err
		}
		if _, err := m.waitFirst(); err != nil {
			return err
		}
		l.tell(line{Count: true})
	}
	<-done
	return nil
}
