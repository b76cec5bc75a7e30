package sframe

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"
)

// The test vector of RFC 9605 (appendix C.3) for our cipher suite.
func TestVectorOfRFC9605(t *testing.T) {
	const kid, ctr = 0x123, 0x4567
	k, err := newKey(kid, unhex(t, "000102030405060708090a0b0c0d0e0f"))
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(k.salt[:]); got != "75234edefe07819026751816" {
		t.Errorf("salt %s", got)
	}
	metadata := unhex(t, "4945544620534672616d65205747")
	plain := unhex(t, "64726166742d696574662d736672616d652d656e63")
	want := "9901234567b7412c2513a1b66dbb48841bbaf17f598751176ad847681a69c6d0b091c07018ce4adb34eb"
	var s scratch
	sealed := k.seal(&s, nil, metadata, plain, nil, ctr)
	if got := hex.EncodeToString(sealed[len(metadata):]); got != want {
		t.Errorf("sealed %s\n  want %s", got, want)
	}
	if got := hex.EncodeToString(s.aad); got != "99012345674945544620534672616d65205747" {
		t.Errorf("additional data %s", got)
	}
	if got := hex.EncodeToString(s.nonce[:]); got != "75234edefe07819026755d71" {
		t.Errorf("nonce %s", got)
	}
	open, err := k.open(&s, sealed, nil, len(metadata), 5, ctr)
	if err != nil || !bytes.Equal(open, append(bytes.Clone(metadata), plain...)) {
		t.Errorf("opened %x, %v", open, err)
	}
}

// Headers of RFC 9605 (appendix C.1).
func TestHeadersOfRFC9605(t *testing.T) {
	for _, c := range []struct {
		kid, ctr uint64
		want     string
	}{
		{0, 0, "00"},
		{0, 1, "01"},
		{0, 255, "08ff"},
		{0, 256, "090100"},
		{0, 1<<64 - 1, "0fffffffffffffffff"},
		{1, 0, "10"},
		{1, 65536, "1a010000"},
		{255, 0, "80ff"},
		{255, 65535, "89ffffff"},
		{65535, 1 << 16, "9affff010000"},
		{1<<24 - 1, 1, "a1ffffff"},
		{1 << 32, 1 << 56, "cf01000000000100000000000000"},
	} {
		got := appendHeader(nil, c.kid, c.ctr)
		if fmt.Sprintf("%x", got) != c.want {
			t.Errorf("header of %d, %d: %x, want %s", c.kid, c.ctr, got, c.want)
		}
		kid, ctr, size, err := parseHeader(append(got, 0xaa))
		if err != nil || kid != c.kid || ctr != c.ctr || size != len(got) {
			t.Errorf("%s read as %d, %d, %d bytes, %v", c.want, kid, ctr, size, err)
		}
	}
	for _, bad := range []string{"", "8", "80", "8007", "08", "0800", "9900ff0100", "0f01020304050607"} {
		raw, _ := hex.DecodeString(bad)
		if _, _, _, err := parseHeader(raw); err == nil {
			t.Errorf("%q was taken for a header", bad)
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
