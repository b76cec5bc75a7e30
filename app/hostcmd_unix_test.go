//go:build unix

package app

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"candid/netstack/acmetest"
	"candid/netstack/invite"
)

// output is a buffer that may be read while it is written.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// freePort returns a port that nobody uses now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func TestHostPrintsInvitesAndStops(t *testing.T) {
	var stdout, stderr output
	args := []string{"--loopback", "--port", freePort(t), "--dir", t.TempDir(), "--room", "tea", "--room", "cake", "--open-room", "stage",
		"--status", "127.0.0.1:0", "--uses", "3", "--expires", "1h"}
	code := make(chan int)
	go func() { code <- hostCommand(args, &stdout, &stderr) }()
	for !strings.Contains(stdout.String(), "Ctrl+C ends it") {
		select {
		case c := <-code:
			t.Fatalf("ended with %d: %s", c, stderr.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
	links := regexp.MustCompile(`candid://\S+`).FindAllString(stdout.String(), -1)
	if len(links) != 6 {
		t.Fatalf("want two invites to each of three rooms in\n%s", stdout.String())
	}
	for path, want := range map[string]string{"healthz": "ok", "metrics": "candid_rooms 3"} {
		at := regexp.MustCompile(`http://\S+/` + path).FindString(stdout.String())
		res, err := http.Get(at)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d %s, %v", at, res.StatusCode, body, err)
		}
	}
	if !strings.Contains(stdout.String(), "/whip/stage") || strings.Contains(stdout.String(), "/whip/tea") || !strings.Contains(stdout.String(), "for 3 people") {
		t.Errorf("%s", stdout.String())
	}
	for _, l := range links {
		inv, err := invite.Parse(l)
		if err != nil || !slices.Contains([]string{"tea", "cake", "stage"}, inv.Room) {
			t.Errorf("%s: %v", l, err)
		}
		if inv.EndToEnd == (inv.Room == "stage") { // members encrypt, other programs cannot
			t.Errorf("%s says end-to-end encrypted: %v", l, inv.EndToEnd)
		}
	}
	if n := strings.Count(stdout.String(), "Not end-to-end encrypted"); n != 1 {
		t.Errorf("said of %d rooms that they are not encrypted", n)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if c := <-code; c != exitOK {
		t.Errorf("ended with %d: %s", c, stderr.String())
	}
}

// With a domain, invites go by its name.
func TestHostWithDomain(t *testing.T) {
	a := acmetest.New(t)
	port := freePort(t)
	a.TLS = "127.0.0.1:" + port
	var stdout, stderr output
	code := make(chan int)
	go func() {
		code <- hostCommand([]string{"--loopback", "--port", port, "--dir", t.TempDir(), "--status", "off", "--domain", "Call.Example.org", "--acme", a.Directory()}, &stdout, &stderr)
	}()
	for !strings.Contains(stdout.String(), "Ctrl+C ends it") {
		select {
		case c := <-code:
			t.Fatalf("ended with %d: %s", c, stderr.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
	for _, l := range regexp.MustCompile(`candid://\S+`).FindAllString(stdout.String(), -1) {
		if inv, err := invite.Parse(l); err != nil || inv.Name() != "call.example.org" {
			t.Errorf("%s: %q, %v", l, inv.Name(), err)
		}
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if c := <-code; c != exitOK {
		t.Errorf("ended with %d: %s", c, stderr.String())
	}
}

func TestHostRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := strconv.Itoa(taken.Addr().(*net.TCPAddr).Port)
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"port in use", []string{"--loopback", "--port", port, "--dir", t.TempDir()}, exitFailed, "Port " + port + " is used by another program"},
		{"no port", []string{"--port", "0"}, exitUsage, "1 to 65535"},
		{"bad address", []string{"--public", "home"}, exitUsage, "not an IP address"},
		{"bad room", []string{"--room", "a/b"}, exitUsage, "cannot name a room"},
		{"status address in use", []string{"--loopback", "--port", freePort(t), "--dir", t.TempDir(), "--status", taken.Addr().String()}, exitFailed, "cannot be served"},
		{"negative limit", []string{"--max-rooms", "-1"}, exitUsage, "less than nothing"},
		{"no domain", []string{"--domain", "localhost"}, exitUsage, "not a domain"},
		{"an authority for nothing", []string{"--acme-http"}, exitUsage, "for a --domain"},
		{"authority away", []string{"--loopback", "--port", freePort(t), "--dir", t.TempDir(), "--domain", "call.example.org", "--acme", "http://127.0.0.1:1/"}, exitFailed, "cannot be reached"},
		{"uses without end", []string{"--uses", "1000000"}, exitUsage, "up to 1000 people"},
		{"a room opened twice", []string{"--loopback", "--port", freePort(t), "--dir", t.TempDir(), "--room", "tea", "--open-room", "tea"}, exitFailed, "there is one of this name"},
		{"too many rooms", []string{"--loopback", "--port", freePort(t), "--dir", t.TempDir(), "--max-rooms", "1", "--room", "a", "--room", "b"}, exitFailed, "--max-rooms"},
		{"unknown flag", []string{"--speed"}, exitUsage, "--port N"},
		{"stray word", []string{"tea"}, exitUsage, "not a flag"},
		{"folder is a file", []string{"--loopback", "--port", freePort(t), "--dir", blocked}, exitFailed, "candid: "},
		{"help", []string{"--help"}, exitOK, "a room server without a window"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr output
			if code := hostCommand(c.args, &stdout, &stderr); code != c.code {
				t.Errorf("ended with %d, want %d", code, c.code)
			}
			if !strings.Contains(stderr.String(), c.says) {
				t.Errorf("said %q, want %q in it", stderr.String(), c.says)
			}
		})
	}
}
