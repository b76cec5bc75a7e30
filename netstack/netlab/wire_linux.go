package netlab

import (
	"container/heap"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Wire is a line in user space: two tap devices, and this process carries
// every packet from one to the other. It carries some 10,000 packets a second.
type Wire struct {
	Up   *Way // from the first host named when the line was made
	Down *Way // towards it

	a, b end // where the hosts' cables arrive
	wg   sync.WaitGroup
}

// Counts say what a Way did to its packets.
type Counts struct {
	Passed     int // also twice, counted once
	Lost       int // at random, or because the cable was pulled
	Dropped    int // the queue was full
	Duplicated int
}

// Way is one direction of a Wire.
type Way struct {
	in, out *os.File
	alarm   *os.File // a timerfd: Go's own timers are late by up to a millisecond

	mu      sync.Mutex
	params  Params
	shaper  shaper
	queue   frames
	nr      uint64
	counts  Counts
	ethered bool // packets have Ethernet headers
}

// queueLength is how many packets may wait for this process, besides those that
// wait by Params: none must be lost because the machine is busy.
const queueLength = "20000"

// Set changes both directions; what is on its way stays so.
func (w *Wire) Set(p Params) {
	w.Up.Set(p)
	w.Down.Set(p)
}

// Cut pulls the cable, of which nobody is told, or plugs it in again.
func (w *Wire) Cut(on bool) {
	for _, y := range []*Way{w.Up, w.Down} {
		y.mu.Lock()
		y.params.Cut = on
		y.mu.Unlock()
	}
}

// Set changes what happens to packets from now on.
func (y *Way) Set(p Params) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.params = p
}

// Counts returns what was done until now.
func (y *Way) Counts() Counts {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.counts
}

