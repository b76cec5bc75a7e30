// Command sfubench measures the SFU: it starts a host in a second process, fills
// a room there with clients of its own, over real UDP with real SRTP, and prints
// one figure a line: name, value, unit.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"candid/netstack"
)

func main() {
	var o options
	flag.IntVar(&o.talkers, "talkers", 1, "members who send")
	flag.IntVar(&o.receivers, "receivers", 40, "members who only receive")
	flag.IntVar(&o.crowd, "crowd", 0, "members more who only receive, in a third process: so that times are measured in one that has little to do")
	flag.IntVar(&o.bitrate, "bitrate", 1_500_000, "bits per second of each picture")
	flag.IntVar(&o.height, "height", 720, "height of each picture and tile")
	flag.DurationVar(&o.time, "time", 10*time.Second, "how long to measure")
	flag.BoolVar(&o.pin, "pin", true, "keep the server on one processor, where taskset is there")
	flag.StringVar(&o.prefix, "name", "sfu", "what the figures' names begin with")
	server := flag.Bool("serve", false, "be the server (used by the program itself)")
	crowd := flag.Bool("be-crowd", false, "be the crowd (used by the program itself)")
	flag.Parse()
	run := o.load
	if *crowd {
		run = func(io.Writer) error { return o.beCrowd(os.Stdin, os.Stdout) }
	}
	if *server {
		run = func(io.Writer) error { return serve(os.Stdin, os.Stdout) }
	}
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sfubench:", err)
		os.Exit(1)
	}
}

type options struct {
	talkers, receivers, crowd, bitrate, height int
	time                                       time.Duration
	pin                                        bool
	prefix                                     string
}

// line is what the two processes say to each other, one JSON object a line.
type line struct {
	Join     netstack.PeerID    `json:"join,omitempty"`
	Leave    netstack.PeerID    `json:"leave,omitempty"`
	Envelope *netstack.Envelope `json:"envelope,omitempty"`
	Count    bool               `json:"count,omitempty"`
	Counts   *counts            `json:"counts,omitempty"`
}

// counts are those of the server since its start.
type counts struct {
	Forwarded, Resent, Sent, Calls, Lost, Mallocs uint64
	InsideP50, InsideP99                          time.Duration
}

// process is the server's.
type process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Scanner
	encode *json.Encoder
}

// start runs this program again, with other arguments.
func start(pin bool, arguments ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	args := append([]string{self}, arguments...)
	if taskset, err := exec.LookPath("taskset"); pin && err == nil {
		args = append([]string{taskset, "-c", "0"}, args...)
	}
	p := &process{cmd: exec.Command(args[0], args[1:]...)}
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("starting another process: %w", err)
	}
	out, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("starting another process: %w", err)
	}
	p.out = bufio.NewScanner(out)
	p.out.Buffer(nil, 1<<20)
	p.encode = json.NewEncoder(p.in)
	return p, nil
}

// next reads one line of the server's.
func (p *process) next() (l line, err error) {
	if !p.out.Scan() {
		return l, errors.Join(io.EOF, p.out.Err())
	}
	return l, json.Unmarshal(p.out.Bytes(), &l)
}

// stop ends the server and waits for it.
func (p *process) stop() error {
	_ = p.in.Close()
	return p.cmd.Wait()
}
