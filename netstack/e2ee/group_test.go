package e2ee

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"candid/netstack"
	"candid/netstack/sframe"
)

const opus = "audio/opus"

// net carries the messages of some groups in virtual time. cut may change or
// drop (nil) what is on its way.
type network struct {
	t      testing.TB
	now    time.Time
	groups map[netstack.PeerID]*Group
	queue  []netstack.Envelope
	cut    func(netstack.Envelope) *netstack.Envelope
	refuse bool // errors of Handle are of no matter
	steps  map[netstack.PeerID]Step
}

func newNetwork(t testing.TB) *network {
	return &network{
		t: t, now: time.Unix(1e9, 0),
		groups: make(map[netstack.PeerID]*Group), steps: make(map[netstack.PeerID]Step),
	}
}

func newIdentity(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// join brings a member in, and tells all.
func (n *network) join(id netstack.PeerID) *Group {
	n.t.Helper()
	g, err := New(id, newIdentity(n.t))
	if err != nil {
		n.t.Fatal(err)
	}
	n.groups[id] = g
	n.roster()
	return g
}

func (n *network) leave(id netstack.PeerID) *Group {
	g := n.groups[id]
	delete(n.groups, id)
	n.roster()
	return g
}

func (n *network) roster() {
	n.t.Helper()
	var ids []netstack.PeerID
	for id := range n.groups {
		ids = append(ids, id)
	}
	for id, g := range n.groups {
		if err := g.SetMembers(ids, n.now); err != nil {
			n.t.Fatal(err)
		}
		n.take(id)
	}
}

// take queues what a group wants sent.
func (n *network) take(id netstack.PeerID) {
	s := n.groups[id].Take()
	for _, e := range s.Send {
		e.From = id
		n.queue = append(n.queue, e)
	}
	old := n.steps[id]
	n.steps[id] = Step{Known: append(old.Known, s.Known...), Renewed: old.Renewed || s.Renewed}
}

// deliver delivers until nothing is on its way.
func (n *network) deliver() {
	n.t.Helper()
	for rounds := 0; len(n.queue) > 0; rounds++ {
		if rounds > 10000 {
			n.t.Fatal("messages without end")
		}
		e := &n.queue[0]
		n.queue = n.queue[1:]
		if n.cut != nil {
			if e = n.cut(*e); e == nil {
				continue
			}
		}
		g := n.groups[e.To]
		if g == nil {
			continue
		}
		if err := g.Handle(*e, n.now); err != nil && !n.refuse {
			n.t.Fatalf("%s from %s to %s: %v", e.Body, e.From, e.To, err)
		}
		n.take(e.To)
	}
}

// pass lets time pass, and everything happen that is due.
func (n *network) pass(d time.Duration) {
	n.t.Helper()
	for end := n.now.Add(d); n.now.Before(end); {
		n.now = n.now.Add(50 * time.Millisecond)
		for id, g := range n.groups {
			if err := g.Tick(n.now); err != nil {
				n.t.Fatal(err)
			}
			n.take(id)
		}
		n.deliver()
	}
}

func seal(t testing.TB, g *Group) []byte {
	t.Helper()
	z, err := g.Sender().Track("mic")
	if err != nil {
		t.Fatal(err)
	}
	out, err := z.Seal(nil, opus, 7, []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// open opens a frame from a member at another.
func open(g *Group, from netstack.PeerID, sealed []byte) error {
	r := g.Receiver(from)
	if r == nil {
		return sframe.ErrNoKey
	}
	_, err := r.Track("mic", "SFU").Open(opus, 7, bytes.Clone(sealed))
	return err
}

// mustHear checks that everyone opens what everyone else seals.
func (n *network) mustHear() {
	n.t.Helper()
	for from, g := range n.groups {
		sealed := seal(n.t, g)
		for to, h := range n.groups {
			if to == from {
				continue
			}
			if err := open(h, from, sealed); err != nil {
				n.t.Errorf("%s cannot hear %s: %v", to, from, err)
			}
		}
	}
}

func TestTwoAgree(t *testing.T) {
	n := newNetwork(t)
	a, b := n.join("anna"), n.join("bert")
	n.deliver()
	n.mustHear()
	pa, pb := a.Peer("bert"), b.Peer("anna")
	if len(pa.Words) != wordCount || !slices.Equal(pa.Words, pb.Words) {
		t.Errorf("words %q and %q", pa.Words, pb.Words)
	}
	if !pa.Identity.Equal(b.identity.Public()) || !pb.Identity.Equal(a.identity.Public()) {
		t.Error("wrong identities")
	}
	if s := n.steps["anna"]; !slices.Contains(s.Known, "bert") || !s.Renewed {
		t.Errorf("Anna was told %+v", s)
	}
	c := newNetwork(t)
	c.join("anna")
	c.join("bert")
	c.deliver()
	if slices.Equal(c.groups["anna"].Peer("bert").Words, pa.Words) {
		t.Error("another call has the same words")
	}
}

func TestManyComeAndGo(t *testing.T) {
	n := newNetwork(t)
	for i := range 8 {
		n.join(netstack.PeerID(fmt.Sprintf("m%d", i)))
		n.pass(100 * time.Millisecond)
	}
	n.pass(2 * time.Second)
	n.mustHear()
	for i := range 6 {
		n.leave(netstack.PeerID(fmt.Sprintf("m%d", i)))
		n.pass(250 * time.Millisecond)
		n.mustHear()
	}
	for i := range 6 { // all at once
		n.join(netstack.PeerID(fmt.Sprintf("n%d", i)))
	}
	n.pass(2 * time.Second)
	n.mustHear()
}

// A newcomer cannot open what was sent before it came, and not a frame is lost
// to those who were there.
func TestNewcomer(t *testing.T) {
	n := newNetwork(t)
	a, b := n.join("anna"), n.join("bert")
	n.pass(time.Second)
	before := seal(t, a)
	c := n.join("carl")
	n.deliver()
	for range 20 {
		if err := open(b, "anna", seal(t, a)); err != nil {
			t.Fatalf("Bert lost a frame: %v", err)
		}
		n.pass(50 * time.Millisecond)
	}
	if err := open(c, "anna", seal(t, a)); err != nil {
		t.Errorf("Carl hears nothing: %v", err)
	}
	if err := open(c, "anna", before); !errors.Is(err, sframe.ErrNoKey) {
		t.Errorf("Carl heard what was said before he came: %v", err)
	}
}

// Who has left opens nothing 300 ms later, even if the others never hear from
// each other again, and if nothing was lost hears nothing of them at once.
func TestRemoved(t *testing.T) {
	for _, silent := range []bool{false, true} {
		n := newNetwork(t)
		a := n.join("anna")
		n.join("bert")
		n.join("carl")
		n.pass(2 * time.Second)
		carl := n.leave("carl")
		if silent {
			n.cut = func(netstack.Envelope) *netstack.Envelope { return nil }
		} else {
			n.deliver()
			if err := open(carl, "anna", seal(t, a)); err == nil {
				t.Error("all have the new key, and it is not used")
			}
		}
		n.pass(250 * time.Millisecond)
		if err := open(carl, "anna", seal(t, a)); !errors.Is(err, sframe.ErrNoKey) {
			t.Errorf("Carl is gone and hears: %v", err)
		}
		if !silent {
			n.mustHear()
		}
		if a.Receiver("carl") != nil {
			t.Error("Carl's keys are kept")
		}
	}
}

// A secret that waits for its turn is given to nobody who leaves meanwhile.
func TestRemovedWhileJoining(t *testing.T) {
	n := newNetwork(t)
	a := n.join("anna")
	n.join("bert")
	n.pass(time.Second)
	n.join("carl")
	n.cut = func(e netstack.Envelope) *netstack.Envelope {
		if strings.Contains(string(e.Body), `"got"`) && e.From == "bert" {
			return nil
		}
		return &e
	}
	n.deliver()
	if a.next == nil {
		t.Fatal("no secret waits")
	}
	carl := n.leave("carl")
	n.cut = nil
	n.pass(250 * time.Millisecond)
	if err := open(carl, "anna", seal(t, a)); !errors.Is(err, sframe.ErrNoKey) {
		t.Errorf("Carl is gone and hears: %v", err)
	}
	n.mustHear()
}

// A host that does not want to pass messages on cannot make two members agree
// on anything false: whatever it changes, they agree truly or not at all.
func TestEveryByteIsKept(t *testing.T) {
	count := 0
	for message := 0; ; message++ {
		n := newNetwork(t)
		n.refuse = true
		passed, last := 0, true
		n.cut = func(e netstack.Envelope) *netstack.Envelope {
			if passed++; passed-1 == message {
				last = false
				e.Body = flip(e.Body, count)
			}
			return &e
		}
		a, b := n.join("anna"), n.join("bert")
		n.deliver()
		pa, pb := a.Peer("bert"), b.Peer("anna")
		if pa.Identity != nil && pb.Identity != nil && !slices.Equal(pa.Words, pb.Words) {
			t.Fatalf("message %d: both know each other, by other words", message)
		}
		if pa.Identity != nil && !pa.Identity.Equal(b.identity.Public()) || pb.Identity != nil && !pb.Identity.Equal(a.identity.Public()) {
			t.Fatalf("message %d: a false identity", message)
		}
		if last {
			return
		}
		n.cut = nil
		n.pass(20 * time.Second) // and they get over it
		n.refuse = false
		n.mustHear()
		count++
	}
}

// flip changes something in a field of a message.
func flip(body []byte, n int) []byte {
	var m message
	if err := json.Unmarshal(body, &m); err != nil {
		return body
	}
	for _, field := range []*[]byte{&m.Sealed, &m.Key, &m.Nonce, &m.Run} {
		if len(*field) > 0 {
			(*field)[n%len(*field)] ^= 1
			break
		}
	}
	return mustJSON(m)
}

// mallory is a host between two members: towards each it is the other.
type mallory struct {
	asAnna, asBert *Group
}

func (m *mallory) between(n *network) {
	n.cut = func(e netstack.Envelope) *netstack.Envelope {
		g := m.asBert
		if e.From == "bert" {
			g = m.asAnna
		}
		if err := g.Handle(e, n.now); err != nil {
			n.t.Logf("Mallory: %v", err)
		}
		for _, out := range g.Take().Send {
			out.From = e.To
			if err := n.groups[e.From].Handle(out, n.now); err != nil {
				n.t.Fatal(err)
			}
			n.take(e.From)
		}
		return nil
	}
}

func newMallory(t *testing.T, n *network) *mallory {
	m := &mallory{}
	for id, g := range map[netstack.PeerID]**Group{"anna": &m.asAnna, "bert": &m.asBert} {
		var err error
		if *g, err = New(id, newIdentity(t)); err != nil {
			t.Fatal(err)
		}
		if err := (*g).SetMembers([]netstack.PeerID{"anna", "bert"}, n.now); err != nil {
			t.Fatal(err)
		}
		for _, e := range (*g).Take().Send {
			e.From = id
			n.queue = append(n.queue, e)
		}
	}
	return m
}

// A host that swaps keys reads everything, and is found: the words differ, and
// so do the identities that the two remember of each other.
func TestHostInBetweenIsFound(t *testing.T) {
	n := newNetwork(t)
	n.join("anna")
	n.join("bert")
	n.deliver()
	first := n.groups["anna"].Peer("bert")
	idBefore := first.Identity
	bertKey := n.groups["bert"].identity

	n = newNetwork(t)
	m := newMallory(t, n)
	toBert := n.queue // what it says as Anna
	n.queue = nil
	a := n.join("anna")
	b, err := New("bert", bertKey)
	if err != nil {
		t.Fatal(err)
	}
	n.groups["bert"] = b
	m.between(n)
	n.roster()
	for _, e := range toBert {
		if err := b.Handle(e, n.now); err != nil {
			t.Fatal(err)
		}
		n.take("bert")
	}
	n.deliver()
	pa, pb := a.Peer("bert"), b.Peer("anna")
	if pa.Identity == nil || pb.Identity == nil {
		t.Fatal("Mallory did not get in between: the test is no test")
	}
	if err := open(m.asBert, "anna", seal(t, a)); err != nil {
		t.Fatalf("Mallory hears nothing (%v): the test is no test", err)
	}
	if slices.Equal(pa.Words, pb.Words) {
		t.Error("the words are the same")
	}
	if pa.Identity.Equal(idBefore) {
		t.Error("Mallory passed for Bert, whom Anna remembers")
	}
}

// The initiator has chosen before it sees the responder's values, and the other
// way round: nothing else is taken afterwards.
func TestCommitmentBinds(t *testing.T) {
	now := time.Unix(1e9, 0)
	init, err := newRun(now)
	if err != nil {
		t.Fatal(err)
	}
	other, err := newRun(now)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := makeRun(now)
	if err != nil {
		t.Fatal(err)
	}
	resp.commit = init.commit
	if err := resp.meet("bert", "anna", other.private.PublicKey().Bytes(), other.nonce); !errors.Is(err, errForged) {
		t.Errorf("values that were not committed to: %v", err)
	}
	if err := resp.meet("bert", "anna", init.private.PublicKey().Bytes(), other.nonce); !errors.Is(err, errForged) {
		t.Errorf("another nonce: %v", err)
	}
	if err := init.meet("anna", "bert", resp.private.PublicKey().Bytes(), resp.nonce); err != nil {
		t.Fatal(err)
	}
	if err := init.meet("anna", "bert", other.private.PublicKey().Bytes(), other.nonce); err == nil {
		t.Error("a second answer was taken")
	}
	if err := other.meet("anna", "bert", other.private.PublicKey().Bytes(), other.nonce); err == nil {
		t.Error("our own key was taken for another's")
	}
	if err := other.meet("anna", "bert", make([]byte, 32), other.nonce); err == nil {
		t.Error("a key of low order was taken")
	}
}

// One side forgets the other and takes it in anew, as after a broken line; the
// other knows nothing of it. Whoever is the initiator, they find together again.
func TestForgottenByOne(t *testing.T) {
	for _, forgetful := range []netstack.PeerID{"anna", "bert"} {
		n := newNetwork(t)
		n.join("anna")
		n.join("bert")
		n.pass(2 * time.Second)
		n.refuse = true
		g := n.groups[forgetful]
		for _, ids := range [][]netstack.PeerID{{}, {"anna", "bert"}} {
			if err := g.SetMembers(ids, n.now); err != nil {
				t.Fatal(err)
			}
			n.take(forgetful)
		}
		n.pass(8 * time.Second)
		n.mustHear()
		if other := n.groups["anna"].Peer("bert"); other.Changed {
			t.Error("taken for somebody else")
		}
	}
}

// Messages that are lost delay, and no more.
func TestLostMessages(t *testing.T) {
	for lost := range 6 {
		n := newNetwork(t)
		count := 0
		n.cut = func(e netstack.Envelope) *netstack.Envelope {
			if count++; count-1 == lost {
				return nil
			}
			return &e
		}
		n.refuse = true
		n.join("anna")
		n.join("bert")
		n.pass(30 * time.Second)
		n.mustHear()
	}
}

func TestRunsAreFew(t *testing.T) {
	n := newNetwork(t)
	n.join("anna")
	b := n.join("bert")
	n.deliver()
	words := b.Peer("anna").Words
	answers := 0
	for range 1000 {
		r, err := newRun(n.now)
		if err != nil {
			t.Fatal(err)
		}
		e := envelope("bert", message{Step: stepCommit, Version: version, Run: r.commit})
		e.From = "anna"
		_ = b.Handle(e, n.now)
		answers += len(b.Take().Send)
		n.now = n.now.Add(10 * time.Millisecond)
	}
	if answers < 1 || answers > 11 {
		t.Errorf("%d of 1000 runs in 10 s were answered", answers)
	}
	if !slices.Equal(b.Peer("anna").Words, words) {
		t.Error("a run that is not complete changed the words")
	}
}

func TestShun(t *testing.T) {
	n := newNetwork(t)
	a, b := n.join("anna"), n.join("bert")
	c := n.join("carl")
	n.pass(2 * time.Second)
	a.Shun("bert", true, n.now)
	n.take("anna")
	n.pass(250 * time.Millisecond)
	sealed := seal(t, a)
	if err := open(b, "anna", sealed); !errors.Is(err, sframe.ErrNoKey) {
		t.Errorf("Bert hears: %v", err)
	}
	if err := open(c, "anna", sealed); err != nil {
		t.Errorf("Carl does not: %v", err)
	}
	a.Shun("bert", false, n.now)
	n.take("anna")
	n.pass(2 * time.Second)
	n.mustHear()
}

func TestWords(t *testing.T) {
	all := strings.Fields(wordList)
	if len(all) != 256 || !slices.IsSorted(all) {
		t.Fatalf("%d words, sorted: %v", len(all), slices.IsSorted(all))
	}
	for i, w := range all {
		if len(w) < 3 || len(w) > 8 {
			t.Errorf("%q is too short or too long", w)
		}
		if i > 0 && w[:3] == all[i-1][:3] && w[3:min(len(w), 4)] == all[i-1][3:min(len(all[i-1]), 4)] {
			t.Errorf("%q and %q sound alike", all[i-1], w)
		}
	}
}

func FuzzHandle(f *testing.F) {
	f.Add([]byte(`{"step":"hello"}`), true)
	f.Add([]byte(`{"step":"commit","version":1,"run":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}`), false)
	f.Add([]byte(`{"step":"answer","run":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","key":"AAAA","nonce":""}`), true)
	f.Add([]byte(`{"step":"reveal","run":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","sealed":"AA=="}`), false)
	f.Add([]byte(`{"step":"secret","n":18446744073709551615,"run":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}`), true)
	f.Add([]byte(`[]`), false)
	// Made once: keys take longer than all the rest. No message may change them.
	strangers, friends := newNetwork(f), newNetwork(f)
	for _, n := range []*network{strangers, friends} {
		n.join("anna")
		n.join("bert")
	}
	friends.deliver()
	f.Fuzz(func(t *testing.T, body []byte, known bool) {
		n := strangers
		if known {
			n = friends
		}
		for _, to := range []netstack.PeerID{"anna", "bert"} {
			g, from := n.groups[to], netstack.PeerID("anna")
			if to == "anna" {
				from = "bert"
			}
			before := g.Peer(from)
			_ = g.Handle(netstack.Envelope{Type: Type, From: from, Body: body}, n.now)
			if p := g.Peer(from); !bytes.Equal(p.Identity, before.Identity) || !slices.Equal(p.Words, before.Words) {
				t.Fatal("a message of nobody's changed who a member is")
			}
			if len(g.Take().Send) > 3 {
				t.Fatal("one message, many answers")
			}
			n.now = n.now.Add(time.Second)
		}
	})
}

func BenchmarkAgree(b *testing.B) {
	for b.Loop() {
		n := newNetwork(b)
		n.join("anna")
		n.join("bert")
		n.deliver()
	}
}
