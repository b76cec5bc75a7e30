// Package srtp protects media packets in place, without allocating: SRTP and
// SRTCP by AEAD_AES_128_GCM (RFC 7714), and by what pion has for clients that
// do not offer it. A Context is one direction of one connection and belongs to
// one goroutine.
package srtp

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/pion/dtls/v3"
	pion "github.com/pion/srtp/v3"
)

// Overhead is what sealing adds to a packet at most.
const Overhead = 32

// What is wrong with a packet.
var (
	ErrShort  = errors.New("srtp: packet is too short")
	ErrForged = errors.New("srtp: authentication failed")
	ErrReplay = errors.New("srtp: packet was had before")
)

// Context protects one direction. Packets of any number of streams share it;
// who calls it keeps their indexes (see Index).
type Context interface {
	// SealRTP encrypts the packet in b, whose header has size header, and
	// returns it; b must have Overhead bytes of capacity left. index is the
	// packet's (RFC 3711 section 3.3.1). The same index of the same SSRC must
	// never be sealed with other bytes.
	SealRTP(b []byte, header int, index uint64) ([]byte, error)
	// OpenRTP decrypts a packet in place.
	OpenRTP(b []byte, header int, index uint64) ([]byte, error)
	// SealRTCP and OpenRTCP are the same for RTCP.
	SealRTCP(b []byte) ([]byte, error)
	OpenRTCP(b []byte) ([]byte, error)
}

// Profiles are what is offered in DTLS, the best first.
func Profiles() []dtls.SRTPProtectionProfile {
	return []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80}
}

// Contexts makes both directions from a finished DTLS handshake (RFC 5764
// section 4.2).
func Contexts(conn *dtls.Conn, server bool) (in, out Context, err error) {
	profile, ok := conn.SelectedSRTPProtectionProfile()
	if !ok {
		return nil, nil, errors.New("srtp: none was negotiated")
	}
	state, ok := conn.ConnectionState()
	if !ok {
		return nil, nil, errors.New("srtp: the handshake is not finished")
	}
	key, salt := 16, 14
	if profile == dtls.SRTP_AEAD_AES_128_GCM {
		salt = 12
	}
	m, err := state.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", nil, 2*(key+salt))
	if err != nil {
		return nil, nil, fmt.Errorf("srtp: exporting keys: %w", err)
	}
	client, err := New(profile, m[:key], m[2*key:2*key+salt])
	if err != nil {
		return nil, nil, err
	}
	own, err := New(profile, m[key:2*key], m[2*key+salt:])
	if err != nil {
		return nil, nil, err
	}
	if !server {
		client, own = own, client
	}
	return client, own, nil
}

// New makes a Context from a master key and salt.
func New(profile dtls.SRTPProtectionProfile, key, salt []byte) (Context, error) {
	if profile == dtls.SRTP_AEAD_AES_128_GCM {
		return newGCM(key, salt)
	}
	c, err := pion.CreateContext(key, salt, pion.ProtectionProfile(profile), pion.SRTPNoReplayProtection(), pion.SRTCPReplayProtection(64))
	if err != nil {
		return nil, fmt.Errorf("srtp: %w", err)
	}
	return &other{c: c}, nil
}

// gcm is AEAD_AES_128_GCM.
type gcm struct {
	rtp, rtcp half
	iv        [12]byte // here, because on the stack it would escape
	sent      uint32   // SRTCP index
	heard     []sender
}

// sender is one who sends RTCP: each SSRC counts its packets for itself (RFC
// 3711 section 3.2.3), so each has a window of its own.
type sender struct {
	ssrc   uint32
	window Window
}

// maxSenders bounds what is remembered; the oldest is forgotten.
const maxSenders = 64

func (g *gcm) sender(ssrc uint32) *sender {
	for i := range g.heard {
		if g.heard[i].ssrc == ssrc {
			return &g.heard[i]
		}
	}
	return nil
}

type half struct {
	aead cipher.AEAD
	salt [12]byte
}

const tagSize = 16

// Key derivation labels (RFC 3711 section 4.3.2).
const (
	labelRTP, labelRTPSalt   = 0, 2
	labelRTCP, labelRTCPSalt = 3, 5
)

func newGCM(key, salt []byte) (*gcm, error) {
	g := &gcm{}
	var err error
	if g.rtp, err = derive(key, salt, labelRTP, labelRTPSalt); err != nil {
		return nil, err
	}
	if g.rtcp, err = derive(key, salt, labelRTCP, labelRTCPSalt); err != nil {
		return nil, err
	}
	return g, nil
}

func derive(key, salt []byte, keyLabel, saltLabel byte) (h half, err error) {
	k, err := kdf(key, salt, keyLabel, len(key))
	if err != nil {
		return h, err
	}
	s, err := kdf(key, salt, saltLabel, len(h.salt))
	if err != nil {
		return h, err
	}
	copy(h.salt[:], s)
	block, err := aes.NewCipher(k)
	if err != nil {
		return h, fmt.Errorf("srtp: %w", err)
	}
	if h.aead, err = cipher.NewGCM(block); err != nil {
		return h, fmt.Errorf("srtp: %w", err)
	}
	return h, nil
}

