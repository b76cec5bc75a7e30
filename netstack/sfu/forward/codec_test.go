package forward

import "testing"

// Where a key frame begins is told for each codec, from the first bytes of its
// packets; and broken packets are no key frames.
func TestKeyFrameBegins(t *testing.T) {
	for _, c := range []struct {
		what    string
		codec   Codec
		payload []byte
		key     bool
	}{
		{"VP8 key", VP8Codec, []byte{0x10, 0, 0, 0, 0x9d, 1, 0x2a, 1, 0, 1, 0}, true},
		{"VP8 other", VP8Codec, []byte{0x10, 1, 0, 0}, false},
		{"H.264 parameters", H264, []byte{0x67, 1, 2}, true},
		{"H.264 whole key picture", H264, []byte{0x65, 1, 2}, true},
		{"H.264 other picture", H264, []byte{0x41, 1, 2}, false},
		{"H.264 begin of a key picture in parts", H264, []byte{0x7C, 0x85, 1}, true},
		{"H.264 middle of it", H264, []byte{0x7C, 0x05, 1}, false},
		{"H.264 parameters with a picture", H264, []byte{0x18, 0, 2, 0x68, 1, 0, 2, 0x65, 1}, true},
		{"H.264 several others", H264, []byte{0x18, 0, 2, 0x41, 1, 0, 2, 0x41, 1}, false},
		{"H.264 with a length beyond the packet", H264, []byte{0x18, 0xFF, 0xFF, 0x41, 1}, false},
		{"VP9 key", VP9, []byte{0x88, 0x01, 1}, true},
		{"VP9 middle of it", VP9, []byte{0x80, 0x01, 1}, false},
		{"VP9 other", VP9, []byte{0xC8, 0x01, 1}, false},
		{"VP9 key, lowest layer", VP9, []byte{0xA8, 0x81, 2, 0x00, 1}, true},
		{"VP9 key, upper layer", VP9, []byte{0xA8, 0x81, 2, 0x02, 1}, false},
		{"VP9 that ends in the header", VP9, []byte{0xA8, 0x81}, false},
		{"AV1 key", AV1, []byte{0x18, 0x0A}, true},
		{"AV1 other", AV1, []byte{0x10, 0x0A}, false},
		{"AV1 rest of a key picture", AV1, []byte{0x98, 0x0A}, false},
	} {
		v, err := ParsePicture(c.codec, c.payload)
		if err != nil || v.Key != c.key {
			t.Errorf("%s: key %v (%v)", c.what, v.Key, err)
		}
	}
	for c := Codec(0); c < Codecs; c++ {
		for _, p := range [][]byte{nil, {0}, {0xFF}, {0x18}} {
			if v, err := ParsePicture(c, p); err == nil && v.Key {
				t.Errorf("codec %d: %v is a key frame", c, p)
			}
		}
	}
}

// A key frame whose packets each say so, as those of H.264 do, is kept whole.
func TestKeyFrameOfManyKeyPackets(t *testing.T) {
	var f KeyFrame
	for i := range uint64(3) {
		f.Put(Kept{Seq: i, Timestamp: 7, Marker: i == 2, VP8: VP8{Key: true}}, []byte{byte(i)}, 1)
	}
	if f.Len() != 3 {
		t.Errorf("%d packets of three", f.Len())
	}
}