// wire lays a wire between two ends. In the middle is a namespace with a
// bridge for each of them, so that both have an ordinary Ethernet interface.
func (l *Lab) wire(a, b end, j joining) *Wire {
	l.t.Helper()
	n := l.Host(fmt.Sprintf("wire%d", len(l.wires)))
	n.sysctl("net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
	w := &Wire{a: end{n, "a"}, b: end{n, "b"}}
	var taps [2]*os.File
	for i, e := range []struct{ far, near end }{{a, w.a}, {b, w.b}} {
		br := n.newSwitch("br-"+e.near.dev, false, nil)
		l.veth(e.near, e.far, j.mtu)
		tap := "tap-" + e.near.dev
		taps[i] = n.tun(tap, unix.IFF_TAP)
		for _, dev := range []string{e.near.dev, tap} {
			n.ip("link", "set", "dev", dev, "master", br.bridge, "txqueuelen", queueLength, "up")
		}
	}
	l.carry(w, taps, *j.line, true)
	return w
}

// Tunnel makes a second way between two hosts that looks like a VPN's: an
// interface without Ethernet on each, named dev, the first address of each
// prefix for a, the second for b. Routes are up to the caller.
func (l *Lab) Tunnel(a, b *NS, dev string, p Params, prefixes ...netip.Prefix) (*Iface, *Iface) {
	l.t.Helper()
	w := &Wire{a: end{a, dev}, b: end{b, dev}}
	var taps [2]*os.File
	var is [2]*Iface
	for k, e := range []end{w.a, w.b} {
		taps[k] = e.ns.tun(dev, unix.IFF_TUN)
		is[k] = &Iface{end: e, wire: w, metric: len(e.ns.ifs)}
		e.ns.ifs = append(e.ns.ifs, is[k])
		e.ns.ip("link", "set", "dev", dev, "txqueuelen", queueLength, "up")
		for _, prefix := range prefixes {
			is[k].addrs = append(is[k].addrs, number(prefix, k+1))
		}
		is[k].settle()
	}
	is[0].peer, is[1].peer = w.b, w.a
	l.carry(w, taps, p, false)
	return is[0], is[1]
}

// tun makes a device on the host whose packets come out of a file.
func (n *NS) tun(dev string, mode uint16) (f *os.File) {
	n.lab.t.Helper()
	err := n.Do(func() error {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		req, err := unix.NewIfreq(dev)
		if err == nil {
			req.SetUint16(mode | unix.IFF_NO_PI)
			err = unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
		}
		if err != nil {
			unix.Close(fd)
			return err
		}
		f = os.NewFile(uintptr(fd), dev)
		return nil
	})
	if err != nil {
		n.lab.t.Fatalf("%s: make %s: %v", n.name, dev, err)
	}
	return f
}

// carry starts carrying packets.
func (l *Lab) carry(w *Wire, taps [2]*os.File, p Params, ethered bool) {
	l.t.Helper()
	for k, y := range []**Way{&w.Up, &w.Down} {
		fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
		if err != nil {
			l.t.Fatalf("make a timer: %v", err)
		}
		*y = &Way{
			in: taps[k], out: taps[1-k], alarm: os.NewFile(uintptr(fd), "timer"),
			params: p, ethered: ethered,
			// The same seed every time: a run differs from the next in timing only.
			shaper: shaper{rnd: rand.New(rand.NewPCG(uint64(k), uint64(len(l.wires))))},
		}
		w.wg.Go((*y).take)
		w.wg.Go((*y).give)
	}
	l.wires = append(l.wires, w)
}

// close ends the wire, and waits.
func (w *Wire) close() {
	for _, y := range []*Way{w.Up, w.Down} {
		y.in.Close()
		y.alarm.Close()
	}
	w.wg.Wait()
}

// frame is a packet on its way.
type frame struct {
	at   time.Time
	nr   uint64
	data []byte
}

// frames are a heap: the next to leave first.
type frames []frame

func (f frames) Len() int      { return len(f) }
func (f frames) Swap(i, j int) { f[i], f[j] = f[j], f[i] }
func (f *frames) Push(x any)   { *f = append(*f, x.(frame)) }
func (f *frames) Pop() any {
	last := len(*f) - 1
	x := (*f)[last]
	(*f)[last] = frame{}
	*f = (*f)[:last]
	return x
}
func (f frames) Less(i, j int) bool {
	if f[i].at.Equal(f[j].at) {
		return f[i].nr < f[j].nr
	}
	return f[i].at.Before(f[j].at)
}

// take takes packets in until the file is closed.
func (y *Way) take() {
	buf := make([]byte, 1<<16)
	for {
		n, err := y.in.Read(buf)
		if err != nil {
			return
		}
		y.put(append([]byte(nil), buf[:n]...), time.Now())
	}
}

func (y *Way) put(data []byte, now time.Time) {
	y.mu.Lock()
	defer y.mu.Unlock()
	fate, at := y.shaper.judge(y.params, now, len(data), y.ethered && findsAddresses(data))
	times := 1
	switch fate {
	case lost:
		y.counts.Lost++
		return
	case dropped:
		y.counts.Dropped++
		return
	case doubled:
		y.counts.Duplicated++
		times = 2
	}
	y.counts.Passed++
	for range times {
		y.nr++
		heap.Push(&y.queue, frame{at, y.nr, data})
	}
	if y.queue[0].nr > y.nr-uint64(times) {
		y.wakeLocked(at.Sub(now))
	}
}

// wakeLocked makes give look at the queue after d. A closed alarm cannot be
// set, and need not be.
func (y *Way) wakeLocked(d time.Duration) {
	c, err := y.alarm.SyscallConn()
	if err != nil {
		return
	}
	_ = c.Control(func(fd uintptr) {
		ts := unix.NsecToTimespec(int64(max(d, 1)))
		_ = unix.TimerfdSettime(int(fd), 0, &unix.ItimerSpec{Value: ts}, nil)
	})
}

// give sends packets on until the alarm is closed. A device that is down loses
// them.
func (y *Way) give() {
	var rings [8]byte
	for {
		if _, err := y.alarm.Read(rings[:]); err != nil {
			return
		}
		for data := y.due(); data != nil; data = y.due() {
			_, _ = y.out.Write(data)
		}
	}
}

// due returns the next packet if its time has come, else sets the alarm.
func (y *Way) due() []byte {
	y.mu.Lock()
	defer y.mu.Unlock()
	if len(y.queue) == 0 {
		return nil
	}
	if d := time.Until(y.queue[0].at); d > 0 {
		y.wakeLocked(d)
		return nil
	}
	return heap.Pop(&y.queue).(frame).data
}

// findsAddresses reports whether an Ethernet frame is ARP or IPv6 neighbour
// discovery.
func findsAddresses(f []byte) bool {
	const header, v6header = 14, 40
	if len(f) < header {
		return false
	}
	switch binary.BigEndian.Uint16(f[12:]) {
	case unix.ETH_P_ARP:
		return true
	case unix.ETH_P_IPV6:
		return len(f) > header+v6header && f[header+6] == unix.IPPROTO_ICMPV6 &&
			f[header+v6header] >= 133 && f[header+v6header] <= 136
	}
	return false
}
