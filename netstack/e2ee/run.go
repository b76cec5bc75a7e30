package e2ee

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"candid/netstack"
)

// The sizes of hashes, of X25519 keys and nonces, and of the text of labels.
const (
	hashSize  = sha256.Size
	keySize   = 32
	nonceSize = 32
	label     = "candid x-key 1"
)

// run is one key exchange with one member, until it is complete.
type run struct {
	initiator bool
	began     time.Time
	private   *ecdh.PrivateKey
	nonce     []byte
	commit    []byte   // R
	channel   *channel // once the other's values are known
}

// newRun begins a run as its initiator.
func newRun(now time.Time) (*run, error) {
	r, err := makeRun(now)
	if err != nil {
		return nil, err
	}
	r.initiator = true
	r.commit = commitment(r.private.PublicKey().Bytes(), r.nonce)
	return r, nil
}

func makeRun(now time.Time) (*run, error) {
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	nonce := make([]byte, nonceSize)
	rand.Read(nonce) // never fails
	return &run{began: now, private: private, nonce: nonce}, nil
}

func commitment(key, nonce []byte) []byte {
	h := sha256.New()
	h.Write([]byte(label + " commit"))
	h.Write(key)
	h.Write(nonce)
	return h.Sum(nil)
}

// meet takes the other side's values and makes the channel.
func (r *run) meet(self, other netstack.PeerID, key, nonce []byte) error {
	if r.channel != nil || len(key) != keySize || len(nonce) != nonceSize {
		return errMessage
	}
	own := r.private.PublicKey().Bytes()
	if bytes.Equal(own, key) {
		return fmt.Errorf("%w: our own key", errMessage)
	}
	if !r.initiator && subtle.ConstantTimeCompare(commitment(key, nonce), r.commit) != 1 {
		return fmt.Errorf("%w: the initiator changed its values", errForged)
	}
	public, err := ecdh.X25519().NewPublicKey(key)
	if err != nil {
		return fmt.Errorf("%w: %w", errMessage, err)
	}
	shared, err := r.private.ECDH(public) // refuses keys of low order
	if err != nil {
		return fmt.Errorf("%w: %w", errMessage, err)
	}
	t := sha256.New()
	t.Write([]byte(label))
	if r.initiator {
		hashAll(t.Write, id(self), id(other), r.commit, key, nonce, own, r.nonce)
	} else {
		hashAll(t.Write, id(other), id(self), r.commit, own, r.nonce, key, nonce)
	}
	r.channel, err = newChannel(r, t.Sum(nil), shared)
	return err
}

func hashAll(write func([]byte) (int, error), parts ...[]byte) {
	for _, p := range parts {
		_, _ = write(p) // a hash takes all
	}
}

func id(p netstack.PeerID) []byte { return append([]byte{byte(len(p))}, p...) }

// channel carries messages that only the two ends of a run can read.
type channel struct {
	run        []byte
	initiator  bool
	transcript []byte
	seal, open cipher.AEAD
	sent       uint64 // messages after the proof
	received   netstack.Opt[uint64]
	words      []byte
}

func newChannel(r *run, transcript, shared []byte) (*channel, error) {
	prk, err := hkdf.Extract(sha256.New, shared, transcript)
	if err != nil {
		return nil, fmt.Errorf("derive keys: %w", err)
	}
	c := &channel{run: r.commit, initiator: r.initiator, transcript: transcript}
	forth, err := cipherOf(prk, "initiator to responder")
	if err != nil {
		return nil, err
	}
	back, err := cipherOf(prk, "responder to initiator")
	if err != nil {
		return nil, err
	}
	c.seal, c.open = forth, back
	if !r.initiator {
		c.seal, c.open = back, forth
	}
	if c.words, err = hkdf.Expand(sha256.New, prk, "words", wordCount); err != nil {
		return nil, fmt.Errorf("derive words: %w", err)
	}
	return c, nil
}

func cipherOf(prk []byte, info string) (cipher.AEAD, error) {
	key, err := hkdf.Expand(sha256.New, prk, info, 32)
	if err != nil {
		return nil, fmt.Errorf("derive keys: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("derive keys: %w", err)
	}
	return cipher.NewGCM(block)
}

func nonceOf(n uint64) []byte { return binary.BigEndian.AppendUint64(make([]byte, 4, 12), n) }

// put seals v into m, which has its step; proofs are message 0.
func (c *channel) put(m message, v any) message {
	if m.Step == stepSecret || m.Step == stepGot {
		c.sent++
		m.N = c.sent
	}
	m.Run = c.run
	m.Sealed = c.seal.Seal(nil, nonceOf(m.N), mustJSON(v), append(bytes.Clone(c.run), m.Step...))
	return m
}

// get opens what put sealed, once.
func (c *channel) get(m message, v any) error {
	if c.received.OK && m.N <= c.received.Value {
		return fmt.Errorf("%w: it was here", errForged)
	}
	raw, err := c.open.Open(nil, nonceOf(m.N), m.Sealed, append(bytes.Clone(c.run), m.Step...))
	if err != nil {
		return errForged
	}
	c.received = netstack.Some(m.N)
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%w: %w", errMessage, err)
	}
	return nil
}

// prove makes our proof of who we are.
func (c *channel) prove(key ed25519.PrivateKey) proof {
	public, _ := key.Public().(ed25519.PublicKey)
	return proof{Identity: public, Signature: ed25519.Sign(key, c.statement(c.initiator))}
}

// check returns who the other is, if the proof holds.
func (c *channel) check(p proof) (ed25519.PublicKey, error) {
	if len(p.Identity) != ed25519.PublicKeySize || !ed25519.Verify(p.Identity, c.statement(!c.initiator), p.Signature) {
		return nil, fmt.Errorf("%w: the signature is wrong", errForged)
	}
	return p.Identity, nil
}

func (c *channel) statement(initiator bool) []byte {
	role := " responder"
	if initiator {
		role = " initiator"
	}
	return append([]byte(label+role), c.transcript...)
}
