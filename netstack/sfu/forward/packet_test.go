package forward

import (
	"bytes"
	"errors"
	"testing"

	"github.com/pion/rtp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func marshal(t testing.TB, p *rtp.Packet) []byte {
	t.Helper()
	b, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParse(t *testing.T) {
	p := &rtp.Packet{Header: rtp.Header{Version: 2, Marker: true, PayloadType: 96, SequenceNumber: 7, Timestamp: 8, SSRC: 9, CSRC: []uint32{1, 2}}, Payload: []byte{1, 2, 3}}
	for id, v := range map[uint8][]byte{3: {0x85}, 5: {1, 2}} {
		if err := p.SetExtension(id, v); err != nil {
			t.Fatal(err)
		}
	}
	plain := marshal(t, p)
	p.Padding, p.PaddingSize = true, 5
	padded := marshal(t, p)
	with := func(b []byte, change func([]byte)) []byte { b = bytes.Clone(b); change(b); return b }
	for name, tc := range map[string]struct {
		b   []byte
		err error
	}{
		"plain":             {plain, nil},
		"padded":            {padded, nil},
		"empty":             {nil, ErrShort},
		"eleven bytes":      {plain[:11], ErrShort},
		"version 1":         {with(plain, func(b []byte) { b[0] = b[0]&0x3F | 0x40 }), ErrVersion},
		"CSRCs beyond":      {with(plain[:20], func(b []byte) { b[0] = 0x8F }), ErrExtension},
		"extension beyond":  {with(plain, func(b []byte) { b[22], b[23] = 0xFF, 0xFF }), ErrExtension},
		"no extension":      {plain[:21], ErrExtension},
		"no padding":        {with(padded, func(b []byte) { b[len(b)-1] = 0 }), ErrPadding},
		"padding beyond":    {with(padded, func(b []byte) { b[len(b)-1] = 9 }), ErrPadding},
		"padding of nobody": {with(plain[:len(plain)-3], func(b []byte) { b[0] |= 0x20 }), ErrPadding},
	} {
		var got Packet
		err := got.Parse(tc.b)
		if !errors.Is(err, tc.err) {
			t.Errorf("%s: %v, want %v", name, err, tc.err)
		}
		if err == nil && (!got.Marker || got.PT != 96 || got.Seq != 7 || got.Timestamp != 8 || got.SSRC != 9 ||
			!bytes.Equal(got.Payload, []byte{1, 2, 3}) || !bytes.Equal(got.Extension(5), []byte{1, 2}) ||
			!bytes.Equal(got.Extension(3), []byte{0x85}) || got.Extension(4) != nil || got.Extension(0) != nil) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestTwoByteExtension(t *testing.T) {
	p := &rtp.Packet{Header: rtp.Header{Version: 2, Extension: true, ExtensionProfile: twoByte}, Payload: []byte{1}}
	if err := p.SetExtension(20, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	var got Packet
	if err := got.Parse(marshal(t, p)); err != nil || string(got.Extension(20)) != "hello" {
		t.Errorf("%q, %v", got.Extension(20), err)
	}
}

// What we write is what pion reads, with only the extensions negotiated.
func TestHeader(t *testing.T) {
	for _, ext := range []Extensions{{}, {Transport: 3}, {Level: 1}, {Transport: 14, Level: 2}} {
		o := Out{Marker: true, PT: 111, Seq: 3<<16 | 5, Timestamp: 77, SSRC: 99, Level: 0x8A, HasLevel: true, Transport: 0xABCD}
		b := o.AppendHeader(nil, ext)
		if len(b) > MaxOverhead {
			t.Errorf("%d bytes", len(b))
		}
		var p rtp.Packet
		if err := p.Unmarshal(append(b, 1)); err != nil {
			t.Fatal(err)
		}
		if !p.Marker || p.PayloadType != 111 || p.SequenceNumber != 5 || p.Timestamp != 77 || p.SSRC != 99 || len(p.Payload) != 1 {
			t.Errorf("%+v: %+v", ext, p)
		}
		if got := p.GetExtension(ext.Transport); ext.Transport != 0 && !bytes.Equal(got[:2], []byte{0xAB, 0xCD}) {
			t.Errorf("%+v: transport %x", ext, got)
		}
		if got := p.GetExtension(ext.Level); ext.Level != 0 && !bytes.Equal(got, []byte{0x8A}) {
			t.Errorf("%+v: level %x", ext, got)
		}
	}
}

func TestVP8(t *testing.T) {
	key := []byte{0x10, 0x02, 0, 0x9d, 0x01, 0x2a, 0x00, 0x05, 0xd0, 0x02}
	for name, tc := range map[string]struct {
		b    []byte
		want VP8
		err  error
	}{
		"bare key frame":  {append([]byte{0x10}, key...), VP8{Start: true, Key: true, Width: 1280, Height: 720}, nil},
		"continuation":    {[]byte{0x00, 0x12}, VP8{}, nil},
		"inter frame":     {[]byte{0x10, 0x01}, VP8{Start: true}, nil},
		"short id":        {[]byte{0x90, 0x80, 0x7F, 1}, VP8{Start: true, HasPicture: true, Picture: 127, pictureAt: 2}, nil},
		"long id, tl0":    {[]byte{0x90, 0xE0, 0x92, 0x34, 9, 0, 1}, VP8{Start: true, HasPicture: true, Picture: 0x1234, long: true, pictureAt: 2, HasTL0: true, TL0: 9, tl0At: 4}, nil},
		"nothing":         {nil, VP8{}, ErrVP8},
		"descriptor only": {[]byte{0x10}, VP8{}, ErrVP8},
		"id beyond":       {[]byte{0x90, 0x80}, VP8{}, ErrVP8},
		"long id beyond":  {[]byte{0x90, 0x80, 0x80}, VP8{}, ErrVP8},
		"tl0 beyond":      {[]byte{0x90, 0x40}, VP8{}, ErrVP8},
		"no frame":        {[]byte{0x90, 0x80, 1}, VP8{}, ErrVP8},
	} {
		got, err := ParseVP8(tc.b)
		if !errors.Is(err, tc.err) || err == nil && got != tc.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if err != nil {
			continue
		}
		b := bytes.Clone(tc.b)
		got.Patch(b, 0x4567, 77)
		if again, err := ParseVP8(b); err != nil || got.HasTL0 && again.TL0 != 77 || got.HasPicture && got.long && again.Picture != 0x4567 ||
			got.HasPicture && !got.long && again.Picture != 0x67 || !got.HasPicture && again.Picture != 0 {
			t.Errorf("%s patched: %+v, %v", name, again, err)
		}
	}
}

// Whatever the bytes, nothing is read or written outside them.
func FuzzPacket(f *testing.F) {
	f.Add([]byte{0x90, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xBE, 0xDE, 0, 1, 0x30, 5, 0, 0, 0x90, 0xE0, 0x92, 0x34, 9, 0, 1})
	f.Add([]byte{0xBF, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xFF})
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Packet
		if p.Parse(b) != nil {
			return
		}
		for id := range 256 {
			_ = p.Extension(uint8(id))
		}
		if v, err := ParseVP8(p.Payload); err == nil {
			v.Patch(p.Payload, 0xFFFF, 0xFF)
			if w, err := ParseVP8(p.Payload); err != nil || w.Key != v.Key || w.Start != v.Start {
				t.Fatalf("patching changed the frame: %+v, %+v, %v", v, w, err)
			}
		}
	})
}
