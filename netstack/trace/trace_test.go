package trace

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

func second(i int) time.Time { return start.Add(time.Duration(i) * time.Second) }

// line stands for what the panel draws of one line.
type line struct {
	Name    string     `json:"name"`
	Address string     `json:"address"`
	Bytes   uint64     `json:"bytes"`
	Pairs   []string   `json:"pairs"`
	RTT     *int       `json:"rtt"`
	At      time.Time  `json:"at"`
	Nested  [][]string `json:"nested,omitempty"`
}

func lineAt(key string, i int) line {
	l := line{Name: "Anna " + key, Address: "192.168.1.7", Bytes: 1<<60 + uint64(i)*1201, At: second(i)}
	for p := range 1 + i/7%3 {
		l.Pairs = append(l.Pairs, fmt.Sprintf("pair %d %d", p, i/20))
	}
	if i%5 != 0 {
		rtt := 20 + i%3
		l.RTT = &rtt
	}
	if i%11 == 0 {
		l.Nested = [][]string{{"a"}, {}, {"b", strconv.Itoa(i)}}
	}
	return l
}

// write makes a trace of two streams, one of which ends, a state and facts.
func write(t testing.TB, seconds int) []byte {
	t.Helper()
	var out bytes.Buffer
	e := NewEncoder(&out, Header{Program: "test 1", Start: start})
	for i := range seconds {
		e.State("plan", "", second(i), map[string]int{"revision": i / 50})
		e.Sample("line", "a", second(i), lineAt("a", i))
		if i >= 100 && i < 200 {
			e.Sample("line", "b", second(i), lineAt("b", i))
		}
		if i == 200 {
			e.End("line", "b", second(i))
		}
		if i%30 == 0 {
			e.Record("tick", second(i), i)
		}
		if err := e.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func open(t testing.TB, b []byte) *Reader {
	t.Helper()
	r, err := Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEverythingComesBackInOrder(t *testing.T) {
	const seconds = 400
	r := open(t, write(t, seconds))
	if h := r.Header(); h.Program != "test 1" || !h.Start.Equal(start) || h.Version != Version {
		t.Errorf("header is %+v", h)
	}
	a, b, ticks, plans, ends := 0, 100, 0, 0, 0
	last := start
	for rec := range r.All() {
		if rec.At.Before(last) {
			t.Fatalf("%v is after %v", rec.At, last)
		}
		last = rec.At
		switch {
		case rec.Kind == "tick":
			ticks++
		case rec.Kind == "plan":
			plans++
		case rec.Ended:
			ends++
		default:
			n := &a
			if rec.Key == "b" {
				n = &b
			}
			var got line
			if err := rec.Decode(&got); err != nil {
				t.Fatal(err)
			}
			if want := lineAt(rec.Key, *n); !reflect.DeepEqual(got, want) || !rec.At.Equal(second(*n)) {
				t.Fatalf("%s at %d: got %+v, want %+v", rec.Key, *n, got, want)
			}
			*n++
		}
	}
	if a != seconds || b != 200 || ticks != 14 || plans != 8 || ends != 1 {
		t.Errorf("got %d samples of a, up to %d of b, %d ticks, %d plans, %d ends", a, b, ticks, plans, ends)
	}
	if d := r.Damages(); d != nil {
		t.Errorf("damages: %v", d)
	}
}

func TestSeek(t *testing.T) {
	r := open(t, write(t, 400))
	for _, i := range []int{399, 0, 200, 61, 60, 59, 150, 151, 199, 3, 119, 120, 121} {
		r.ReadTo(second(i))
		var got line
		rec, ok := r.Value("line", "a")
		if !ok || rec.Decode(&got) != nil || !reflect.DeepEqual(got, lineAt("a", i)) {
			t.Errorf("at %d: %v %+v", i, ok, got)
		}
		if _, ok := r.Value("line", "b"); ok != (i >= 100 && i < 200) {
			t.Errorf("at %d: b is there: %v", i, ok)
		}
		if rec, ok := r.Value("plan", ""); !ok || fmt.Sprint(rec.body) != fmt.Sprintf("map[revision:%d]", i/50) {
			t.Errorf("at %d: plan %v", i, rec.body)
		}
	}
}

// TestCut cuts a trace everywhere: what was flushed before the cut comes back,
// and nothing that was not written.
func TestCut(t *testing.T) {
	whole := write(t, 130)
	most := 0
	for cut := 0; cut < len(whole); cut += 37 {
		r, err := Open(bytes.NewReader(whole[:cut]), int64(cut))
		if err != nil {
			if !errors.Is(err, ErrNotATrace) || cut > 400 {
				t.Fatalf("cut at %d: %v", cut, err)
			}
			continue
		}
		n := 0
		for rec := range r.All() {
			if rec.Kind != "line" || rec.Key != "a" {
				continue
			}
			var got line
			if err := rec.Decode(&got); err != nil || !reflect.DeepEqual(got, lineAt("a", n)) {
				t.Fatalf("cut at %d: sample %d is %+v, %v", cut, n, got, err)
			}
			n++
		}
		if n < most {
			t.Fatalf("cut at %d gives %d samples, an earlier cut gave %d", cut, n, most)
		}
		most = n
	}
	if most < 129 {
		t.Errorf("a cut near the end gives only %d of 130 samples", most)
	}
}

func TestDamageCostsItsBlockOnly(t *testing.T) {
	b := write(t, 400)
	r := open(t, b)
	second := r.blocks[2]
	for i := second.offset + 60; i < second.offset+200; i++ {
		b[i] ^= 0x5a
	}
	r = open(t, b)
	var minutes [7]int
	for rec := range r.All() {
		if rec.Kind == "line" && rec.Key == "a" {
			var got line
			i := int(rec.At.Sub(start) / time.Second)
			if err := rec.Decode(&got); err != nil || !reflect.DeepEqual(got, lineAt("a", i)) {
				t.Fatalf("after damage: sample %d is %+v, %v", i, got, err)
			}
			minutes[i/60]++
		}
	}
	// The block after the damage repeats the newest value before it.
	if minutes[1] != 60 || minutes[2] > 30 || minutes[3] != 60 || minutes[5] != 60 {
		t.Errorf("samples per minute: %v", minutes)
	}
	if d := r.Damages(); len(d) != 1 || d[0].Offset != second.offset {
		t.Errorf("damages: %v", d)
	}
}

func TestNotATrace(t *testing.T) {
	for _, s := range []string{"", "hello", strings.Repeat(syncMark, 100), strings.Repeat("\x1f\x8b\x08\x04"+syncMark, 5000)} {
		if _, err := Open(strings.NewReader(s), int64(len(s))); !errors.Is(err, ErrNotATrace) {
			t.Errorf("%.10q…: %v", s, err)
		}
	}
	newer := block1(t, `{"trace":2,"program":"x","start":"2026-11-21T09:00:00Z"}`+"\n")
	if _, err := Open(bytes.NewReader(newer), int64(len(newer))); !errors.Is(err, ErrVersion) {
		t.Errorf("newer version: %v", err)
	}
}

// block1 makes a block of any content.
func block1(t testing.TB, lines string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Extra = extraField(0, start)
	if _, err := io.WriteString(z, lines); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const header1 = `{"trace":1,"program":"x","start":"2026-11-21T09:00:00Z"}` + "\n"

func TestHostileBlocks(t *testing.T) {
	for name, lines := range map[string]string{
		"a line without end":      header1 + `{"k":"` + strings.Repeat("a", 3*maxLine) + `"}` + "\n",
		"a block without end":     header1 + strings.Repeat(`{"k":"x","t":1}`+"\n", maxUnpacked/16+10),
		"a change of nothing":     header1 + `{"k":"x","i":"y","t":1,"d":{"a":1}}` + "\n",
		"a hole in an array":      header1 + `{"k":"x","t":1,"v":[1]}` + "\n" + `{"k":"x","t":2,"d":{"1000000000":1}}` + "\n",
		"an array made longer":    header1 + `{"k":"x","t":1,"v":[1]}` + "\n" + `{"k":"x","t":2,"d":{"#":1000000000}}` + "\n",
		"a negative index":        header1 + `{"k":"x","t":1,"v":[1]}` + "\n" + `{"k":"x","t":2,"d":{"-1":1}}` + "\n",
		"members of a number":     header1 + `{"k":"x","t":1,"v":1}` + "\n" + `{"k":"x","t":2,"d":{"a":{"b":2}}}` + "\n",
		"the end of a number":     header1 + `{"k":"x","t":1,"v":1}` + "\n" + `{"k":"x","t":2,"d":[]}` + "\n",
		"no JSON":                 header1 + "hello\n",
		"a value without end":     header1 + `{"k":"x","t":1,"v":{"a":` + "\n",
		"more streams than there": header1 + streams(maxStreams+1),
	} {
		t.Run(name, func(t *testing.T) {
			b := append(block1(t, lines), write(t, 3)...)
			r := open(t, b)
			ticks := 0
			for rec := range r.All() {
				if rec.Kind == "tick" {
					ticks++
				}
			}
			if len(r.Damages()) != 1 || ticks != 1 {
				t.Errorf("damages %v, and %d facts of the next block", r.Damages(), ticks)
			}
		})
	}
}

func streams(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"k":"x","i":"%d","t":1,"v":1}`+"\n", i)
	}
	return b.String()
}

func TestAnyGzipUnpacksIt(t *testing.T) {
	z, err := gzip.NewReader(bytes.NewReader(write(t, 130)))
	if err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(all), []byte("\n"))
	for _, l := range lines {
		if !json.Valid(l) {
			t.Fatalf("no JSON: %s", l)
		}
	}
	if len(lines) < 130 {
		t.Errorf("%d lines", len(lines))
	}
}

// TestDiff makes random values of each other.
func TestDiff(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	v := random(rnd, 4)
	for i := range 3000 {
		to := mutate(rnd, clone(t, v), 4)
		change, same := diff(v, to)
		if same != reflect.DeepEqual(v, to) {
			t.Fatalf("%d: same is %v for %v and %v", i, same, v, to)
		}
		if same {
			continue
		}
		got, err := apply(clone(t, v), clone(t, change))
		if err != nil || !reflect.DeepEqual(got, to) {
			t.Fatalf("%d: %v changed by %v is %v, not %v: %v", i, v, change, got, to, err)
		}
		v = to
		if i%100 == 0 {
			v = random(rnd, 4)
		}
	}
}

func clone(t testing.TB, v any) any {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	c, err := DecodeTree(b)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func random(r *rand.Rand, depth int) any {
	switch k := r.IntN(7); {
	case k < 2 && depth > 0:
		m := map[string]any{}
		for range r.IntN(5) {
			m[strconv.Itoa(r.IntN(6))+strings.Repeat("#", r.IntN(2))] = random(r, depth-1)
		}
		return m
	case k < 4 && depth > 0:
		a := []any{}
		for range r.IntN(5) {
			a = append(a, random(r, depth-1))
		}
		return a
	case k == 4:
		return nil
	case k == 5:
		return r.IntN(2) == 0
	}
	return json.Number(strconv.Itoa(r.IntN(4)))
}

func mutate(r *rand.Rand, v any, depth int) any {
	if r.IntN(6) == 0 {
		return random(r, depth)
	}
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = mutate(r, v[k], depth-1)
			if r.IntN(5) == 0 {
				delete(v, k)
			}
		}
		if r.IntN(4) == 0 {
			v[strconv.Itoa(r.IntN(9))] = random(r, depth-1)
		}
	case []any:
		for i := range v {
			v[i] = mutate(r, v[i], depth-1)
		}
		if len(v) > 0 && r.IntN(4) == 0 {
			return v[:r.IntN(len(v))]
		}
		if r.IntN(4) == 0 {
			return append(v, random(r, depth-1))
		}
	}
	return v
}

func FuzzOpen(f *testing.F) {
	whole := write(f, 70)
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add(block1(f, header1+`{"k":"x","i":"y","t":1,"v":{"a":[1,{"b":2}]}}`+"\n"+`{"k":"x","i":"y","t":2,"d":{"a":{"#":1}}}`+"\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		last := 0
		for rec := range r.All() {
			last++
			if e, err := rec.Event(); e != nil && err != nil {
				t.Errorf("both %v and %v", e, err)
			}
		}
		r.ReadTo(start.Add(30 * time.Second))
		if r.Before(start.Add(30 * time.Second)) {
			t.Error("stopped too early")
		}
	})
}

// FuzzRecords unpacks for the fuzzer, which finds no gzip by itself.
func FuzzRecords(f *testing.F) {
	f.Add(header1 + `{"k":"x","i":"y","t":1,"v":{"a":[1,{"b":2}]}}` + "\n" + `{"k":"x","i":"y","t":2,"d":{"a":{"#":1}}}` + "\n")
	f.Add(header1 + `{"k":"link-changed","t":1,"b":{"Peer":"a","State":3}}` + "\n" + `{"k":"x","i":"y","t":2,"e":true}` + "\n")
	f.Fuzz(func(t *testing.T, lines string) {
		b := block1(t, lines)
		r, err := Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		for rec := range r.All() {
			var v any
			if err := rec.Decode(&v); err != nil {
				t.Errorf("record %+v: %v", rec, err)
			}
			_, _ = rec.Event() // an error is right for a strange body
		}
		var out bytes.Buffer
		if err := Redact(&out, bytes.NewReader(b), int64(len(b))); err != nil {
			t.Errorf("redact: %v", err)
		}
	})
}
