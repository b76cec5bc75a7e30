//go:build lab && linux

package netlab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// leftOf lists what is still there of a lab.
func leftOf(t *testing.T, run string) (left []string) {
	t.Helper()
	names, err := namespaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if strings.HasPrefix(n, run) {
			left = append(left, n)
		}
	}
	return left
}

// runs reports whether a process does, and is not just waiting for its parent.
func runs(pid string) bool {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	return err == nil && !strings.Contains(string(b), ") Z ")
}

func TestCleanupLeavesNothing(t *testing.T) {
	before, err := run("", "ip", "-o", "link")
	if err != nil {
		t.Fatal(err)
	}
	var name string
	var pids []int
	t.Run("lab", func(t *testing.T) {
		lab := New(t)
		name = lab.run
		inet := lab.Internet(Dual)
		home := lab.Router("home", FullCone, inet)
		a, b := lab.Host("a"), lab.Host("b")
		a.Join(home.LAN, Over(Params{Delay: time.Millisecond}))
		b.Join(inet)
		pids = append(pids, a.Start("sleep", "1000").PID())
		// Started by the test itself, with a child of its own, and deaf.
		cmd := b.Command(context.Background(), "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { go func() { _ = cmd.Wait() }() })
		pids = append(pids, cmd.Process.Pid)
		if len(leftOf(t, name)) != 5 {
			t.Errorf("there should be an internet, a router, two hosts and a wire: %v", leftOf(t, name))
		}
	})
	if left := leftOf(t, name); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	for _, pid := range pids {
		if runs(itoa(pid)) {
			t.Errorf("process %d still runs", pid)
		}
	}
	if after, err := run("", "ip", "-o", "link"); err != nil || after != before {
		t.Errorf("this machine's own interfaces changed, or %v:\n%s\n%s", err, before, after)
	}
}

func TestRemovesWhatAKilledTestLeft(t *testing.T) {
	if os.Getenv("NETLAB_TEST_KILL") != "" {
		lab := New(t)
		h := lab.Host("orphan")
		p := h.Command(context.Background(), "sleep", "1000")
		p.SysProcAttr = nil // outlives us
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("left " + lab.run + " " + itoa(p.Process.Pid) + "\n")
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	lab := New(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestRemovesWhatAKilledTestLeft$", "-test.v")
	cmd.Env = append(os.Environ(), "NETLAB_TEST_KILL=1")
	out, _ := cmd.Output() // it was killed
	_, after, ok := strings.Cut(string(out), "left ")
	f := strings.Fields(after)
	if !ok || len(f) < 2 {
		t.Fatalf("the other test said %q", out)
	}
	if left := leftOf(t, f[0]); len(left) != 1 {
		t.Fatalf("the killed test left %v, want one namespace", left)
	}
	New(t)
	if left := leftOf(t, f[0]); len(left) != 0 {
		t.Errorf("still there: %v", left)
	}
	if runs(f[1]) {
		t.Errorf("its process %s still runs", f[1])
	}
	if left := leftOf(t, lab.run); len(left) != 0 {
		t.Errorf("an empty lab has %v", left)
	}
}

func TestProcess(t *testing.T) {
	lab := New(t)
	h := lab.Host("h")
	if out := h.Run("ip", "-o", "link"); !strings.Contains(out, "lo:") || strings.Contains(out, "eth0") {
		t.Errorf("a new host has the interfaces\n%s", out)
	}
	p := h.Start("sh", "-c", "echo one; echo two words; exec sleep 1000")
	if line := p.Expect("two", 10*time.Second); line != "two words" {
		t.Errorf("got line %q", line)
	}
	p.Stop()
	var exit *exec.ExitError
	if err := p.Wait(); !errors.As(err, &exit) {
		t.Errorf("a stopped program ended with %v", err)
	}
}

func TestTopologies(t *testing.T) {
	lab := New(t)
	inet := lab.Internet(Dual)
	six := lab.Internet(V6)
	pub := lab.Host("public")
	pub.Join(inet)
	pub.Join(six)
	nat := lab.Router("nat", PortRestricted, inet, Inside(Dual))
	open := lab.Router("open", NoNAT, inet, Inside(Dual))
	a, b, c, d := lab.Host("a"), lab.Host("b"), lab.Host("c"), lab.Host("d")
	a.Join(nat.LAN)
	b.Join(nat.LAN)
	c.Join(open.LAN)
	d.Join(six)
	lab.Connect(a, d, []netip.Prefix{netip.MustParsePrefix("10.7.0.0/24")})
	lab.Tunnel(b, c, "tun0", Params{}, netip.MustParsePrefix("10.8.0.0/24"), netip.MustParsePrefix("fd08::/64"))

	for _, x := range []struct {
		from *NS
		to   string
		want bool
	}{
		{a, pub.Addr4().String(), true},
		{a, pub.Addr6().String(), true},
		{a, b.Addr4().String(), true},
		{a, c.Addr4().String(), true},
		{a, c.Addr6().String(), true},
		{c, pub.Addr4().String(), true},
		{pub, c.Addr6().String(), true},
		{pub, c.Addr4().String(), true},
		{pub, a.Addr6().String(), false}, // not asked for
		{pub, "192.168.1.10", false},
		{d, pub.ifs[1].addrs[0].Addr().String(), true},
		{d, "10.7.0.1", true},
		{b, "10.8.0.2", true},
		{b, "fd08::2", true},
		{a, inet.Host().Addr4().String(), true},
	} {
		if got := answers(t, x.from, x.to); got != x.want {
			t.Errorf("from %s to %s: answered %v, want %v", x.from.Name(), x.to, got, x.want)
		}
	}
	if d.Addr4() != netip.MustParseAddr("10.7.0.2") || !d.Addr6().IsValid() {
		t.Errorf("d has %v and %v", d.Addr4(), d.Addr6())
	}
}

// Nobody loses a switch while others are plugged in.
func TestJoinDisturbsNobody(t *testing.T) {
	lab := New(t)
	inet := lab.Internet(Dual)
	a, host := lab.Host("a"), inet.Host()
	a.Join(inet)
	for _, addr := range []netip.Addr{host.Addr4(), host.Addr6()} {
		from, to := open(t, a, ":0"), open(t, host, join(addr, "0"))
		for i := range 12 {
			from.send(to.addr(), "hello")
			if text, _ := to.get(500 * time.Millisecond); text == "" {
				t.Fatalf("%v is lost after %d more have joined", addr, i)
			}
			lab.Host(fmt.Sprintf("more-%v-%d", addr.Is4(), i)).Join(inet)
		}
	}
}

func TestAddressesAndLinks(t *testing.T) {
	lab := New(t)
	inet := lab.Internet(Dual)
	a, b := lab.Host("a"), lab.Host("b")
	eth := a.Join(inet, MTU(1400))
	b.Join(lab.Router("r", NoNAT, inet, Inside(Dual)).LAN)
	reached := func(when string, want bool) {
		t.Helper()
		for _, to := range []string{b.Addr4().String(), b.Addr6().String()} {
			if got := answers(t, a, to); got != want {
				t.Errorf("%s: %s answers: %v, want %v", when, to, got, want)
			}
		}
	}
	reached("at first", true)
	eth.Down()
	reached("with the link down", false)
	eth.Up()
	reached("with the link up", true)
	old := a.Addr4()
	eth.Renumber()
	if a.Addr4() == old {
		t.Errorf("the address is %v as before", old)
	}
	reached("with another address", true)
	extra := netip.MustParsePrefix("20.0.0.99/24")
	eth.AddAddr(extra)
	if !answers(t, b, "20.0.0.99") {
		t.Error("the added address does not answer")
	}
	eth.DelAddr(extra)
	if answers(t, b, "20.0.0.99") {
		t.Error("the removed address answers")
	}
	eth.SetMTU(1280)
	if out := a.Run("ip", "-o", "link", "show", "eth0"); !strings.Contains(out, "mtu 1280") {
		t.Errorf("got %s", out)
	}
}
