package ui

import "candid/app/call"

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
	case call.MemberChanged:
		if e.Member.ID != m.snap.Self.ID && e.Member.Hand > 0 && m.handOf(e.Member) == 0 {
			return []notice{{Icon: "hand", Text: e.Member.Name + " raised a hand"}}
		}
	}
	return notices(e)
}

// handOf is the hand of a member before an event.
func (m *callModel) handOf(p call.Member) int {
	for _, o := range m.snap.Others {
		if o.ID == p.ID {
			return o.Hand
		}
	}
	return p.Hand // new here: no news
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
