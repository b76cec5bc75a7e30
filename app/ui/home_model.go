package ui

import (
	"strings"
	"time"

	"candid/app/config"
)

// linkState is what Home says under the invite field.
type linkState struct {
	Text string
	Good bool // the link can be joined
	Bad  bool
}

// checkLink judges what was typed so far. check is Engine.CheckLink, explain
// Engine.Explain.
func checkLink(typed string, check func(string) (string, error), explain func(error) (string, string)) linkState {
	link := strings.TrimSpace(typed)
	if link == "" {
		return linkState{Text: "An invite begins with candid:// and comes from the host of the room."}
	}
	if len(link) < len("candid://") && strings.HasPrefix("candid://", link) {
		return linkState{Text: "Go on: an invite begins with candid://"}
	}
	room, err := check(link)
	if err != nil {
		what, next := explain(err)
		return linkState{Text: sentences(what, next), Bad: true}
	}
	return linkState{Text: "This leads to " + roomName(room) + ". Press Enter to go there.", Good: true}
}

// sentences joins what is not empty.
func sentences(s ...string) string {
	var parts []string
	for _, x := range s {
		if x = strings.TrimSpace(x); x != "" {
			parts = append(parts, x)
		}
	}
	return strings.Join(parts, " ")
}

// recentRoom is one line of the recent rooms.
type recentRoom struct {
	Title, Detail string
	Icon          string
	Recent        config.Recent
}

// recentRooms are those that can be entered again, newest first.
func recentRooms(c config.Config, now time.Time) []recentRoom {
	var out []recentRoom
	for _, r := range c.Recent {
		row := recentRoom{Title: roomName(r.Room), Recent: r, Icon: "log-in"}
		when := ago(r.At, now)
		switch {
		case r.Hosted:
			row.Icon, row.Detail = "house", joinDots("Hosted here", when)
		case r.Link == "":
			continue
		default:
			row.Detail = joinDots("Joined", when)
		}
		out = append(out, row)
	}
	return out
}

// nearbyRoom is one line of the rooms on the local network.
type nearbyRoom struct{ Icon, Title, Detail, Link string }

// nearbyRooms says of each room whether one can join it, and where it is: names
// alone do not tell rooms apart.
func nearbyRooms(around []Nearby) []nearbyRoom {
	var out []nearbyRoom
	for _, n := range around {
		row := nearbyRoom{"lock", roomName(n.Room), joinDots("Needs an invite", n.Address), n.Link}
		if n.Link != "" {
			row.Icon, row.Detail = "log-in", joinDots("Join", n.Address)
		}
		out = append(out, row)
	}
	return out
}

func joinDots(s ...string) string {
	var parts []string
	for _, x := range s {
		if x != "" {
			parts = append(parts, x)
		}
	}
	return strings.Join(parts, " · ")
}

// glance is one device on Home: its name, or what is wrong.
type glance struct {
	Icon, Text string
	Bad        bool
}

var deviceIcons = map[DeviceKind][2]string{
	Camera: {"video", "video-off"}, Microphone: {"mic", "mic-off"}, Speaker: {"volume-2", "volume-2"},
}

// glances are the camera, the microphone and the speaker in few words.
func glances(devices map[DeviceKind]DeviceState) []glance {
	var out []glance
	for _, k := range []DeviceKind{Camera, Microphone, Speaker} {
		d := devices[k]
		g := glance{Icon: deviceIcons[k][0], Text: deviceName(d)}
		switch {
		case d.Problem != "":
			g = glance{Icon: deviceIcons[k][1], Text: d.Problem, Bad: true}
		case len(d.Devices) == 0:
			g = glance{Icon: deviceIcons[k][1], Text: "No " + k.String() + " found", Bad: true}
		}
		out = append(out, g)
	}
	return out
}

// deviceName is the name of the device that is, or would be, used.
func deviceName(d DeviceState) string {
	for _, x := range d.Devices {
		if x.ID == d.Chosen {
			return x.Name
		}
	}
	for _, x := range d.Devices {
		if x.Default {
			return x.Name
		}
	}
	if len(d.Devices) > 0 {
		return d.Devices[0].Name
	}
	return ""
}

// deviceOptions are what a device can be chosen from.
func deviceOptions(d DeviceState) (opts []option, chosen string) {
	for _, x := range d.Devices {
		name := x.Name
		if x.Default {
			name += " (system default)"
		}
		opts = append(opts, option{x.ID, name})
		if x.ID == d.Chosen || d.Chosen == "" && x.Default {
			chosen = x.ID
		}
	}
	return opts, chosen
}

// deviceTrouble is a device that cannot be used, in words.
func deviceTrouble(k DeviceKind, d DeviceState) (what, next string) {
	if d.Problem != "" {
		return d.Problem, d.Next
	}
	if len(d.Devices) > 0 {
		return "", ""
	}
	switch k {
	case Camera:
		return "No camera was found.", "Plug one in and it appears here, or join without: others then see your initials."
	case Microphone:
		return "No microphone was found.", "Plug one in and it appears here, or join and only listen."
	}
	return "No speaker was found.", "Plug in headphones or a speaker; until then you hear nothing."
}
