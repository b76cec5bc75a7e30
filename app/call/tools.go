package call

import (
	"context"
	"encoding/json"
	"strings"
	"unicode"

	"candid/netstack"
	"candid/netstack/signal"
)

// maxToolText bounds an address of a host, or its token.
const maxToolText = 300

// askTools asks the host about other programs, or to let them in or not.
func (r *room) askTools(do Action) error {
	var o signal.ToolsOrder
	if do != LookTools {
		open := do == OpenTools
		o.Open = &open
	}
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return r.s.client.Send(context.Background(), netstack.Envelope{Type: signal.TypeTools, To: netstack.HostID, Body: body})
}

// onTools takes what the host says of other programs. It is shown to people, and
// may come from any host.
func (r *room) onTools(e netstack.Envelope) {
	var t signal.Tools
	if err := json.Unmarshal(e.Body, &t); err != nil {
		r.s.log.Debug("message refused", "type", e.Type, "err", err)
		return
	}
	before := r.house.tools
	next := Tools{Open: t.Open, Publish: toolText(t.Publish), Watch: toolText(t.Watch), Token: toolText(t.Token)}
	if t.Error != "" {
		next = before
		next.Problem = "The host did not do it: " + toolText(t.Error)
	}
	r.house.tools = next
	if next.Open != before.Open && !r.self.Moderator {
		text := "This room is no longer open to other programs."
		if next.Open {
			text = "This room is open to other programs: they can bring a picture in, and watch."
		}
		r.tell(Noticed{Text: text})
	}
	r.tell(RoomChanged{})
}

// toolText is what a host says, fit to be shown and copied.
func toolText(s string) string {
	if len(s) > maxToolText || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return ""
	}
	return s
}
