package studio

import (
	"errors"
	"io"
	"testing"

	"candid/media/capture"
)

func TestScreens(t *testing.T) {
	s, err := New(Options{Synthetic: true, Silent: true, CameraOff: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	list, err := s.Screens()
	if err != nil || len(list) == 0 || list[0].ID != capture.TestPage {
		t.Fatalf("screens %+v, %v", list, err)
	}
	screen, err := s.OpenScreen(list[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := screen.ReadVideo(); err != nil {
		t.Error(err)
	}
	if err := screen.Close(); err != nil {
		t.Error(err)
	}
	if _, err := screen.ReadVideo(); err != io.EOF {
		t.Errorf("read of a closed screen: %v", err)
	}
	var why *ScreenError
	if _, err := s.OpenScreen("nothing"); !errors.As(err, &why) {
		t.Errorf("open of nothing: %v", err)
	}
}

// Each reason has words of its own, and what to do where something can be done.
func TestScreenErrorExplain(t *testing.T) {
	seen := map[string]bool{}
	for _, err := range []error{capture.ErrWayland, capture.ErrNoDisplay, capture.ErrUnsupported, capture.ErrNotFound, capture.ErrLost, errors.New("other")} {
		what, _ := (&ScreenError{err}).Explain()
		if what == "" || seen[what] {
			t.Errorf("%v is explained as %q", err, what)
		}
		seen[what] = true
	}
}
