package playout

import "testing"

// The same sound over two paths gets one set of numbers, whatever either counts
// and whenever it pauses.
func TestAligner(t *testing.T) {
	var a aligner
	number := func(source uint8, seq uint16, packet int, want uint16) {
		t.Helper()
		if n := a.number(source, seq, uint32(packet)*960); n != want {
			t.Errorf("path %d, number %d, packet %d: %d, want %d", source, seq, packet, n, want)
		}
	}
	number(1, 65534, 0, 65534)
	number(1, 65535, 1, 65535)
	number(2, 7, 1, 65535) // a copy, under another number
	number(2, 8, 2, 0)     // the second path is ahead
	number(1, 0, 2, 0)
	for i := 3; i < 100; i++ { // the second path pauses
		number(1, uint16(i-2), i, uint16(i-2))
	}
	number(2, 9, 99, 97)
	number(2, 10, 100, 98)
	for i := 101; i < 2000; i++ { // the first path pauses
		number(2, uint16(i-90), i, uint16(i-2))
	}
	number(1, 98, 2003, 2001) // ahead of the second, which goes on
	number(2, 1910, 2000, 1998)
	number(1, 99, 2004, 2002)
	number(2, 1911, 2001, 1999)
	number(2, 1913, 2003, 2001) // one was lost
	number(2, 1915, 2010, 2003) // the sender was silent in between
}

// One path alone keeps its numbers, whatever its clock does.
func TestAlignerOfOne(t *testing.T) {
	var a aligner
	for _, p := range []struct {
		seq uint16
		ts  uint32
	}{{5, 0}, {4, 960}, {900, 7}, {65000, 1 << 31}, {1, 5}} {
		if n := a.number(3, p.seq, p.ts); n != p.seq {
			t.Errorf("%d became %d", p.seq, n)
		}
	}
}
