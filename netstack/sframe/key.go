package sframe

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// SecretSize is the size of a member's secret, in bytes.
const SecretSize = 32

// The sizes of AES_128_GCM_SHA256_128 (RFC 9605 section 4.5), and its number.
const (
	keySize   = 16
	nonceSize = 12
	tagSize   = 16
	suite     = 0x0004
)

// Overhead is the most that sealing adds to a frame, in bytes.
const Overhead = maxHeader + tagSize

// Why a frame does not open. None of it is shown or played.
var (
	ErrMalformed = errors.New("not a sealed frame")
	ErrNoKey     = errors.New("no key for this frame")
	ErrForged    = errors.New("frame was not sealed with this key")
	ErrReplayed  = errors.New("frame was here already, or is too old")
	ErrCodec     = errors.New("frames of this codec cannot be sealed")
)

// key is one SFrame key.
type key struct {
	kid  uint64
	aead cipher.AEAD
	salt [nonceSize]byte
}

// newKey derives a key from its base key (RFC 9605 section 4.4.2).
func newKey(kid uint64, base []byte) (*key, error) {
	secret, err := hkdf.Extract(sha256.New, base, nil)
	if err != nil {
		return nil, fmt.Errorf("derive a frame key: %w", err)
	}
	tail := binary.BigEndian.AppendUint64(nil, kid)
	tail = binary.BigEndian.AppendUint16(tail, suite)
	raw, err := hkdf.Expand(sha256.New, secret, "SFrame 1.0 Secret key "+string(tail), keySize)
	if err != nil {
		return nil, fmt.Errorf("derive a frame key: %w", err)
	}
	salt, err := hkdf.Expand(sha256.New, secret, "SFrame 1.0 Secret salt "+string(tail), nonceSize)
	if err != nil {
		return nil, fmt.Errorf("derive a frame key: %w", err)
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, fmt.Errorf("derive a frame key: %w", err)
	}
	k := &key{kid: kid}
	copy(k.salt[:], salt)
	if k.aead, err = cipher.NewGCM(block); err != nil {
		return nil, fmt.Errorf("derive a frame key: %w", err)
	}
	return k, nil
}

// trackKey derives the key of one track from its sender's secret; see the
// package comment.
func trackKey(kid uint64, secret []byte, track string) (*key, error) {
	base, err := hkdf.Expand(sha256.New, secret, "candid track "+track, SecretSize)
	if err != nil {
		return nil, fmt.Errorf("derive a track's key: %w", err)
	}
	return newKey(kid, base)
}

// trackName splits a track's ID into what the layers of one picture have in
// common, and the number of the layer.
func trackName(id string) (name string, layer uint64) {
	name, suffix, _ := strings.Cut(id, "~")
	switch suffix {
	case "":
		return name, 0
	case "h":
		return name, 1
	case "q":
		return name, 2
	}
	return name, 3
}

// layerBits are the low bits of a KID, which say the layer.
const layerBits = 2

// scratch is room for what the cipher reads through an interface, and which
// would be garbage of every frame otherwise.
type scratch struct {
	nonce [nonceSize]byte
	aad   []byte
	time  [4]byte
}

// stamp is an RTP timestamp as metadata. For pictures, which have a clear part,
// there is none: a server that changes from one layer to another may have to move
// a picture by a tick.
func (s *scratch) stamp(ts uint32, clear int) []byte {
	if clear > 0 {
		return nil
	}
	binary.BigEndian.PutUint32(s.time[:], ts)
	return s.time[:]
}

// prepare sets the nonce and the additional data of a frame: header, metadata.
// The metadata is the clear part and, after it, stamp.
func (s *scratch) prepare(k *key, ctr uint64, header, clear, stamp []byte) {
	s.nonce = k.salt
	low := s.nonce[nonceSize-8:]
	binary.BigEndian.PutUint64(low, binary.BigEndian.Uint64(low)^ctr)
	s.aad = append(append(append(s.aad[:0], header...), clear...), stamp...)
}

// seal appends clear, header, ciphertext and tag to dst.
func (k *key) seal(s *scratch, dst, clear, body, stamp []byte, ctr uint64) []byte {
	dst = append(dst, clear...)
	at := len(dst)
	dst = appendHeader(dst, k.kid, ctr)
	s.prepare(k, ctr, dst[at:], clear, stamp)
	return k.aead.Seal(dst, s.nonce[:], body, s.aad)
}

// open opens what seal made, in place: clear bytes, then a header of size
// bytes, then the rest. The result lies within frame.
func (k *key) open(s *scratch, frame, stamp []byte, clear, size int, ctr uint64) ([]byte, error) {
	header := frame[clear : clear+size]
	s.prepare(k, ctr, header, frame[:clear], stamp)
	sealed := frame[clear+size:]
	body, err := k.aead.Open(sealed[:0], s.nonce[:], sealed, s.aad)
	if err != nil {
		return nil, ErrForged
	}
	copy(frame[size:], frame[:clear]) // over the header
	return frame[size : size+clear+len(body)], nil
}
