package ui

import (
	"candid/app/call"
	"candid/netstack"
)

// notice is a sentence shown for a while.
type notice struct {
	Icon string
	Text string
	Bad  bool
}

// notices are what an event is worth telling for a while. What is said in the
// chat is not told while that is open.
func (m *callModel) notices(e call.Event, chatting bool) []notice {
	switch e := e.(type) {
	case call.ChatReceived:
		if !e.Line.Mine && !chatting {
			return []notice{chatNotice(e.Line)}
		}
	case call.PathChanged:
		if e.Change.Failed != "" {
			return []notice{{Icon: "shuffle", Text: failedWords(e.Change), Bad: true}}
		}
	}
	return notices(e)
}

// news are what is worth telling of a new snapshot: who raised a hand, and who
// began to share.
func (m *callModel) news(next call.Snapshot) []notice {
	before := make(map[netstack.PeerID]call.Member, len(m.snap.Others))
	for _, o := range m.snap.Others {
		before[o.ID] = o
	}
	var out []notice
	for _, o := range next.Others {
		was, known := before[o.ID]
		if known && was.Hand == 0 && o.Hand > 0 {
			out = append(out, notice{Icon: "hand", Text: o.Name + " raised a hand"})
		}
		if known && !was.Sharing && o.Sharing {
			out = append(out, notice{Icon: "screen-share", Text: o.Name + " shares a screen"})
		}
	}
	return out
}

// notices are what an event is worth telling whatever is open.
func notices(e call.Event) []notice {
	switch e := e.(type) {
	case call.MemberJoined:
		return []notice{{Icon: "user", Text: e.Member.Name + " came in"}}
	case call.MemberLeft:
		if e.Why == "" || e.Why == "left" {
			return []notice{{Icon: "user", Text: e.Member.Name + " left"}}
		}
		return []notice{{Icon: "user", Text: e.Member.Name + " is gone: " + e.Why, Bad: true}}
	case call.Noticed:
		icon := "info"
		if e.Bad {
			icon = "triangle-alert"
		}
		return []notice{{Icon: icon, Text: e.Text, Bad: e.Bad}}
	}
	return nil
}
