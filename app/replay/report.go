package replay

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"candid/app/call"
	"candid/netstack"
	"candid/netstack/trace"
	"candid/netstack/verdict"
)

// Report tells of a call in a file to give away. As JSON it is for programs,
// as HTML for people.
type Report struct {
	Version  int           `json:"report"`
	Program  string        `json:"program"`
	Start    time.Time     `json:"start"`
	End      time.Time     `json:"end"`
	Room     string        `json:"room"`
	Self     ReportSelf    `json:"self"`
	Hidden   bool          `json:"hidden"` // names and addresses are replaced
	Summary  string        `json:"summary"`
	Shares   []Share       `json:"shares"`
	People   []ReportLine  `json:"people"`
	Happened []ReportEvent `json:"happened"`
	// Missing says in words what the recording lacks.
	Missing []string `json:"missing,omitempty"`
}

// ReportSelf is whose computer made the recording.
type ReportSelf struct {
	Name string `json:"name"`
}

// Share is how much of the time of all lines was spent on one kind of way.
type Share struct {
	Path  verdict.Path `json:"path"`
	Share float64      `json:"share"` // 0..1
}

// ReportLine is the line to one person, from their coming to their going.
type ReportLine struct {
	ID     netstack.PeerID `json:"id"`
	Name   string          `json:"name"`
	Joined time.Time       `json:"joined"`
	Left   time.Time       `json:"left,omitzero"`
	Why    string          `json:"why,omitempty"` // they left
	Ways   []Way           `json:"ways"`
	// Last is the line as it was at the end, or when it last worked.
	Last    netstack.Opt[netstack.Link] `json:"last"`
	Verdict verdict.Verdict             `json:"verdict"`
	Picture netstack.Opt[call.Picture]  `json:"picture"`
	Sound   netstack.Opt[call.Sound]    `json:"sound"`
	Numbers Numbers                     `json:"numbers"`
	Graphs  []Graph                     `json:"graphs"`
	Setup   []Step                      `json:"setup"`
	Servers []netstack.CandidateFailed  `json:"failed,omitempty"`
}

// Way is a stretch of time in which the media of a line took one way.
type Way struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Path
}

// Numbers sum up a line. What was never measured is unknown.
type Numbers struct {
	RTT     netstack.Opt[time.Duration] `json:"rtt"`      // median
	SlowRTT netstack.Opt[time.Duration] `json:"rttP95"`   // 19 of 20 round trips were faster
	Loss    netstack.Opt[float64]       `json:"loss"`     // mean
	Jitter  netstack.Opt[time.Duration] `json:"jitter"`   // median
	Receive netstack.Opt[int]           `json:"receive"`  // median, bit/s
	Send    netstack.Opt[int]           `json:"send"`     // median, bit/s
	Samples int                         `json:"measured"` // seconds
}

// ReportEvent is something that happened, in words.
type ReportEvent struct {
	At   time.Time `json:"at"`
	Kind MarkKind  `json:"kind"`
	Text string    `json:"text"`
}

const reportVersion = 1

// Report makes a report. Names and addresses in it are replaced, unless named
// is true.
func (r *Recording) Report(named bool) (Report, error) {
	out := Report{
		Version: reportVersion, Program: r.Header.Program, Start: r.Start, End: r.End, Room: r.Room,
		Self: ReportSelf{r.Self.Name}, Missing: r.missing(),
	}
	for _, p := range r.People {
		out.People = append(out.People, r.reportLine(p))
	}
	for _, m := range r.Marks {
		out.Happened = append(out.Happened, ReportEvent{m.At, m.Kind, m.Text})
	}
	out.Shares = shares(out.People)
	out.Summary = summary(out.Shares)
	if named {
		return out, nil
	}
	return out.hidden()
}

// hidden returns the report with names and addresses replaced. They are looked
// for in all of it, and not only where they should be.
func (r Report) hidden() (out Report, err error) {
	b, err := json.Marshal(r)
	var tree any
	if err == nil {
		tree, err = trace.DecodeTree(b)
	}
	if err == nil {
		red := trace.NewRedactor()
		red.Learn(tree)
		b, err = json.Marshal(red.Tree(tree))
	}
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		return Report{}, fmt.Errorf("hide names and addresses: %w", err)
	}
	out.Hidden = true
	return out, nil
}

