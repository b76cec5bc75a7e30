//go:build e2e && linux

package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"candid/app/config"
	"candid/app/ui"
	"candid/app/ui/uitest"
	"candid/media"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/app"
)

// gridEnv makes this test program be a window with 16 live tiles.
const gridEnv = "CANDID_E2E_GRID"

// gridFPS is how many pictures a second each of the 16 is given.
const gridFPS = 30

// mutedCall tells when a click on the mute button has reached the call.
type mutedCall struct{ *uitest.Call }

func (c mutedCall) SetMuted(on bool) {
	c.Call.SetMuted(on)
	fmt.Println("muted", time.Now().UnixNano())
}

// showGrid is the other process of TestGridAnswersClicks: a real window on a
// scripted call.
func showGrid() {
	a := app.NewWithID("chat.candid.e2e")
	cfg := config.Default()
	cfg.Name, cfg.Theme = "Robin Vale", "dark"
	e := uitest.New(cfg)
	c := mutedCall{uitest.NewCall(uitest.Room(16), uitest.Lines(16, uitest.SFU, uitest.Start)...)}
	e.Enter = func(context.Context, string) (ui.Call, error) { return c, nil }
	w := ui.New(a, e, ui.Options{Link: uitest.Invite, JoinAtOnce: true})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		for len(c.Watched()) < 16 {
			time.Sleep(50 * time.Millisecond)
		}
		for _, s := range c.Watched() {
			go feed(ctx, s)
		}
		time.Sleep(3 * time.Second)
		w.Post(func() { tellButton(a) })
	}()
	w.ShowAndRun()
	cancel()
}

// feed sends pictures to a screen, as a decoder would.
func feed(ctx context.Context, s media.Screen) {
	const w, h = 320, 180
	var frames [2][]byte
	for i := range frames {
		frames[i] = make([]byte, 4*w*h)
		for p := range frames[i] {
			frames[i][p] = byte(p/(4*w)*(i+1) | 0x40)
		}
	}
	t := time.NewTicker(time.Second / gridFPS)
	defer t.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if p := s.Buffer(w, h); p != nil {
			copy(p.Image.Pix, frames[n%2])
			p.Shown = func() { fmt.Println("shown") }
			s.Show(p)
		}
	}
}

// tellButton says where the mute button is, in pixels of the window.
func tellButton(a fyne.App) {
	c := a.Driver().AllWindows()[0].Canvas()
	o := uitest.Find(c, "Mute")
	p := a.Driver().AbsolutePositionForObject(o)
	fmt.Printf("button %d %d\n", int((p.X+o.Size().Width/2)*c.Scale()), int((p.Y+20)*c.Scale()))
}

// TestGridAnswersClicks measures how long a click takes to be served while 16
// tiles run in a window of the default size. The time is from before xdotool
// starts until the call was told, so it holds some milliseconds of xdotool.
func TestGridAnswersClicks(t *testing.T) {
	d := newDesktop(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env, cmd.Stderr = append(d.env, gridEnv+"=1", "XDG_CONFIG_HOME="+t.TempDir()), os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	run(t, cmd)
	g := &gridWindow{t: t, lines: make(chan string, 1<<16)}
	go g.read(out)
	at := strings.Fields(g.next("button", time.Minute))
	ids := strings.Fields(d.tool("xdotool", "search", "--onlyvisible", "--pid", strconv.Itoa(cmd.Process.Pid)))
	if len(ids) == 0 || len(at) != 3 {
		t.Fatalf("windows %v, button %v", ids, at)
	}
	d.tool("xdotool", "windowactivate", "--sync", ids[len(ids)-1])
	d.tool("xdotool", "mousemove", "--window", ids[len(ids)-1], at[1], at[2])
	time.Sleep(500 * time.Millisecond)
	var took []time.Duration
	before, began := g.shown, time.Now()
	for range 40 {
		start := time.Now()
		d.tool("xdotool", "click", "1")
		ns, err := strconv.ParseInt(strings.TrimPrefix(g.next("muted", 10*time.Second), "muted "), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Unix(0, ns).Sub(start))
		time.Sleep(120 * time.Millisecond)
	}
	slices.Sort(took)
	p50, p95 := took[len(took)/2], took[len(took)*95/100]
	fps := float64(g.shown-before) / time.Since(began).Seconds() / 16
	t.Logf("16 tiles, each given %d fps and shown at %.1f: click to handler p50 %v, p95 %v, longest %v",
		gridFPS, fps, p50.Round(time.Millisecond), p95.Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
	if fps < 1 {
		t.Error("the pictures do not run")
	}
	if p50 > 250*time.Millisecond { // 100 ms is the aim; the machine may be busy
		t.Errorf("a click takes %v", p50)
	}
}

// gridWindow reads what the other process tells.
type gridWindow struct {
	t     *testing.T
	lines chan string
	shown int // pictures
}

func (g *gridWindow) read(r io.Reader) {
	for s := bufio.NewScanner(r); s.Scan(); {
		g.lines <- s.Text()
	}
	close(g.lines)
}

// next waits for a line that begins so.
func (g *gridWindow) next(begin string, patience time.Duration) string {
	g.t.Helper()
	late := time.After(patience)
	for {
		select {
		case l, ok := <-g.lines:
			switch {
			case !ok:
				g.t.Fatal("the window is gone")
			case l == "shown":
				g.shown++
			case strings.HasPrefix(l, begin):
				return l
			}
		case <-late:
			g.t.Fatalf("waited in vain for %q", begin)
		}
	}
}
