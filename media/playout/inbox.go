package playout

import (
	"sync"
	"sync/atomic"
)

// arrival is one audio packet on its way from the network to the puller.
type arrival struct {
	payload []byte
	at      int64 // ns since the Audio's epoch
	ts      uint32
	seq     uint16
	samples int16 // of the packet; 0 for padding
	fec     bool  // it carries a coarse copy of the one before
	copied  bool  // it came with a later one
	source  uint8 // the path it came over
}

const inboxSlots = 256 // 5 s of 20 ms packets: room for a speaker that stalls

// inbox is a queue with any number of writers and one reader. The reader never
// waits: it is the sound device's thread.
type inbox struct {
	mu    sync.Mutex // among writers
	slots [inboxSlots]arrival
	head  atomic.Uint64 // next to write
	tail  atomic.Uint64 // next to read
}

// put reports whether there was room.
func (b *inbox) put(a arrival) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	head := b.head.Load()
	if head-b.tail.Load() == inboxSlots {
		return false
	}
	b.slots[head%inboxSlots] = a
	b.head.Store(head + 1)
	return true
}

func (b *inbox) get() (arrival, bool) {
	tail := b.tail.Load()
	if tail == b.head.Load() {
		return arrival{}, false
	}
	a := b.slots[tail%inboxSlots]
	b.slots[tail%inboxSlots] = arrival{} // let go of the payload
	b.tail.Store(tail + 1)
	return a, true
}

// carriesFEC reports whether an Opus packet, mono or stereo, holds a coarse
// copy of the sound before it: the LBRR flag, which follows the voice activity
// flags of the SILK layer (RFC 6716 section 4.2.3 and 4.2.4). They are coded
// with even odds, so they are the first bits as they stand.
func carriesFEC(packet []byte) bool {
	if len(packet) < 2 || packet[0]&0x80 != 0 { // CELT only has none
		return false
	}
	config := packet[0] >> 3
	frames := 1 // SILK frames of 20 ms at most, per Opus frame
	if config < 12 && config%4 > 1 {
		frames = int(config % 4) // 40 and 60 ms
	}
	first := packet[1:]
	switch packet[0] & 3 {
	case 2: // two frames of different size: the length of the first comes first
		first = first[1:]
		if packet[1] >= 252 {
			first = first[min(1, len(first)):]
		}
	case 3: // counted frames; those with padding or different sizes are rare
		if packet[1]&0xc0 != 0 {
			return false
		}
		first = first[1:]
	}
	if len(first) == 0 {
		return false
	}
	if first[0]>>(7-frames)&1 != 0 {
		return true
	}
	stereo := packet[0]&4 != 0
	return stereo && 2*frames < 7 && first[0]>>(6-2*frames)&1 != 0
}