// WriteJSON writes the report for programs.
func (r Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (r *Recording) missing() []string {
	var out []string
	if n := len(r.Damages); n > 0 {
		out = append(out, "The recording is damaged or was cut short; what could be read is shown.")
	}
	if r.Lost > 0 {
		out = append(out, fmt.Sprintf("%s could not be kept by the recorder.", count(int(r.Lost), "record", "records")))
	}
	if !r.Thinned.IsZero() {
		out = append(out, "The call was long: of its first part, up to "+r.Thinned.Format("15:04:05")+", only some measurements were kept.")
	}
	return out
}

func (r *Recording) reportLine(p Person) ReportLine {
	end := p.Left
	if end.IsZero() {
		end = r.End
	}
	out := ReportLine{ID: p.ID, Name: p.Name, Joined: p.Joined, Left: p.Left, Why: p.Why, Ways: r.ways(p, end)}
	samples := r.Samples(p.ID)
	samples = slices.DeleteFunc(samples, func(s call.Sample) bool { return s.At.Before(p.Joined) || s.At.After(end) })
	out.Numbers = numbers(samples)
	out.Graphs = graphs(samples, p.Joined, end)
	if l, ok := r.lastGood(p.ID, out.Ways, end); ok {
		out.Last, out.Verdict, out.Picture, out.Sound = netstack.Some(l.Link), l.Verdict, l.Picture, l.Sound
		out.Setup = Setup(l.Link)
		out.Servers = l.Link.Failures
	}
	return out
}

func works(p verdict.Path) bool {
	return p != verdict.Broken && p != verdict.Connecting && p != verdict.Unknown
}

// lastGood is the line at the end, or else when it last worked, or else as it
// was.
func (r *Recording) lastGood(id netstack.PeerID, ways []Way, end time.Time) (call.Line, bool) {
	at := end
	for i := len(ways) - 1; i >= 0; i-- {
		if works(ways[i].Path.Path) {
			at = ways[i].To.Add(-time.Nanosecond)
			break
		}
	}
	lines := r.At(at).Lines
	i := slices.IndexFunc(lines, func(l call.Line) bool { return l.Member.ID == id })
	if i < 0 {
		return call.Line{}, false
	}
	return lines[i], true
}

// Ways are the ways the line to p took, while p was here.
func (r *Recording) Ways(p Person) []Way {
	end := p.Left
	if end.IsZero() {
		end = r.End
	}
	return r.ways(p, end)
}

// ways are the ways taken while p was here.
func (r *Recording) ways(p Person, end time.Time) []Way {
	var out []Way
	for _, c := range r.Paths {
		if c.Peer != p.ID || c.At.Before(p.Joined) || c.At.After(end) {
			continue
		}
		if n := len(out); n > 0 {
			out[n-1].To = c.At
			if out[n-1].Path.Path == c.Path && out[n-1].Why == c.Why && out[n-1].Local == c.Local && out[n-1].Remote == c.Remote {
				out[n-1].To = end
				continue
			}
		}
		out = append(out, Way{From: c.At, To: end, Path: c})
	}
	return out
}

// shares leave out the time of looking for a way, if one was found: what counts
// is how the call went on.
func shares(people []ReportLine) []Share {
	sum := map[verdict.Path]time.Duration{}
	for _, p := range people {
		for _, w := range p.Ways {
			sum[w.Path.Path] += w.To.Sub(w.From)
		}
	}
	if len(sum) > 1 {
		delete(sum, verdict.Connecting)
		delete(sum, verdict.Unknown)
	}
	var all time.Duration
	for _, d := range sum {
		all += d
	}
	var out []Share
	for p, d := range sum {
		if d > 0 {
			out = append(out, Share{p, float64(d) / float64(all)})
		}
	}
	slices.SortFunc(out, func(a, b Share) int {
		switch {
		case a.Share > b.Share:
			return -1
		case a.Share < b.Share:
			return 1
		}
		return 0
	})
	return out
}

func numbers(samples []call.Sample) Numbers {
	n := Numbers{Samples: len(samples)}
	rtts := known(samples, func(s call.Sample) netstack.Opt[time.Duration] { return s.RTT })
	n.RTT, n.SlowRTT = quantile(rtts, .5), quantile(rtts, .95)
	n.Jitter = quantile(known(samples, func(s call.Sample) netstack.Opt[time.Duration] { return s.Jitter }), .5)
	n.Receive = quantile(known(samples, func(s call.Sample) netstack.Opt[int] { return s.Receive }), .5)
	n.Send = quantile(known(samples, func(s call.Sample) netstack.Opt[int] { return s.Send }), .5)
	if loss := known(samples, func(s call.Sample) netstack.Opt[float64] { return s.Loss }); len(loss) > 0 {
		sum := 0.0
		for _, l := range loss {
			sum += l
		}
		n.Loss = netstack.Some(sum / float64(len(loss)))
	}
	return n
}

func known[T any](samples []call.Sample, value func(call.Sample) netstack.Opt[T]) []T {
	var out []T
	for _, s := range samples {
		if v := value(s); v.OK {
			out = append(out, v.Value)
		}
	}
	return out
}

func quantile[T int | time.Duration](v []T, q float64) netstack.Opt[T] {
	if len(v) == 0 {
		return netstack.Opt[T]{}
	}
	slices.Sort(v)
	return netstack.Some(v[min(len(v)-1, int(q*float64(len(v))))])
}
