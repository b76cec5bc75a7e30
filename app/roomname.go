package app

import "math/rand/v2"

// A room that nobody named gets a name that can be said on the telephone. The
// room's secret, not its name, keeps strangers out.
var (
	qualities = []string{"amber", "bright", "calm", "clear", "crisp", "early", "gentle", "golden", "green", "happy", "honest", "kind", "lucky", "mellow", "open", "quiet", "silver", "sunny", "swift", "warm"}
	places    = []string{"bay", "bridge", "brook", "cove", "field", "garden", "grove", "harbour", "hill", "island", "lake", "meadow", "orchard", "porch", "river", "shore", "spring", "terrace", "valley", "wood"}
)

func roomName() string {
	return qualities[rand.IntN(len(qualities))] + "-" + places[rand.IntN(len(places))]
}
