package scene

import (
	"math"
	"time"
)

// Persona is who sits in a Scene, and in what room.
type Persona struct {
	wallTop, wallLow, glow uint32
	glowX                  float64 // where the light falls, 0 left to 1 right
	left, right            prop    // what stands or hangs on either side

	skin, hair, top uint32
	cut             haircut
	wear            garment
	beard, glasses  bool
	earrings        bool
	headset         bool

	phase float64 // seconds: no two people move alike
}

type (
	haircut uint8
	garment uint8
	prop    uint8
)

const (
	shortHair haircut = iota
	longHair
	bunHair
	curlyHair
	bobHair
	bald
	cropHair
	waveHair
	scarf
)

const (
	crewNeck garment = iota
	hoodie
	collared
	vNeck
)

const (
	noProp prop = iota
	frames
	shelf
	windowPane
	plant
	lamp
)

var personas = [...]Persona{
	{wallTop: 0x2a3a5e, wallLow: 0x141b2d, glow: 0xffb48a, glowX: 0.8, left: windowPane, right: plant,
		skin: 0xe2a983, hair: 0x2b1d18, top: 0x3f6fe0, cut: shortHair, wear: crewNeck},
	{wallTop: 0x4a3457, wallLow: 0x1a1426, glow: 0x9db8ff, glowX: 0.72, left: plant, right: shelf,
		skin: 0xf0c3a2, hair: 0x5a3a22, top: 0xd9547b, cut: longHair, wear: vNeck, earrings: true},
	{wallTop: 0x24494b, wallLow: 0x0f1d22, glow: 0xffd98a, glowX: 0.24, left: lamp, right: frames,
		skin: 0xa9714b, hair: 0x171110, top: 0x2f9e8f, cut: cropHair, wear: collared, glasses: true},
	{wallTop: 0x5a4a36, wallLow: 0x1f1914, glow: 0xffe2b0, glowX: 0.25, left: shelf, right: lamp,
		skin: 0xc98d62, hair: 0x231915, top: 0xe0a33f, cut: bunHair, wear: crewNeck, earrings: true},
	{wallTop: 0x363c6b, wallLow: 0x141633, glow: 0xb09dff, glowX: 0.72, left: frames, right: plant,
		skin: 0xf2cdb4, hair: 0xb9854c, top: 0x6b57d9, cut: bobHair, wear: hoodie},
	{wallTop: 0x2c4a37, wallLow: 0x111d17, glow: 0xc6ffd6, glowX: 0.45, left: plant, right: shelf,
		skin: 0x7d5238, hair: 0x120d0b, top: 0x4a8f5c, cut: curlyHair, wear: crewNeck, headset: true},
	{wallTop: 0x573333, wallLow: 0x211415, glow: 0xffb3a3, glowX: 0.3, left: frames, right: lamp,
		skin: 0xe7b896, hair: 0x4a352a, top: 0x9b3d4a, cut: waveHair, wear: collared, glasses: true, beard: true},
	{wallTop: 0x2f4560, wallLow: 0x121a24, glow: 0xa3d8ff, glowX: 0.7, left: shelf, right: windowPane,
		skin: 0xd9a27c, hair: 0x35547a, top: 0xdfe4ee, cut: scarf, wear: vNeck},
	{wallTop: 0x413c5e, wallLow: 0x18172a, glow: 0xffc8f0, glowX: 0.55, left: lamp, right: plant,
		skin: 0xedbf9c, hair: 0x20242e, top: 0x39425c, cut: bald, wear: hoodie, beard: true},
	{wallTop: 0x27506a, wallLow: 0x0f1f2b, glow: 0xffe9c2, glowX: 0.2, left: windowPane, right: shelf,
		skin: 0x8d5a3b, hair: 0x1b1413, top: 0xf08a5d, cut: longHair, wear: crewNeck, headset: true},
	{wallTop: 0x4d4a2f, wallLow: 0x1b1a12, glow: 0xf4ffb0, glowX: 0.75, left: plant, right: frames,
		skin: 0xf3d0b8, hair: 0x9a9aa0, top: 0x4b6b8f, cut: waveHair, wear: collared, glasses: true},
	{wallTop: 0x523047, wallLow: 0x1e121b, glow: 0xffb6d5, glowX: 0.35, left: shelf, right: plant,
		skin: 0x6f4630, hair: 0x0f0c0c, top: 0xf2c14e, cut: bunHair, wear: vNeck, glasses: true, earrings: true},
}

// PersonaOf returns the persona of member i; twelve are different.
func PersonaOf(i int) Persona {
	n := len(personas)
	p := personas[((i%n)+n)%n]
	p.phase = float64(i) * 2.7
	return p
}

// Chatter is how far member i's mouth is open at a time (0 to 1): phrases,
// syllables and pauses, without end and always the same.
func Chatter(i int, at time.Time) float64 {
	t := seconds(at) + float64(i)*3.1
	phrase := math.Sin(2*math.Pi*t/7.3) + 0.6*math.Sin(2*math.Pi*t/3.1+1)
	if phrase < -0.35 {
		return 0
	}
	syllable := math.Sin(2*math.Pi*t*4.1+1.5*math.Sin(2*math.Pi*t*0.9)) + 0.5*math.Sin(2*math.Pi*t*6.7)
	return min(max(0.35+0.45*syllable, 0), 1) * min((phrase+0.35)*3, 1)
}

// seconds is the time of day, small enough to reckon with.
func seconds(t time.Time) float64 {
	return float64(t.Unix()%86400) + float64(t.Nanosecond())/1e9
}
