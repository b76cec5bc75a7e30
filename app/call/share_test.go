package call_test

import (
	"context"
	"testing"

	"candid/app/call"
)

// A screen that is shared is seen by the other, beside the camera, until it is
// not; one that is not there is explained.
func TestScreenIsShared(t *testing.T) {
	t.Parallel()
	inv, _ := hosting(t)
	ada, noor := joinAs(t, inv, "Ada", 0, 1), joinAs(t, inv, "Noor", 1, 0)
	until(t, "pictures", func() bool { return noor.meter.seen.Seen().Frames > 0 })
	list, err := ada.Screens(context.Background())
	if err != nil || len(list) != 1 {
		t.Fatalf("screens %+v, %v", list, err)
	}
	sharing := func(want bool) func() bool {
		return func() bool {
			o := noor.Snapshot().Others
			return len(o) == 1 && o[0].Sharing == want && ada.Snapshot().Self.Sharing == want
		}
	}
	for range 2 {
		ada.Share(list[0].ID)
		until(t, "the sign", sharing(true))
		before := noor.meter.shares.Load()
		until(t, "the page", func() bool { return noor.meter.shares.Load() > before+5 })
		until(t, "word of what is sent", func() bool {
			for _, o := range ada.Outgoing() {
				if o.TrackID == "screen" && o.Active && o.FrameWidth == 960 {
					return true
				}
			}
			return false
		})
		seen := noor.meter.seen.Seen().Frames
		until(t, "the camera beside it", func() bool { return noor.meter.seen.Seen().Frames > seen+10 })
		ada.StopShare()
		until(t, "the sign's end", sharing(false))
	}
	ada.Share("nothing")
	until(t, "an explanation", func() bool {
		return has(ada, func(e call.Noticed) bool { return e.Bad && e.Text != "" })
	})
	ada.Share(list[0].ID) // and leave meanwhile
}
