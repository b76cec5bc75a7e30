package srtp

import (
	"bytes"
	"testing"
)

// FuzzOpen: packets nobody with the key has made are refused, whatever length
// their header is said to have, and cause no panic.
func FuzzOpen(f *testing.F) {
	f.Add(bytes.Repeat([]byte{0x80}, 60), uint16(12), uint64(1))
	f.Add([]byte{0x81, 200, 0, 1, 1, 2, 3, 4, 0x80, 0, 0, 1}, uint16(0), uint64(1<<47))
	f.Add([]byte{}, uint16(0xffff), uint64(0))
	f.Fuzz(func(t *testing.T, b []byte, header uint16, index uint64) {
		for name := range profiles {
			c, _ := fixture(t, name)
			// Callers have parsed the header: it is within the packet.
			if h := min(int(header), len(b)); h >= 12 {
				if _, err := c.OpenRTP(bytes.Clone(b), h, index&(1<<48-1)); err == nil {
					t.Errorf("%s: a forged packet was taken", name)
				}
			}
			if _, err := c.OpenRTCP(bytes.Clone(b)); err == nil {
				t.Errorf("%s: a forged report was taken", name)
			}
		}
	})
}
