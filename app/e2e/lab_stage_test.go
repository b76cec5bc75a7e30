//go:build lab && linux

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"candid/netstack/netlab"
)

// build makes the program and returns its file.
func build(t *testing.T) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "candid")
	if out, err := exec.Command("go", "build", "-tags", "migrated_fynedo", "-o", exe, "candid").CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	return exe
}

// stage is where one case plays: a lab, with the program to run in it.
type stage struct {
	*testing.T
	*netlab.Lab
	exe  string
	rows *[]row
	idle idle // since when two have been in a call
}

// idle counts how long the machine's processors had nothing to do.
type idle struct{ idle, all float64 }

func readIdle(t *testing.T) (i idle) {
	t.Helper()
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	for k, f := range strings.Fields(line)[1:] {
		n, err := strconv.ParseFloat(f, 64)
		if err != nil {
			t.Fatal(err)
		}
		if i.all += n; k == 3 {
			i.idle = n
		}
	}
	return i
}

// person is a computer somebody calls from.
type person struct {
	*netlab.NS
	eth *netlab.Iface
}

func (s *stage) person(name string, on *netlab.Switch, opts ...netlab.JoinOption) person {
	s.Helper()
	n := s.Lab.Host(name)
	return person{n, n.Join(on, opts...)}
}

// host is a running room server.
type host struct {
	*netlab.Process
	link  string
	start func() *host // the same once more
}

// host starts a host and reads the invite it prints.
func (s *stage) host(n *netlab.NS, args ...string) *host {
	s.Helper()
	args = append([]string{"host", "--room", "lab", "--dir", s.TempDir()}, args...)
	var start func() *host
	start = func() *host {
		s.Helper()
		p := n.Start(s.exe, args...)
		return &host{p, p.Expect("candid://", 20*time.Second), start}
	}
	return start()
}

// caller is a Candid in a call, measuring it.
type caller struct {
	*netlab.Process
	person
	file    string
	seconds int
	heard   uint64 // bytes at the start
}

// call starts a Candid that joins the room and measures the call.
func (s *stage) call(p person, member, seconds int, link string, args ...string) *caller {
	s.Helper()
	dir := s.TempDir()
	c := &caller{person: p, file: filepath.Join(dir, "result.json"), seconds: seconds, heard: p.eth.Received()}
	if os.Getenv("LAB_VERBOSE") != "" {
		args = append(args, "--verbose")
	}
	args = append([]string{"--windowless", "--test-devices", "--dir", dir, "--name", p.Name(),
		"--member", strconv.Itoa(member), "--seconds", strconv.Itoa(seconds), "--measure", c.file}, args...)
	c.Process = p.Start(s.exe, append(args, link)...)
	return c
}

// pair lets two call each other.
func (s *stage) pair(a, b person, seconds int, link string, args ...string) (*caller, *caller) {
	s.Helper()
	s.idle = readIdle(s.T)
	return s.call(a, 0, seconds, link, args...), s.call(b, 1, seconds, link, args...)
}

// measuring waits until callers hear each other, and so long that all of them
// measure.
func (s *stage) measuring(cs ...*caller) {
	s.Helper()
	const aSecondOfPicture = 60_000
	end := time.Now().Add(40 * time.Second)
	for _, c := range cs {
		for c.eth.Received() < c.heard+aSecondOfPicture {
			select {
			case <-c.Done():
				s.Fatalf("%s ended before the call began: %v", c.Name(), c.Wait())
			case <-time.After(50 * time.Millisecond):
			}
			if time.Now().After(end) {
				s.Fatalf("%s heard nothing for 40 s", c.Name())
			}
		}
	}
	time.Sleep(5 * time.Second) // the program waits 3 s for the call to settle
}

// result is what a caller measured, as the program writes it.
type result struct {
	Process struct {
		First *float64 `json:"join_to_first_frame_ms"`
		Glass struct {
			P50 *float64 `json:"p50"`
			P95 *float64 `json:"p95"`
		} `json:"glass_to_glass_ms"`
		Frames struct{ Decoded, Shown int }
		Audio  struct {
			SNR       *float64 `json:"tone_snr_db"`
			Mouth     *float64 `json:"mouth_to_ear_ms"`
			Concealed *float64 `json:"concealed_ratio"`
		}
		Pair struct {
			Local  string `json:"local_type"`
			Remote string `json:"remote_type"`
			Proto  string `json:"protocol"`
			Relay  string `json:"relay_protocol"`
		} `json:"selected_pair"`
		Path   string
		Why    string
		Freeze *float64 `json:"longest_freeze_ms"`
		Packet *float64 `json:"offer_to_first_packet_ms"`
		Offer  *float64 `json:"offer_to_first_frame_ms"`
		Panel  struct {
			RTT     *float64 `json:"rtt_ms"`
			Loss    *float64
			Bitrate *float64
		}
	}
	Sent        []uint32
	First, Last uint32
}

// row is a line of the table: how the call was for one of two.
type row struct {
	name, who          string
	pair, path, why    string
	decoded, concealed float64       // shares
	shown              int           // pictures
	freeze             time.Duration // longest, the silence at the end included
	first, p50, p95    float64       // ms
	mouth, snr         float64
	idle               float64 // share of the machine's time nothing used
}

// fps is what the program sends when it measures.
const fps = 30

