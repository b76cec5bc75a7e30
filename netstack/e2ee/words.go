package e2ee

import "strings"

// wordCount is how many words two people compare: 32 bits.
const wordCount = 4

// wordList are 256 plain words, one for each byte, in order. They are short,
// and no two begin with the same four letters, so that a bad line does not make
// one sound like another. They are part of the protocol.
const wordList = `
acorn amber anchor angle apple april arrow autumn
badge bagel bamboo banjo barn basket beach beetle
bell berry bicycle bird biscuit blanket blossom boat
bonfire book bottle bowl branch bread brick bridge
broom bucket button cabin cactus camel candle canoe
carpet carrot castle cedar chain chalk cheese cherry
chess circle cliff clock cloud clover cobalt cobra
coffee comet compass copper coral cotton cricket crown
crystal curtain daisy dance dawn desert diamond dolphin
donkey door dragon dream drum duck eagle earth
echo elbow engine evening falcon farmer feather ferry
fiddle finger fish flag flame flute forest fork
fountain fox frost fruit garden garlic gate ginger
giraffe glass glove goat gold granite grape grass
guitar hammer harbor harp hazel hedge heron hill
honey horse igloo iron island ivory jacket jelly
jewel jungle kettle kitten koala ladder lake lamp
lantern lava leaf lemon letter lily linen lion
lizard lobster lotus magnet mango maple marble market
meadow melon mirror monkey moon moss mountain mouse
museum music napkin nest noodle nutmeg oasis ocean
olive onion opera orange orchid otter owl oyster
paddle palace panda paper parrot peach pearl pebble
pencil pepper piano pigeon pillow pine pirate planet
plum pocket pond potato pumpkin puzzle quartz quilt
rabbit radio rain raven ribbon rice river robin
rocket rose saddle salad salmon sand school shadow
sheep shell silver sky snow soap sofa spider
spoon spring stone sugar swan table tiger toast
tomato train tulip tunnel turtle umbrella valley velvet
violin volcano wagon walnut water whale wheat willow
window winter wolf yarn yellow zebra zero zipper
`

// wordsOf puts bytes into words.
func wordsOf(b []byte) []string {
	all := strings.Fields(wordList)
	words := make([]string, len(b))
	for i, v := range b {
		words[i] = all[v]
	}
	return words
}