// kdf is AES-CM key derivation (RFC 3711 section 4.3.1), as RFC 7714 section 11
// has it for a salt of 96 bits.
func kdf(key, salt []byte, label byte, n int) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("srtp: %w", err)
	}
	var x [16]byte
	copy(x[:], salt)
	x[7] ^= label
	var out []byte
	for i := uint16(0); len(out) < n; i++ {
		binary.BigEndian.PutUint16(x[14:], i)
		var b [16]byte
		block.Encrypt(b[:], x[:])
		out = append(out, b[:]...)
	}
	return out[:n], nil
}

// rtpNonce is that of RFC 7714 section 8.1.
func (g *gcm) rtpNonce(b []byte, index uint64) []byte {
	iv := &g.iv
	iv[0], iv[1] = 0, 0
	copy(iv[2:6], b[8:12])
	binary.BigEndian.PutUint32(iv[6:], uint32(index>>16))
	binary.BigEndian.PutUint16(iv[10:], uint16(index))
	for i := range iv {
		iv[i] ^= g.rtp.salt[i]
	}
	return iv[:]
}

func (g *gcm) SealRTP(b []byte, header int, index uint64) ([]byte, error) {
	sealed := g.rtp.aead.Seal(b[header:header], g.rtpNonce(b, index), b[header:], b[:header])
	return b[:header+len(sealed)], nil
}

func (g *gcm) OpenRTP(b []byte, header int, index uint64) ([]byte, error) {
	if len(b) < header+tagSize {
		return nil, ErrShort
	}
	p, err := g.rtp.aead.Open(b[header:header], g.rtpNonce(b, index), b[header:], b[:header])
	if err != nil {
		return nil, ErrForged
	}
	return b[:header+len(p)], nil
}

// rtcpNonce is that of RFC 7714 section 9.1.
func (g *gcm) rtcpNonce(b []byte, index uint32) []byte {
	iv := &g.iv
	*iv = [12]byte{}
	copy(iv[2:6], b[4:8])
	binary.BigEndian.PutUint32(iv[8:], index)
	for i := range iv {
		iv[i] ^= g.rtcp.salt[i]
	}
	return iv[:]
}

const (
	rtcpHeader = 8
	encrypted  = 1 << 31 // flag in the SRTCP index
)

func (g *gcm) SealRTCP(b []byte) ([]byte, error) {
	if len(b) < rtcpHeader {
		return nil, ErrShort
	}
	g.sent = (g.sent + 1) &^ encrypted
	var aad [rtcpHeader + 4]byte
	copy(aad[:], b[:rtcpHeader])
	binary.BigEndian.PutUint32(aad[rtcpHeader:], g.sent|encrypted)
	sealed := g.rtcp.aead.Seal(b[rtcpHeader:rtcpHeader], g.rtcpNonce(b, g.sent), b[rtcpHeader:], aad[:])
	return append(b[:rtcpHeader+len(sealed)], aad[rtcpHeader:]...), nil
}

func (g *gcm) OpenRTCP(b []byte) ([]byte, error) {
	if len(b) < rtcpHeader+tagSize+4 {
		return nil, ErrShort
	}
	trailer := b[len(b)-4:]
	word := binary.BigEndian.Uint32(trailer)
	index := word &^ encrypted
	if word&encrypted == 0 {
		return nil, ErrForged // we negotiated encryption
	}
	ssrc := binary.BigEndian.Uint32(b[4:])
	from := g.sender(ssrc)
	if from != nil && from.window.Seen(uint64(index)) {
		return nil, ErrReplay
	}
	var aad [rtcpHeader + 4]byte
	copy(aad[:], b[:rtcpHeader])
	copy(aad[rtcpHeader:], trailer)
	body := b[rtcpHeader : len(b)-4]
	p, err := g.rtcp.aead.Open(body[:0], g.rtcpNonce(b, index), body, aad[:])
	if err != nil {
		return nil, ErrForged
	}
	if from == nil {
		if len(g.heard) == maxSenders {
			g.heard = append(g.heard[:0], g.heard[1:]...)
		}
		g.heard = append(g.heard, sender{ssrc: ssrc})
		from = &g.heard[len(g.heard)-1]
	}
	from.window.Add(uint64(index))
	return b[:rtcpHeader+len(p)], nil
}

// other is any other profile, by pion; it allocates.
type other struct{ c *pion.Context }

func (o *other) SealRTP(b []byte, header int, index uint64) ([]byte, error) {
	o.c.SetROC(binary.BigEndian.Uint32(b[8:]), uint32(index>>16))
	out, err := o.c.EncryptRTP(nil, b, nil)
	if err != nil {
		return nil, fmt.Errorf("srtp: %w", err)
	}
	return append(b[:0], out...), nil
}

func (o *other) OpenRTP(b []byte, header int, index uint64) ([]byte, error) {
	o.c.SetROC(binary.BigEndian.Uint32(b[8:]), uint32(index>>16))
	out, err := o.c.DecryptRTP(nil, b, nil)
	if err != nil {
		return nil, ErrForged
	}
	return append(b[:0], out...), nil
}

func (o *other) SealRTCP(b []byte) ([]byte, error) {
	out, err := o.c.EncryptRTCP(nil, b, nil)
	if err != nil {
		return nil, fmt.Errorf("srtp: %w", err)
	}
	return append(b[:0], out...), nil
}

func (o *other) OpenRTCP(b []byte) ([]byte, error) {
	out, err := o.c.DecryptRTCP(nil, b, nil)
	if err != nil {
		return nil, ErrForged
	}
	return append(b[:0], out...), nil
}
