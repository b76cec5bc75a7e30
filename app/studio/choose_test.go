package studio

import (
	"testing"
	"time"
)

func TestChoose(t *testing.T) {
	now := time.Unix(1000, 0)
	a := Device{ID: "a", Default: true}
	b := Device{ID: "b"}
	c := Device{ID: "c"}
	test := Device{ID: "test", Synthetic: true}
	list := []Device{a, b, c, test}
	bad := func(ids ...string) map[string]failure {
		m := map[string]failure{}
		for _, id := range ids {
			m[id] = failure{errBroken, now.Add(time.Second)}
		}
		return m
	}
	for _, x := range []struct {
		name   string
		list   []Device
		wish   string
		inUse  string
		failed map[string]failure
		want   string
	}{
		{"default", list, "", "", nil, "a"},
		{"wish", list, "b", "", nil, "b"},
		{"wish is gone", list, "z", "", nil, "a"},
		{"wish failed", list, "b", "", bad("b"), "a"},
		{"wish and default failed", list, "b", "", bad("b", "a"), "c"},
		{"default failed", list, "", "", bad("a"), "b"},
		{"all failed", list, "", "", bad("a", "b", "c"), ""},
		{"none wanted", list, None, "", nil, ""},
		{"test picture by wish only", []Device{test}, "", "", nil, ""},
		{"test picture by wish", list, "test", "", nil, "test"},
		{"no device", nil, "a", "", nil, ""},
		{"rather no change", list, "b", "c", bad("b", "a"), "c"},
		{"default is back", list, "", "c", nil, "a"},
		{"test picture is not kept", list, "", "test", bad("a"), "b"},
		{"failed long ago", list, "b", "", map[string]failure{"b": {errBroken, now}}, "b"},
	} {
		got, ok := choose(x.list, x.wish, x.inUse, x.failed, now)
		if got.ID != x.want || ok != (x.want != "") {
			t.Errorf("%s: chose %q (%v), want %q", x.name, got.ID, ok, x.want)
		}
	}
}
