package media_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const house = "candid"

// plan is the house in one look: each package and the house packages it may
// import. Arrows point down only: app, then netstack, then media.
var plan = map[string]string{
	"":              "app",
	"app":           "app/call app/config app/demo app/history app/host app/replay app/studio app/ui app/x11 media media/codec media/voice netstack netstack/certificate netstack/contacts netstack/identity netstack/invite netstack/lan netstack/mcu netstack/oneport netstack/portmap netstack/peer netstack/probe netstack/rehearsal netstack/sfu netstack/signal netstack/trace netstack/verdict",
	"app/call":      "app/studio media media/codec media/playout netstack netstack/contacts netstack/e2ee netstack/identity netstack/ifwatch netstack/invite netstack/loop netstack/machine netstack/mesh netstack/peer netstack/probe netstack/rehearsal netstack/sframe netstack/sfu netstack/signal netstack/topology netstack/unbounded netstack/verdict",
	"app/config":    "netstack/wholefile",
	"app/demo":      "app/call media media/scene netstack",
	"app/e2e":       "",
	"app/history":   "netstack netstack/verdict netstack/wholefile",
	"app/host":      "netstack netstack/certificate netstack/identity netstack/ifwatch netstack/invite netstack/loop netstack/machine netstack/oneport netstack/relay netstack/sfu netstack/signal netstack/topology netstack/whip netstack/wholefile",
	"app/replay":    "app/call media netstack netstack/trace netstack/unbounded netstack/verdict",
	"app/studio":    "media media/capture media/codec media/mix media/playout media/scene media/voice",
	"app/ui":        "app/call app/config app/replay assets media netstack netstack/verdict",
	"app/ui/shots":  "app/call app/config app/replay app/ui app/ui/uitest netstack",
	"app/ui/uitest": "app/call app/config app/replay app/ui media media/scene netstack netstack/trace netstack/verdict",
	"app/x11":       "",
	"assets":        "",

	"netstack":              "",
	"netstack/bandwidth":    "",
	"netstack/acmetest":     "",
	"netstack/certificate":  "netstack/wholefile",
	"netstack/contacts":     "netstack/wholefile",
	"netstack/e2ee":         "netstack netstack/sframe",
	"netstack/fault":        "",
	"netstack/identity":     "",
	"netstack/ifwatch":      "netstack",
	"netstack/invite":       "netstack",
	"netstack/lan":          "netstack/ifwatch netstack/invite netstack/unbounded",
	"netstack/loop":         "",
	"netstack/machine":      "netstack",
	"netstack/mcu":          "media media/codec media/mix media/playout netstack netstack/fault netstack/loop netstack/sfu netstack/unbounded",
	"netstack/mesh":         "netstack netstack/ifwatch netstack/loop netstack/peer netstack/unbounded",
	"netstack/netlab":       "",
	"netstack/oneport":      "netstack/ifwatch",
	"netstack/peer":         "netstack netstack/bandwidth netstack/ifwatch netstack/loop netstack/unbounded",
	"netstack/portmap":      "netstack",
	"netstack/probe":        "netstack netstack/identity netstack/ifwatch netstack/portmap netstack/verdict",
	"netstack/rehearsal":    "netstack netstack/invite netstack/loop netstack/peer netstack/signal netstack/verdict",
	"netstack/relay":        "netstack",
	"netstack/sfu":          "netstack netstack/bandwidth netstack/fault netstack/ifwatch netstack/loop netstack/oneport netstack/peer netstack/sfu/batch netstack/sfu/forward netstack/sfu/srtp netstack/unbounded",
	"netstack/sfu/batch":    "",
	"netstack/sfu/forward":  "netstack",
	"netstack/sfu/srtp":     "",
	"netstack/sfu/sfubench": "netstack netstack/identity netstack/oneport netstack/peer netstack/sfu",
	"netstack/sframe":       "",
	"netstack/signal":       "netstack netstack/fault netstack/identity netstack/invite netstack/loop netstack/unbounded",
	"netstack/topology":     "netstack",
	"netstack/trace":        "netstack",
	"netstack/unbounded":    "",
	"netstack/verdict":      "netstack",
	"netstack/whip":         "netstack netstack/loop netstack/sfu",
	"netstack/wholefile":    "",

	"media":             "",
	"media/capture":     "media media/codec media/scene media/sound",
	"media/codec":       "media",
	"media/foreigntest": "",
	"media/mix":         "media media/codec",
	"media/playout":     "media media/codec media/mix media/sound",
	"media/scene":       "media",
	"media/sound":       "",
	"media/voice":       "media",
}

// doors lists heavy dependencies and the only packages that may import them.
// A longer entry takes its part out of a shorter one.
var doors = map[string]string{
	"fyne.io/fyne/v2/app":          "app",
	"fyne.io/fyne/v2":              "app/ui app/ui/shots app/ui/uitest",
	"github.com/gorilla/websocket": "netstack/signal",
	"github.com/pion/turn/v4":      "netstack/relay",
	"github.com/pion/mediadevices": "media/capture",
	"github.com/gen2brain/malgo":   "media/capture media/playout media/sound",
	"github.com/jezek/xgb":         "app/x11 media/capture",
	"gopkg.in/hraban/opus.v2":      "media/codec",
	"golang.org/x/crypto/acme":     "netstack/acmetest netstack/certificate",
	"C":                            "app/x11 media/codec media/voice",
}

func TestFloorPlan(t *testing.T) {
	unplanned := map[string]bool{}
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel("..", filepath.Dir(file))
		if err != nil {
			return err
		}
		pkg := strings.TrimPrefix(filepath.ToSlash(dir), ".")
		if _, ok := plan[pkg]; !ok {
			unplanned[pkg] = true
			return nil
		}
		for _, spec := range f.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			check(t, pkg, imp)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range unplanned {
		t.Errorf("package %q is not on the plan", pkg)
	}
}

func check(t *testing.T, pkg, imp string) {
	t.Helper()
	switch {
	case strings.HasPrefix(imp, house+"/"):
		if room := strings.TrimPrefix(imp, house+"/"); !slices.Contains(strings.Fields(plan[pkg]), room) {
			t.Errorf("%s may not import %s", pkg, room)
		}
	case pkg == "app/ui" && strings.HasPrefix(imp, "github.com/pion/webrtc"):
		t.Errorf("%s may not import %s: the window speaks of netstack's nouns only", pkg, imp)
	default:
		if d := doorOf(imp); d != "" && !slices.Contains(strings.Fields(doors[d]), pkg) {
			t.Errorf("%s may not import %s: its door is %s", pkg, imp, doors[d])
		}
	}
}

// doorOf returns the longest entry of doors that covers imp, or "".
func doorOf(imp string) string {
	best := ""
	for d := range doors {
		if (imp == d || strings.HasPrefix(imp, d+"/")) && len(d) > len(best) {
			best = d
		}
	}
	return best
}
