//go:build lab && linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"candid/netstack/netlab"
)

// cpuPeriod is how often a starved program gets its share: a turn in so much.
const cpuPeriod = 20 * time.Millisecond

// starve leaves a process a share of one processor until the test ends. What it
// returns tells the share of periods in which more was wanted. It skips the test
// where control groups are not to be had.
func (s *stage) starve(pid int, share float64) (hungry func() float64) {
	s.Helper()
	group := filepath.Join("/sys/fs/cgroup/cpu", fmt.Sprintf("candid-lab-%d", pid)) // version 1
	limits := map[string]string{
		"cpu.cfs_period_us": strconv.Itoa(int(cpuPeriod.Microseconds())),
		"cpu.cfs_quota_us":  strconv.Itoa(int(share * float64(cpuPeriod.Microseconds()))),
	}
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil { // version 2
		group = filepath.Join("/sys/fs/cgroup", filepath.Base(group))
		limits = map[string]string{"cpu.max": limits["cpu.cfs_quota_us"] + " " + limits["cpu.cfs_period_us"]}
	}
	if err := os.Mkdir(group, 0o755); err != nil {
		s.Skipf("a control group of processors is not to be had: %v", err)
	}
	s.Cleanup(func() {
		_ = os.WriteFile(filepath.Join(filepath.Dir(group), "cgroup.procs"), []byte(strconv.Itoa(pid)), 0) // an error means it has ended
		if err := os.Remove(group); err != nil {
			s.Error(err)
		}
	})
	for name, value := range limits {
		if err := os.WriteFile(filepath.Join(group, name), []byte(value), 0); err != nil {
			s.Skipf("a share of a processor is not to be set: %v", err)
		}
	}
	if err := os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0); err != nil {
		s.Fatal(err)
	}
	return func() float64 {
		b, err := os.ReadFile(filepath.Join(group, "cpu.stat"))
		if err != nil {
			s.Fatal(err)
		}
		counts := map[string]float64{}
		for line := range strings.Lines(string(b)) {
			name, n, _ := strings.Cut(strings.TrimSpace(line), " ")
			counts[name], _ = strconv.ParseFloat(n, 64) // what is no number is not asked for
		}
		return counts["nr_throttled"] / max(1, counts["nr_periods"])
	}
}

// TestRow50Starved gives one of two a tenth of a processor in the middle of a
// call: the pictures become fewer, the sound goes on, both ways.
func TestRow50Starved(t *testing.T) {
	s := &stage{T: t, Lab: netlab.New(t), exe: build(t), rows: new([]row)}
	inet, a, b := s.apart()
	const seconds = 30
	ca, cb := s.pair(a, b, seconds, s.host(inet.Host()).link)
	s.measuring(ca, cb)
	hungry := s.starve(cb.PID(), 0.1)
	time.Sleep(15 * time.Second)
	share := hungry()
	ra, rb := s.results(ca, cb)
	t.Logf("\n%s\n%s\n%s\nmore was wanted in %.0f %% of the periods", heads(), ra, rb, 100*share)
	if share < 0.5 {
		t.Errorf("a tenth of a processor was too little in %.0f %% of the periods only: this starves nobody", 100*share)
	}
	most := 0.05
	if ra.idle < busy {
		most = 0.1 // it did not have even that tenth for itself
	}
	for _, r := range []row{ra, rb} {
		t.Logf("%s: %d pictures shown, %.1f %% of the sound made up", r.who, r.shown, 100*r.concealed)
		if r.concealed > most {
			t.Errorf("%s: %.1f %% of the sound was made up", r.who, 100*r.concealed)
		}
	}
	if ra.shown > seconds*fps*8/10 {
		t.Errorf("%d pictures of who starves were shown: none gave way", ra.shown)
	}
}
