package netstack_test

import (
	"go/parser"
	"go/token"
	"go/version"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/mod/semver"
)

// safe are the versions that mend a published hole; older ones must not be
// built with.
var safe = map[string]string{
	"github.com/pion/dtls/v3":      "v3.1.4",  // CVE-2026-54908
	"github.com/pion/stun/v3":      "v3.1.5",  // GHSA-34rh-wp3j-6cxc
	"github.com/pion/interceptor":  "v0.1.50", // CVE-2025-49140; loss overestimated before 0.1.50
	"github.com/gorilla/websocket": "v1.4.1",  // CVE-2020-27813
	"github.com/pion/stun/v4":      "v4.0.0",  // the first; read by hand against GHSA-34rh-wp3j-6cxc
	"github.com/pion/turn/v4":      "v4.1.4",  // the last of its line
	"github.com/pion/turn/v5":      "v5.0.13",
	"github.com/pion/ice/v4":       "v4.4.0",  // what the lab was first measured with
	"github.com/pion/webrtc/v4":    "v4.2.19", // CVE-2021-28681 was before v4
	"golang.org/x/image":           "v0.18.0", // CVE-2024-24792; CVE-2026-46601 is of webp, which is not used
	"golang.org/x/net":             "v0.38.0", // CVE-2025-22872, CVE-2023-45288, CVE-2023-39325
	"golang.org/x/crypto":          "v0.45.0", // CVE-2025-58181, CVE-2025-47914, CVE-2024-45337
	"golang.org/x/text":            "v0.3.8",  // CVE-2022-32149
}

// goFloor is the oldest safe toolchain: its crypto/tls, net/http and
// encoding/json meet the network here.
const goFloor = "go1.26"

func TestSafeVersions(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for path, floor := range safe {
		m := regexp.MustCompile(`(?m)^\s*` + regexp.QuoteMeta(path) + ` (v\S+)`).FindSubmatch(mod)
		if m == nil {
			t.Errorf("%s is not in go.mod", path)
			continue
		}
		if v := string(m[1]); semver.Compare(v, floor) < 0 {
			t.Errorf("%s is %s, which has a known hole; %s or newer is safe", path, v, floor)
		}
	}
	if v := runtime.Version(); version.IsValid(v) && version.Compare(v, goFloor) < 0 {
		t.Errorf("built by %s; %s or newer is safe", v, goFloor)
	}
}

// TestNoWebP: x/image's decoder of WebP has a hole that we have no floor for.
func TestNoWebP(t *testing.T) {
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range f.Imports {
			if path := strings.Trim(i.Path.Value, `"`); path == "golang.org/x/image/webp" || path == "golang.org/x/image/vp8" {
				t.Errorf("%s imports %s", file, path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
