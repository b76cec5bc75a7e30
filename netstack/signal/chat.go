package signal

import (
	"encoding/json"
	"time"

	"candid/netstack"
)

// ChatLine is a line of chat.
type ChatLine struct {
	From netstack.PeerID `json:"from"`
	Name string          `json:"name"` // as it was then
	Text string          `json:"text"`
	At   time.Time       `json:"at,omitzero"` // set by the server
	// Line numbers the lines of a room, from 1.
	Line uint64 `json:"line,omitempty"`
}

// What is kept of the chat for those who come late.
const (
	maxHistory      = 100
	maxHistoryBytes = 64 << 10 // of text
)

// history is the newest lines of a room's chat. Nothing of it is written
// anywhere.
type history struct {
	lines []ChatLine
	bytes int
	last  uint64 // number of the newest line
}

// add numbers a line and keeps it.
func (h *history) add(l ChatLine) ChatLine {
	h.last++
	l.Line = h.last
	h.lines = append(h.lines, l)
	h.bytes += len(l.Text)
	for len(h.lines) > maxHistory || h.bytes > maxHistoryBytes {
		h.bytes -= len(h.lines[0].Text)
		h.lines = h.lines[1:]
	}
	return l
}

func (r *room) chat(m *session, f frame, no func(Code, string) *errorBody) *errorBody {
	var l ChatLine
	if err := decode(f.Envelope, &l); err != nil {
		return no(CodeMalformed, "no text")
	}
	l = ChatLine{From: m.ID, Name: m.Name, Text: cut(cleanText(l.Text, true), maxChat, maxChat), At: time.Now().UTC()}
	if l.Text == "" {
		return no(CodeMalformed, "no text")
	}
	raw, err := json.Marshal(r.history.add(l))
	if err != nil {
		return no(CodeMalformed, "no text")
	}
	r.broadcast(nil, message{tail: tailOf(netstack.Envelope{Type: TypeChat, From: m.ID, Body: raw}, f.N)})
	return nil
}

// newChatLocked returns those lines of a welcome that were not reported yet.
// Another epoch's are all new: they were said since the host is back.
func (c *Client) newChatLocked(lines []ChatLine, sameEpoch bool) (fresh []ChatLine) {
	if !sameEpoch {
		c.line = 0
	}
	for _, l := range lines {
		if l.Line > c.line {
			c.line = l.Line
			fresh = append(fresh, l.cleaned())
		}
	}
	return fresh
}

// cleaned is the line fit to be shown, also if the host is not what it should be.
func (l ChatLine) cleaned() ChatLine {
	l.Name, l.Text = cleanName(l.Name), cut(cleanText(l.Text, true), maxChat, maxChat)
	return l
}
