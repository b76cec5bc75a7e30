package mcu_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"candid/netstack/mcu"
)

// Each hears all who speak but themselves; who only listens shares an encoder.
func TestMixMinus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, mcu.Config{})
		const speakers, all = 3, 6
		for i := range all {
			r.join(i, "Member")
			if i < speakers {
				r.speak(i, nil)
			}
		}
		var ears []*ear
		for i := range all {
			ears = append(ears, r.listen(idOf(i), speakers))
		}
		time.Sleep(time.Second)
		for _, e := range ears {
			e.scene.Reset()
		}
		before := r.Stats().PacketsEncoded
		time.Sleep(3 * time.Second)
		if n := r.Stats().PacketsEncoded - before; n < 590 || n > 610 {
			t.Errorf("%d packets encoded in 3 s for 3 speakers and 3 listeners, want 4 × 150", n)
		}
		for i, e := range ears {
			for j, h := range e.scene.Heard() {
				if i == j {
					if h.Windows > 0 || h.Present {
						t.Errorf("member %d hears themselves in %d windows, at %.0f dB", i, h.Windows, h.Level)
					}
					continue
				}
				if h.Windows < 15 || h.Silent > 0 || h.SNRWorst < 12 {
					t.Errorf("member %d hears %d in %d windows, not in %d, snr %.1f, at worst %.1f dB", i, j, h.Windows, h.Silent, h.SNR, h.SNRWorst)
				}
			}
			e.close()
			unbroken(t, fmt.Sprint("sound of ", i), e.packets, false)
		}
		for i := speakers + 1; i < all; i++ { // packets of listeners are one and the same
			a, b := ears[speakers].data, ears[i].data
			if n := min(len(a), len(b)); &a[n-10][0] != &b[n-10][0] && &a[n-10][0] != &b[n-11][0] && &a[n-11][0] != &b[n-10][0] {
				t.Errorf("listener %d has packets of their own", i)
			}
		}
		r.close()
	})
}

// Those beyond the number that is heard at once are left out, and heard when
// another falls silent.
func TestOnlySpeakersAreMixed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, mcu.Config{Speakers: 2})
		stop := make(chan struct{})
		for i := range 4 {
			r.join(i, "Member")
		}
		e := r.listen("guest", 4)
		r.speak(0, stop)
		time.Sleep(time.Second)
		r.speak(1, nil)
		time.Sleep(time.Second)
		r.speak(2, nil)
		time.Sleep(2 * time.Second)
		if who := e.present(); !slices.Equal(who, []int{0, 1}) {
			t.Errorf("of three who speak %v are heard, want the first two", who)
		}
		if sp := r.Stats().Speaker; sp != idOf(0) {
			t.Errorf("%q has the word, want the one who spoke first", sp)
		}
		close(stop)
		time.Sleep(2 * time.Second)
		if who := e.present(); !slices.Equal(who, []int{1, 2}) {
			t.Errorf("%v are heard after the first fell silent", who)
		}
		if sp := r.Stats().Speaker; sp != idOf(1) && sp != idOf(2) {
			t.Errorf("%q has the word and is silent", sp)
		}
		r.SetState(idOf(1), true, false, "")
		time.Sleep(2 * time.Second)
		if who := e.present(); !slices.Equal(who, []int{2}) {
			t.Errorf("%v are heard after the second was muted", who)
		}
		r.RemoveMember(idOf(2))
		time.Sleep(500 * time.Millisecond)
		if who := e.present(); len(who) > 0 {
			t.Errorf("%v are heard after everyone left", who)
		}
		e.close()
		r.close()
	})
}

// Who begins and stops to speak changes over to another encoder and back; the
// one they listen to goes on as if nothing was.
func TestChangingOverIsNotHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, mcu.Config{})
		r.join(0, "Talker")
		r.join(1, "Interrupter")
		r.speak(0, nil)
		e := r.listen(idOf(1), 1)
		time.Sleep(time.Second)
		e.scene.Reset()
		for range 3 {
			stop := make(chan struct{})
			r.speak(1, stop)
			time.Sleep(500 * time.Millisecond)
			close(stop)
			time.Sleep(1500 * time.Millisecond)
		}
		h := e.scene.Heard()[0]
		st := e.play.Stats()
		e.close()
		r.close()
		t.Logf("snr %.1f dB, at worst %.1f, in all %.1f", h.SNR, h.SNRWorst, h.SNRAll)
		if h.Silent > 0 || h.SNRWorst < 12 {
			t.Errorf("heard in %d windows, not in %d, at worst with %.1f dB", h.Windows, h.Silent, h.SNRWorst)
		}
		if st.ConcealedSamples > 0 {
			t.Errorf("%d samples concealed", st.ConcealedSamples)
		}
	})
}

// Silence is sent too: a stream that stops looks like a broken path.
func TestSilenceFlows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t, mcu.Config{})
		e := r.listen("guest", 1)
		time.Sleep(2 * time.Second)
		e.close()
		r.close()
		if n := len(e.packets); n < 98 || n > 101 {
			t.Errorf("%d packets in 2 s", n)
		}
		unbroken(t, "silence", e.packets, false)
	})
}

// Who leaves, is muted, or comes in the middle of a sound does not click.
func TestNothingClicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now() // a whole second: markers, which are steeper, come with these
		r := newRoom(t, mcu.Config{})
		r.join(0, "Ada")
		e := r.listen("guest", 1)
		r.speak(0, nil)
		until := func(ms int) { time.Sleep(time.Until(began.Add(time.Duration(ms) * time.Millisecond))) }
		until(2300)
		e.steepest()
		until(2500)
		tone := e.steepest()
		for _, step := range []struct {
			what   string
			at     int
			change func()
		}{
			{"muted", 3405, func() { r.SetState(idOf(0), true, false, "Ada") }},
			{"unmuted", 4405, func() { r.SetState(idOf(0), false, false, "Ada") }},
			{"left", 5405, func() { r.RemoveMember(idOf(0)) }},
		} {
			until(step.at)
			e.steepest()
			step.change()
			until(step.at + 300)
			if got := e.steepest(); got > tone*5/4 {
				t.Errorf("%s: a step of %d in a tone whose steps are %d", step.what, got, tone)
			}
		}
		e.close()
		r.close()
	})
}
