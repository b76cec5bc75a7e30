//go:build lab && linux

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"candid/app/demo"
	"candid/netstack/netlab"
)

// seamWalks is how often the room is walked through its paths: three people
// change some thirteen times in each.
const seamWalks = 2

// TestSeams prints what changes of path cost on lines that lose 2 % both ways
// and take 50 ms there and back to the host, beside what as long a stretch
// without a change cost right after.
func TestSeams(t *testing.T) {
	s := &stage{T: t, Lab: netlab.New(t), exe: build(t)}
	inet := s.Internet(netlab.V4)
	line := netlab.Over(netlab.Params{Delay: 25 * time.Millisecond, Loss: 0.02})
	people := []person{s.person("ada", inet, line), s.person("noor", inet, line), s.person("kim", inet, line)}
	h := s.host(inet.Host(), "--clear")
	h.Expect("Ctrl+C ends it", 20*time.Second) // all is printed
	_, owner, _ := strings.Cut(h.Output(), "As a moderator")
	owner = owner[strings.Index(owner, "candid://"):]
	owner, _, _ = strings.Cut(owner, "\n")
	s.idle = readIdle(t)
	var all []demo.PathChange
	for range seamWalks {
		all = append(all, s.walk(people, h.link, owner)...)
	}
	s.seams(all)
}

// walk lets three walk the room through its paths; the first chooses.
func (s *stage) walk(people []person, ordinary, owner string) (all []demo.PathChange) {
	s.Helper()
	var files []string
	var walkers []*netlab.Process
	for i, p := range people {
		dir := s.TempDir()
		file, link := filepath.Join(dir, "result.json"), ordinary
		switch i {
		case 0:
			link = owner
		case 2:
			time.Sleep(6 * time.Second) // the first two settle
		}
		files = append(files, file)
		walkers = append(walkers, p.Start(s.exe, "--windowless", "--test-devices", "--dir", dir, "--name", p.Name(),
			"--member", strconv.Itoa(i), "--walk", strconv.Itoa(len(people)), "--measure", file, link))
	}
	for i, w := range walkers {
		select {
		case <-w.Done():
		case <-time.After(4 * time.Minute):
			s.Fatalf("%s does not end", people[i].Name())
		}
		if err := w.Wait(); err != nil {
			s.Fatalf("%s: %v: %s", people[i].Name(), err, tail(w.Output(), 600))
		}
		var r demo.Result
		b, err := os.ReadFile(files[i])
		if err == nil {
			err = json.Unmarshal(b, &r)
		}
		if err != nil {
			s.Fatalf("what %s measured: %v", people[i].Name(), err)
		}
		all = append(all, r.PathChanges...)
	}
	return all
}

// seams prints changes, and what they cost in all.
func (s *stage) seams(all []demo.PathChange) {
	s.Helper()
	var n, missing, repeated, stillMissing, within int
	var concealed, stillConcealed float64
	s.Logf("%-5s %-11s %7s %8s %9s %8s | still %7s %9s", "who", "change", "missing", "repeated", "concealed", "done ms", "missing", "concealed")
	for _, c := range all {
		s.Logf("%-5s %3v → %-5v %7d %8d %9.1f %8.0f | %5.0f %7d %9.1f %s", c.Member, c.From, c.To, c.Missing, c.Repeated, c.Concealed, c.ToDone,
			c.StillFor, c.StillMissing, c.StillConcealed, c.Failed)
		if c.Failed != "" {
			s.Errorf("%s did not come from %v to %v: %s", c.Member, c.From, c.To, c.Failed)
		}
		if c.Failed != "" || c.StillFor == 0 {
			continue // nothing to compare with
		}
		n, missing, repeated, concealed = n+1, missing+c.Missing, repeated+c.Repeated, concealed+c.Concealed
		stillMissing, stillConcealed = stillMissing+c.StillMissing, stillConcealed+c.StillConcealed
		if c.Missing <= c.StillMissing+1 && c.Repeated == 0 && c.Concealed <= c.StillConcealed+20 {
			within++
		}
	}
	if n < 16 {
		s.Fatalf("%d changes were measured, too few", n)
	}
	by := float64(n)
	s.Logf("each of %d changes: %.2f missing, %.2f repeated, %.1f ms concealed; without a change %.2f and %.1f ms; %d within 1 picture and 20 ms of that",
		n, float64(missing)/by, float64(repeated)/by, concealed/by, float64(stillMissing)/by, stillConcealed/by, within)
	now := readIdle(s.T)
	if idle := (now.idle - s.idle.idle) / (now.all - s.idle.all); idle < busy {
		s.Logf("the machine was idle for only %.0f %% of the time: that is not held against the changes", 100*idle)
		return
	}
	if float64(missing-stillMissing)/by > 1 || (concealed-stillConcealed)/by > 20 {
		s.Errorf("changes cost more than 1 picture or 20 ms of sound beyond what the line does")
	}
}
