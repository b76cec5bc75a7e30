package call

import "testing"

func TestTransitions(t *testing.T) {
	for _, c := range []struct {
		name   string
		inputs []input
		want   State
	}{
		{"first in the room", []input{join, joinedAlone}, Alone},
		{"two people", []input{join, joinedAlone, othersCame, mediaFlowed}, Connected},
		{"second in the room", []input{join, joinedOther, mediaFlowed}, Connected},
		{"the other leaves", []input{join, joinedOther, mediaFlowed, othersLeft}, Alone},
		{"the other leaves before media", []input{join, joinedOther, othersLeft}, Alone},
		{"media stops and comes back", []input{join, joinedOther, mediaFlowed, mediaFailed, mediaFlowed}, Connected},
		{"the host goes, media stays", []input{join, joinedOther, mediaFlowed, lost, regained}, Connected},
		{"the host goes while alone", []input{join, joinedAlone, lost}, Reconnecting},
		{"given up while joining", []input{join, leave}, Ended},
		{"refused", []input{join, fail}, Ended},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := Idle
			for _, in := range c.inputs {
				var err error
				if s, err = s.next(in); err != nil {
					t.Fatal(err)
				}
			}
			if s != c.want {
				t.Errorf("got %v, want %v", s, c.want)
			}
		})
	}
}

func TestEndedIsTheEnd(t *testing.T) {
	for in := join; in <= fail; in++ {
		if s, err := Ended.next(in); err == nil || s != Ended {
			t.Errorf("input %d led from ended to %v", in, s)
		}
	}
}

func TestEveryLivingStateCanBeLeft(t *testing.T) {
	for s := Joining; s < Ended; s++ {
		for _, in := range []input{leave, fail} {
			if to, err := s.next(in); err != nil || to != Ended {
				t.Errorf("%v, input %d: %v, %v", s, in, to, err)
			}
		}
	}
}
