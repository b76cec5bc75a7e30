package host

import (
	"os"
	"path/filepath"
	"testing"

	"candid/netstack/invite"
	"candid/netstack/signal"
)

// The file of rooms, whatever became of it: a host starts, and opens its room.
func FuzzRoomsFile(f *testing.F) {
	f.Add([]byte(`[{"room":"otter","secret":"kJv0d8Q2mXn4rT6yB1cZ7w","moderator":"m","endToEnd":true,"settings":{"locked":true},"token":"t","invites":[{"secret":"s","expires":"2026-11-21T08:00:00Z","uses":3,"used":["a"]}]}]`))
	f.Add([]byte(`[{"room":"otter","invites":[{"uses":-1,"used":["a","b"]}]}, {}]`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		file := filepath.Join(dir, secretsFile)
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		k, err := loadSecrets(dir)
		if err != nil {
			t.Fatalf("a file that can be read: %v", err)
		}
		h := &Host{kept: k}
		kept := h.recall("otter", RoomOptions{EndToEnd: true})
		if kept.Secret == "" || kept.Moderator == "" || !kept.EndToEnd || kept.Token != "" {
			t.Errorf("opened as %+v", kept)
		}
		s := signal.NewServer(signal.ServerConfig{})
		defer s.Close()
		if err := s.AddRoom("otter", signal.RoomOptions{Secret: kept.Secret, Grants: kept.grants(), Settings: kept.Settings, EndToEnd: kept.EndToEnd}); err != nil {
			t.Fatal(err)
		}
		if err := k.change("otter", func(r *keptRoom) { *r = kept }); err != nil {
			t.Fatal(err)
		}
		if again, err := loadSecrets(dir); err != nil {
			t.Error(err)
		} else if r, ok := again.of("otter"); !ok || r.Secret != kept.Secret {
			t.Errorf("kept as %+v", r)
		}
	})
}

// The answer of a member who was asked to host the room.
func FuzzTakenOver(f *testing.F) {
	f.Add([]byte(`{"invite":"candid://192.0.2.1:7788/otter#t=kJv0d8Q2mXn4rT6yB1cZ7w&e2e=1&pin=3xQeAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxw"}`))
	f.Add([]byte(`{"error":"no"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if i, err := readTakenOver(body); err == nil && (i.Check() != nil || !invite.IsRoom(i.Room)) {
			t.Errorf("%s: read as %v", body, i)
		}
	})
}
