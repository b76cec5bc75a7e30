package rehearsal

import (
	"testing"

	"candid/netstack"
	"candid/netstack/verdict"
)

func TestSentence(t *testing.T) {
	line := func(name string, p verdict.Path) Line { return Line{Name: name, Verdict: verdict.Verdict{Path: p}} }
	for _, c := range []struct {
		r    Result
		want string
	}{
		{Result{}, "Nobody is in the room now, so only the way to the host could be tried."},
		{Result{Lines: []Line{line("Mina", verdict.Direct)}, Room: netstack.P2P}, "A call with Mina would go directly."},
		{Result{Lines: []Line{line("Mina", verdict.Relayed)}}, "A call with Mina would be relayed by the host."},
		{Result{Lines: []Line{line("Mina", verdict.Connecting)}}, "No way to Mina was found yet."},
		{Result{Lines: []Line{line("Mina", verdict.Broken)}}, "No way to Mina was found."},
		{Result{Lines: []Line{line("Mina", verdict.Direct), line("Tom", verdict.Relayed), line("Jo", verdict.Direct), line("Al", verdict.Broken)}, Room: netstack.SFU},
			"Of the 4 people there, 2 reached directly, 1 relayed by the host, 1 not reached. The room itself goes through the host at the moment."},
	} {
		if got := c.r.Sentence(); got != c.want {
			t.Errorf("%+v: %q, want %q", c.r, got, c.want)
		}
	}
}
