package app

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// crashEnv names the folder in which this test's other process crashes.
const crashEnv = "CANDID_TEST_CRASH"

// sayAndFall crashes, with what a person said in hand.
//
//go:noinline
func sayAndFall(name, chat string, nobody *struct{ n int }) {
	if strings.HasPrefix(name, "Ada") {
		panic(errors.New("cannot tell " + name + " \"" + chat + "\"\nat 203.0.113.7:7788\ncandid.Ada(0x1)"))
	}
	nobody.n++
}

// A crash report says where it was, and nothing about whom: no name, chat,
// address, token or description, neither of the panic's words nor of arguments.
func TestCrashReportsKeepPrivate(t *testing.T) {
	if dir := os.Getenv(crashEnv); dir != "" {
		if _, err := watchCrashes(dir); err != nil {
			t.Fatal(err)
		}
		go sayAndFall(os.Getenv(crashEnv+"_NAME"), "meet me at nine, v=0 a=ice-pwd:kJv0q83vYx0ZmOvfdzKq2g", nil)
		time.Sleep(time.Minute)
	}
	for name, want := range map[string]string{"Adalovelace": "panic: …", "Noorinayat": "panic: runtime error: invalid memory address"} {
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0], "-test.run=^TestCrashReportsKeepPrivate$")
		cmd.Env = append(os.Environ(), crashEnv+"="+dir, crashEnv+"_NAME="+name)
		if out, err := cmd.CombinedOutput(); err == nil {
			t.Fatalf("it did not crash: %s", out)
		}
		done, err := watchCrashes(dir)
		if !errors.Is(err, errCrashed) {
			t.Fatalf("the crash is not known: %v", err)
		}
		b, err := os.ReadFile(filepath.Join(dir, crashFile))
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		for _, private := range []string{"Ada", "Noor", "meet me", "203.0.113", "v=0", "ice-pwd", "kJv0", "0xc0", dir, filepath.Dir(os.Args[0])} {
			if strings.Contains(text, private) {
				t.Errorf("%q is in the report", private)
			}
		}
		for _, wanted := range []string{want, "goroutine ", "candid/app.sayAndFall", "app/crash_test.go:"} {
			if !strings.Contains(text, wanted) {
				t.Errorf("%q is not in the report", wanted)
			}
		}
		if t.Failed() {
			t.Log(text)
		}
		done()
		if left, _ := filepath.Glob(filepath.Join(dir, crashRaw)); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
		if done, err := watchCrashes(dir); err != nil {
			t.Errorf("told twice: %v", err)
		} else {
			done()
		}
	}
}

func FuzzScrubCrash(f *testing.F) {
	f.Add("panic: boo\n\ngoroutine 7 [running]:\ncandid/app.sayAndFall({0xc000, 0x3}, 0x0)\n\t/home/ada/src/candid/app/crash_test.go:22 +0x1d\n")
	f.Fuzz(func(t *testing.T, s string) {
		if out := scrubCrash("panic: Adalovelace\n" + s); strings.Contains(out, "panic: Ada") || len(out) > 4*len(s)+64 {
			t.Errorf("%q became %q", s, out)
		}
	})
}
