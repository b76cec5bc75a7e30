package forward

// Kept is what is remembered of a packet beside its payload.
type Kept struct {
	Seq       uint64 // extended, as the publisher numbered it
	Timestamp uint32
	Marker    bool
	Level     uint8 // raw, if HasLevel
	HasLevel  bool
	Codec     Codec // if not the track's own
	VP8       VP8
}

// Cache keeps the newest packets of one layer, for all its receivers: it
// answers their NACKs and starts newcomers. Memory is bounded twice, by packets
// and by bytes, and grows only as far as the layer needs it.
type Cache struct {
	slots  []slot
	arena  []byte
	most   int    // bytes arena may grow to
	head   uint64 // bytes ever written; the place in arena is the remainder
	newest uint64
	any    bool
}

type slot struct {
	Kept
	at   uint64
	size uint16
	used bool
}

// Sizes of caches: half a megabyte is two seconds of the best layer, longer
// than any repair is worth.
const (
	videoSlots, videoBytes = 512, 512 << 10
	audioSlots, audioBytes = 64, 16 << 10
	firstBytes             = 16 << 10
)

// NewCache makes an empty cache for a layer of video or sound.
func NewCache(video bool) *Cache {
	if !video {
		return &Cache{slots: make([]slot, audioSlots), arena: make([]byte, audioBytes), most: audioBytes}
	}
	return &Cache{slots: make([]slot, videoSlots), arena: make([]byte, firstBytes), most: videoBytes}
}

// Put keeps a packet; it reports false if it was there already.
func (c *Cache) Put(k Kept, payload []byte) bool {
	s := &c.slots[k.Seq%uint64(len(c.slots))]
	if s.used && s.Seq == k.Seq || len(payload) > len(c.arena)/4 {
		return !(s.used && s.Seq == k.Seq)
	}
	if c.any && k.Seq+uint64(len(c.slots)) <= c.newest {
		return true // too old to be kept
	}
	at := c.place(len(payload))
	copy(c.arena[at%uint64(len(c.arena)):], payload)
	*s = slot{Kept: k, at: at, size: uint16(len(payload)), used: true}
	if !c.any || k.Seq > c.newest {
		c.newest, c.any = k.Seq, true
	}
	return true
}

// place makes room for n bytes in one piece.
func (c *Cache) place(n int) uint64 {
	size := uint64(len(c.arena))
	if c.head >= size && len(c.arena) < c.most {
		// The first lap is over: rather than write over it, grow.
		c.grow()
		size = uint64(len(c.arena))
	}
	if left := size - c.head%size; left < uint64(n) {
		c.head += left
	}
	at := c.head
	c.head += uint64(n)
	return at
}

func (c *Cache) grow() {
	old := *c
	c.arena, c.head = make([]byte, min(2*len(old.arena), c.most)), 0
	n := uint64(len(c.slots))
	for i := uint64(0); i < n; i++ { // oldest first
		s := &c.slots[(c.newest+1+i)%n]
		if !s.used || !old.valid(s) {
			s.used = false
			continue
		}
		at := c.head
		copy(c.arena[at:], old.bytes(s))
		c.head += uint64(s.size)
		s.at = at
	}
}

func (c *Cache) valid(s *slot) bool { return c.head <= s.at+uint64(len(c.arena)) }

func (c *Cache) bytes(s *slot) []byte {
	at := s.at % uint64(len(c.arena))
	return c.arena[at : at+uint64(s.size)]
}

// Get returns a packet; its payload is good until the next Put and must not be
// changed.
func (c *Cache) Get(seq uint64) (*Kept, []byte, bool) {
	s := &c.slots[seq%uint64(len(c.slots))]
	if !s.used || s.Seq != seq || !c.valid(s) {
		return nil, nil, false
	}
	return &s.Kept, c.bytes(s), true
}

// Has reports whether a packet is there.
func (c *Cache) Has(seq uint64) bool {
	_, _, ok := c.Get(seq)
	return ok
}

// Newest is the highest number kept.
func (c *Cache) Newest() (uint64, bool) { return c.newest, c.any }

// Bytes is how much memory the cache holds.
func (c *Cache) Bytes() int { return len(c.arena) + len(c.slots)*88 }

// KeyFrame keeps the newest whole key frame of a layer.
type KeyFrame struct {
	done, next keyFrame
}

type keyFrame struct {
	packets []Kept
	ends    []int
	data    []byte
	at      int64
}

// maxKeyFrame bounds a kept key frame, 100 full packets.
const maxKeyFrame = 128 << 10

// Put takes the packets of the layer as they come. A key frame with a gap is
// not kept.
func (f *KeyFrame) Put(k Kept, payload []byte, now int64) {
	n := &f.next
	switch {
	case k.VP8.Key && (len(n.packets) == 0 || k.Timestamp != n.packets[0].Timestamp || k.VP8.Start):
		n.packets, n.ends, n.data, n.at = n.packets[:0], n.ends[:0], n.data[:0], now
	case len(n.packets) == 0:
		return
	case k.Seq != n.packets[len(n.packets)-1].Seq+1 || k.Timestamp != n.packets[0].Timestamp || len(n.data)+len(payload) > maxKeyFrame:
		n.packets = n.packets[:0]
		return
	}
	n.packets = append(n.packets, k)
	n.data = append(n.data, payload...)
	n.ends = append(n.ends, len(n.data))
	if k.Marker {
		f.done, f.next = f.next, f.done
		f.next.packets = f.next.packets[:0]
	}
}

// Len is how many packets the key frame has, 0 if there is none.
func (f *KeyFrame) Len() int { return len(f.done.packets) }

// First is the number of its first packet, and when it came.
func (f *KeyFrame) First() (seq uint64, at int64) { return f.done.packets[0].Seq, f.done.at }

// Packet returns one packet of it.
func (f *KeyFrame) Packet(i int) (*Kept, []byte) {
	from := 0
	if i > 0 {
		from = f.done.ends[i-1]
	}
	return &f.done.packets[i], f.done.data[from:f.done.ends[i]]
}
