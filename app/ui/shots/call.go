package main

import (
	"fmt"
	"time"

	"candid/app/call"
	"candid/app/ui"
	"candid/app/ui/uitest"
	"candid/netstack"
)

// This file has the situations of a call with many people.

// stage is a room of nine in which somebody speaks.
func stage() *uitest.Call {
	s := uitest.Room(9)
	s.Plan.Topology, s.Speaker = netstack.SFU, "p1"
	s.Others[2].Muted, s.Others[5].CameraOff = true, true
	s.Others[3].HandRaised, s.Others[3].Hand = true, 1
	c := uitest.NewCall(s, uitest.Lines(9, uitest.SFU, now)...)
	c.SetLevel("p1", 0.6)
	return c
}

func speaker(*ui.Window, *uitest.Engine) {
	if err := uitest.Press(canvas(), "Choose the layout"); err != nil {
		panic(err)
	}
	if err := uitest.Choose(canvas(), "Speaker"); err != nil {
		panic(err)
	}
}

// sharing is a room in which somebody shares a screen.
func sharing() *uitest.Call {
	s := uitest.Room(6)
	s.Encrypted = true
	s.Others[1].Sharing = true
	s.Others[3].Muted = true
	c := uitest.NewCall(s, uitest.Lines(6, uitest.SFU, now)...)
	c.SetLevel("p2", 0.6)
	return c
}

// selfSharing is a room to which one's own screen is shown.
func selfSharing() *uitest.Call {
	s := uitest.Room(4)
	s.Self.Sharing = true
	return uitest.NewCall(s, uitest.Lines(4, uitest.TwoRouters, now)...)
}

// chatting is a room in which people write.
func chatting() *uitest.Call {
	s := uitest.Room(4)
	s.Encrypted = true
	at := now.Add(-9 * time.Minute)
	say := func(i int, after time.Duration, text string) {
		at = at.Add(after)
		m := uitest.MemberAt(i)
		s.Chat = append(s.Chat, call.ChatLine{From: m.ID, Name: m.Name, Text: text, At: at, Mine: i == 0})
	}
	say(1, 0, "Morning! I put the notes here:")
	say(1, 4*time.Second, "https://notes.example.org/design-review/2026-11-21?view=all#open-questions")
	say(2, 40*time.Second, "Thanks. Can we start with the colours? I have to leave at half past and would like to see the light theme before that.")
	say(0, 20*time.Second, "Sure, sharing in a minute")
	say(3, 3*time.Minute, "Does anybody else hear an echo?")
	say(0, 30*time.Second, "Not here. Try headphones?")
	say(3, 50*time.Second, "Better now 🎉")
	say(2, 20*time.Second, "The numbers are at https://example.org/q3, second tab")
	return uitest.NewCall(s, uitest.Lines(4, uitest.TwoRouters, now)...)
}

// moderating is a room with a lobby, hands and signs, seen by its moderator.
func moderating() *uitest.Call {
	s := uitest.Room(9)
	s.Self.Moderator, s.Lobby = true, true
	s.Self.Path = netstack.SFU
	for i := range s.Others {
		s.Others[i].Path = netstack.SFU
	}
	s.Others[4].HandRaised, s.Others[4].Hand = true, 1
	s.Others[1].HandRaised, s.Others[1].Hand = true, 2
	s.Others[2].Muted, s.Others[6].Muted, s.Others[6].CameraOff = true, true, true
	s.Others[3].Path = netstack.MCU
	s.Others[0].Safety, s.Others[4].Safety = call.SafetyVerified, call.SafetyWords
	s.Others[5].Problem = "connection lost, trying again…"
	s.Waiting = []call.Waiting{{ID: "w1", Name: "Ruth Abels", Since: now.Add(-3 * time.Minute)}, {ID: "w2", Name: "Guest", Since: now.Add(-20 * time.Second)}}
	c := uitest.NewCall(s, uitest.Lines(9, uitest.SFU, now)...)
	c.SetLevel("p1", 0.6)
	return c
}

// people opens the list, and in it one member.
func people(name string) func(*ui.Window, *uitest.Engine) {
	return func(w *ui.Window, e *uitest.Engine) {
		press("People")(w, e)
		if name != "" {
			if err := uitest.PressLike(canvas(), name+", Through"); err != nil {
				panic(err)
			}
		}
	}
}

// opened is a room that other programs may come into.
func opened() *uitest.Call {
	c := moderating()
	c.Tell(func(s *call.Snapshot) {
		s.Tools = call.Tools{Open: true, Publish: "https://calls.example.org:7788/whip/design-review", Watch: "https://calls.example.org:7788/whep/design-review",
			Token: "k7Qd0sVn3mZxu2RfTgYpLw"}
	}, call.RoomChanged{})
	return c
}

func tools(w *ui.Window, e *uitest.Engine) {
	press("People")(w, e)
	press("Other programs")(w, e)
}

func remove(w *ui.Window, e *uitest.Engine) {
	people("Tom Reyes")(w, e)
	press("Remove")(w, e)
}

// mixed is a room that comes as one picture.
func mixed() *uitest.Call {
	s := uitest.Room(7)
	s.Mixed, s.Self.Host, s.Others[0].Host, s.Hosted = true, false, true, false
	s.Plan = call.Plan{Topology: netstack.MCU, Why: "Your line is too narrow for six pictures: the host mixes them into one."}
	return uitest.NewCall(s, uitest.Lines(7, uitest.MCU, now)...)
}

// verifying is a room in which words are compared.
func verifying() *uitest.Call {
	s := uitest.Room(4)
	s.Encrypted, s.Self.Moderator = true, true
	s.Others[0].Safety, s.Others[1].Safety, s.Others[2].Safety = call.SafetyVerified, call.SafetyWords, call.SafetyChanged
	return uitest.NewCall(s, uitest.Lines(4, uitest.SFU, now)...)
}

func who(*ui.Window, *uitest.Engine) {
	if err := uitest.PressLike(canvas(), "Another key"); err != nil {
		panic(err)
	}
}

// german is a room of long names.
func german() *uitest.Call {
	s := uitest.Room(6)
	s.Room = "Donaudampfschifffahrtsgesellschaftskapitänsrunde"
	s.Self.Moderator = true
	for i := range s.Others {
		s.Others[i].Name = fmt.Sprintf("Maximiliane-Friederike Hohenstein-Weatherby %d.", i+1)
		s.Others[i].Hand, s.Others[i].HandRaised = i+1, true
		s.Others[i].Sharing = i == 2
	}
	return uitest.NewCall(s, uitest.Lines(6, uitest.SFU, now)...)
}
