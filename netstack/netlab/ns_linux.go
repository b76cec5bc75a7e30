package netlab

import (
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// NS is a host: a network namespace.
type NS struct {
	lab   *Lab
	name  string // short
	full  string // as ip netns knows it
	ifs   []*Iface
	ports int // of its bridges, to name them
}

// Host makes a host without a network.
func (l *Lab) Host(name string) *NS {
	l.t.Helper()
	n := &NS{lab: l, name: name, full: l.run + name}
	if _, err := run("", "ip", "netns", "add", n.full); err != nil {
		l.t.Fatalf("make a namespace: %v", err)
	}
	l.all = append(l.all, n)
	n.sysctl("net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.default.accept_ra=0",
		"net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.default.rp_filter=0")
	n.ip("link", "set", "lo", "up")
	return n
}

// Name is the name the host was made with.
func (n *NS) Name() string { return n.name }

// Namespace is the name ip netns knows the host by.
func (n *NS) Namespace() string { return n.full }

// Addr4 is the host's first IPv4 address; it is invalid where there is none.
func (n *NS) Addr4() netip.Addr { return n.first(netip.Addr.Is4) }

// Addr6 is the host's first IPv6 address that is not link-local.
func (n *NS) Addr6() netip.Addr { return n.first(netip.Addr.Is6) }

func (n *NS) first(is func(netip.Addr) bool) netip.Addr {
	for _, i := range n.ifs {
		for _, a := range i.addrs {
			if is(a.Addr()) {
				return a.Addr()
			}
		}
	}
	return netip.Addr{}
}

// Route adds a route, as the arguments of "ip route add" say it.
func (n *NS) Route(args ...string) {
	n.lab.t.Helper()
	family := "-4"
	if strings.Contains(strings.Join(args, " "), ":") {
		family = "-6"
	}
	n.ip(append([]string{family, "route", "add"}, args...)...)
}

// ip runs "ip" on the host's network.
func (n *NS) ip(args ...string) {
	n.lab.t.Helper()
	if _, err := run("", "ip", append([]string{"-n", n.full}, args...)...); err != nil {
		n.lab.t.Fatalf("%s: %v", n.name, err)
	}
}

// nft gives rules to the host's packet filter.
func (n *NS) nft(rules string) {
	n.lab.t.Helper()
	if _, err := run(rules, "ip", "netns", "exec", n.full, "nft", "-f", "-"); err != nil {
		n.lab.t.Fatalf("%s: %v\n%s", n.name, err, rules)
	}
}

// sysctl sets what the host's system has of key=value; what it has not is none
// of ours.
func (n *NS) sysctl(settings ...string) {
	n.lab.t.Helper()
	err := n.Do(func() error {
		for _, s := range settings {
			key, value, _ := strings.Cut(s, "=")
			file := "/proc/sys/" + strings.ReplaceAll(key, ".", "/")
			if err := os.WriteFile(file, []byte(value), 0); err != nil && !os.IsNotExist(err) {
				return err
			}
		}
		return nil
	})
	if err != nil {
		n.lab.t.Fatalf("%s: %v", n.name, err)
	}
}

// Do calls f on a thread that is inside the host's namespace: sockets that f
// opens belong to the host for ever. Goroutines that f starts do not.
func (n *NS) Do(f func() error) error {
	done := make(chan error, 1)
	go func() {
		// The lock is given up only once the thread is back: else the thread
		// ends with the goroutine.
		runtime.LockOSThread()
		back, err := enter(n.full)
		if err != nil {
			done <- fmt.Errorf("enter %s: %w", n.name, err)
			return
		}
		err = f()
		if back() == nil {
			runtime.UnlockOSThread()
		}
		done <- err
	}()
	return <-done
}

// enter moves the calling thread into a namespace; back moves it back.
func enter(name string) (back func() error, err error) {
	here, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, err
	}
	there, err := os.Open("/var/run/netns/" + name)
	if err != nil {
		here.Close()
		return nil, err
	}
	defer there.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		here.Close()
		return nil, os.NewSyscallError("setns", err)
	}
	return func() error {
		defer here.Close()
		return unix.Setns(int(here.Fd()), unix.CLONE_NEWNET)
	}, nil
}
