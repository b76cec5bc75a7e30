package netstack_test

import (
	"os"
	"regexp"
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
}

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
}