// results waits for two callers and makes a row of each.
func (s *stage) results(a, b *caller) (row, row) {
	s.Helper()
	ra, rb := s.result(a), s.result(b)
	rows := []row{s.row(a, ra, rb), s.row(b, rb, ra)}
	now := readIdle(s.T)
	for k := range rows {
		rows[k].idle = (now.idle - s.idle.idle) / (now.all - s.idle.all)
	}
	*s.rows = append(*s.rows, rows...)
	return rows[0], rows[1]
}

func (s *stage) result(c *caller) (r result) {
	s.Helper()
	select {
	case <-c.Done():
	case <-time.After(time.Duration(c.seconds)*time.Second + 80*time.Second):
		s.Fatalf("%s does not end", c.Name())
	}
	if err := c.Wait(); err != nil {
		s.Fatalf("%s: %v: %s", c.Name(), err, tail(c.Output(), 600))
	}
	b, err := os.ReadFile(c.file)
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil {
		s.Fatalf("what %s measured: %v", c.Name(), err)
	}
	return r
}

func tail(text string, n int) string { return text[max(0, len(text)-n):] }

func (s *stage) row(c *caller, mine, theirs result) row {
	p := mine.Process
	name := s.Name()
	r := row{
		name: name[strings.LastIndexByte(name, '/')+1:], who: c.Name(),
		pair: p.Pair.Local + "–" + p.Pair.Remote + " " + p.Pair.Proto, path: p.Path, why: p.Why,
		concealed: value(p.Audio.Concealed, 1), mouth: value(p.Audio.Mouth, -1), snr: value(p.Audio.SNR, -99),
		shown: p.Frames.Shown, first: value(p.First, -1), p50: value(p.Glass.P50, -1), p95: value(p.Glass.P95, -1),
	}
	if p.Pair.Relay != "" {
		r.pair += ", relay by " + p.Pair.Relay
	}
	sent := len(slices.DeleteFunc(slices.Clone(theirs.Sent), func(n uint32) bool { return n < mine.First || n > mine.Last }))
	if sent > 0 {
		r.decoded = min(1, float64(p.Frames.Decoded)/float64(sent)) // one more may be on its way to be shown
	}
	// The program knows of no picture after the last one. The two do not stop
	// measuring at the same time; for that, a second.
	after := len(slices.DeleteFunc(slices.Clone(theirs.Sent), func(n uint32) bool { return n <= mine.Last }))
	r.freeze = max(time.Duration(value(p.Freeze, 1e6)*1e6), time.Duration(after)*time.Second/fps-time.Second)
	return r
}

func value(v *float64, unknown float64) float64 {
	if v == nil {
		return unknown
	}
	return *v
}

func (r row) String() string {
	return fmt.Sprintf("%-34s %-6s %-28s %6.2f %7.0f %7.2f %6.1f %6.0f %6.0f %6.0f %6.0f %6.0f  %s", r.name, r.who, r.pair,
		100*r.decoded, float64(r.freeze.Milliseconds()), 100*r.concealed, r.snr, r.mouth, r.p50, r.p95, r.first, 100*r.idle, r.why)
}

// heads names the columns: pictures decoded of those sent, the longest time
// between two, sound made up, and so on.
func heads() string {
	return fmt.Sprintf("%-34s %-6s %-28s %6s %7s %7s %6s %6s %6s %6s %6s %6s  %s", "case", "who", "pair",
		"dec %", "frz ms", "conc %", "SNR", "ear ms", "p50", "p95", "first", "idle %", "verdict")
}

// limits are what a call must keep to.
type limits struct {
	decoded, concealed float64
	freeze             time.Duration
}

// busy is the idle share below which the machine itself makes pictures and
// sound late. What a line does to them cannot be told then, so that only calls
// that hardly work fail.
const busy = 0.4

// good is a call on a line that loses nothing.
var good = limits{decoded: 0.98, concealed: 0.01, freeze: 500 * time.Millisecond}

func (s *stage) hold(l limits, rows ...row) {
	s.Helper()
	for _, r := range rows {
		l := l
		if r.idle < busy {
			s.Logf("%s: the machine was idle for only %.0f %% of the time: %.2f %% decoded, %.2f %% of the sound made up and %v without a picture are not held against the line",
				r.who, 100*r.idle, 100*r.decoded, 100*r.concealed, r.freeze.Round(time.Millisecond))
			l = limits{min(l.decoded, 0.9), max(l.concealed, 0.1), max(l.freeze, 2*time.Second)}
		}
		if r.decoded < l.decoded {
			s.Errorf("%s: %.2f %% of the frames were decoded, want %.0f", r.who, 100*r.decoded, 100*l.decoded)
		}
		if r.concealed > l.concealed {
			s.Errorf("%s: %.2f %% of the sound was made up, want at most %.1f", r.who, 100*r.concealed, 100*l.concealed)
		}
		if r.freeze > l.freeze {
			s.Errorf("%s: the picture stood for %v, want at most %v", r.who, r.freeze, l.freeze)
		}
	}
}

// says checks the path and the sentence about it.
func (s *stage) says(r row, pair, path, why string) {
	s.Helper()
	if !strings.HasPrefix(r.pair, pair) || r.path != path || !strings.Contains(r.why, why) {
		s.Errorf("%s: runs on %q, %q, and says %q; want %q, %q, %q", r.who, r.pair, r.path, r.why, pair, path, why)
	}
}
