package ui

import (
	"candid/netstack"

	"fyne.io/fyne/v2"
)

// menuPaths are what can be chosen, in words.
var menuPaths = []struct {
	words string
	path  netstack.Topology
}{
	{"The room chooses", netstack.Auto},
	{"Straight to each other (P2P)", netstack.P2P},
	{"Through the host (SFU)", netstack.SFU},
	{"Mixed by the host (MCU)", netstack.MCU},
}

// showPaths offers the paths under the badge.
func (s *callScreen) showPaths() { showMenu(s.pathMenu(), s.top.path) }

// pathMenu chooses the path for oneself and, for moderators, for all. Where
// media is encrypted from end to end, nobody can mix it.
func (s *callScreen) pathMenu() *fyne.Menu {
	snap := s.model.snap
	items := func(chosen netstack.Topology, choose func(netstack.Topology)) []*fyne.MenuItem {
		var out []*fyne.MenuItem
		for _, c := range menuPaths {
			i := fyne.NewMenuItem(c.words, func() { choose(c.path) })
			i.Checked, i.Disabled = c.path == chosen, c.path == netstack.MCU && snap.Encrypted
			if i.Disabled {
				i.Label += ": not while end-to-end encrypted"
			}
			out = append(out, i)
		}
		return out
	}
	m := fyne.NewMenu("", items(snap.Forced, s.call.Force)...)
	if snap.Self.Moderator {
		all := fyne.NewMenuItem("For everyone", nil)
		all.ChildMenu = fyne.NewMenu("", items(snap.RoomForced, s.call.ForceRoom)...)
		m.Items = append(m.Items, fyne.NewMenuItemSeparator(), all)
	}
	return m
}
