package ui

// term is a word of the panel and what it means to someone who has never met
// it.
type term struct{ Word, Meaning string }

var glossary = []term{
	{"Direct", "Picture and sound go straight from your computer to the other one. Nothing is faster, and nobody is in between."},
	{"Relayed", "The two networks let nothing through directly, so the host of the room passes the encrypted packets on. It cannot look inside."},
	{"Round trip", "How long a packet takes to the other side and back. Under 100 ms feels like being in one room; above 400 ms people begin to talk over each other."},
	{"Loss", "The share of packets that never arrived. Candid asks for them again or fills the gap; above 5 % one begins to hear and see it."},
	{"Jitter", "How unevenly packets arrive. Candid waits as long as the unevenness, so much jitter means more delay."},
	{"Bitrate", "How much data flows each second, in bits. More of it means a sharper picture."},
	{"Address", "Where a computer can be reached: a number and a port. ICE calls it a candidate, and a computer has several."},
	{"host", "An address of the computer itself: its cable, Wi-Fi or VPN."},
	{"srflx", "The address others see you under, told by a STUN server: usually your router's, which passes packets on to you."},
	{"prflx", "An address nobody had told of: it was seen when a packet came from it."},
	{"relay", "An address on the host's relay (TURN). Packets sent there are passed on to you."},
	{"Pair", "One of your addresses and one of theirs. Every pair is a way that may work, and is tried."},
	{"In use", "The pair that carries the call. The best one that worked was nominated."},
	{"ICE", "The procedure that collects addresses, tries all pairs and takes the best (RFC 8445)."},
	{"STUN and TURN", "STUN tells a computer how others see it. TURN is a relay for when nothing else works (RFC 8656). The host of the room has both."},
	{"Router, NAT", "A router lets many devices share one public address. To do so it changes addresses, which is why a direct way has to be found first."},
	{"P2P", "Everybody sends to everybody. Best for two."},
	{"SFU", "Everybody sends once to the host, which passes it on unchanged. Best for several."},
	{"MCU", "The host mixes all into one picture and one sound. Least work for weak computers, but the host can see and hear."},
	{"DTLS, SRTP", "How the call is encrypted: DTLS agrees on keys, SRTP encrypts picture and sound with them."},
	{"Made up", "Sound that did not arrive in time and was continued by guess, so that no gap is heard."},
	{"Not measured", "Candid shows nothing it has not measured. Such a value is unknown, which is not the same as zero."},
}

const glossaryWidth = 560

// showGlossary explains the panel.
func (w *Window) showGlossary() {
	list := newColumn(14, glossaryWidth-48,
		newPara("Two computers that want to talk first have to find a way to each other. They tell each other all their addresses, try every pair of them, and take the best way that works. This panel shows that search, what came out of it, and how good the way is.", 14, plain, cText))
	for _, t := range glossary {
		list.Add(newColumn(2, 0, newText(t.Word, 13.5, bold, cAccent), newPara(t.Meaning, 13.5, plain, cDim)))
	}
	w.openSheet("What is this?", glossaryWidth, list, nil)
}
