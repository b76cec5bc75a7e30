package srtp

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/pion/dtls/v3"
	"github.com/pion/rtp"
	pion "github.com/pion/srtp/v3"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var profiles = map[string]struct {
	profile dtls.SRTPProtectionProfile
	salt    int
}{
	"GCM": {dtls.SRTP_AEAD_AES_128_GCM, 12},
	"CM":  {dtls.SRTP_AES128_CM_HMAC_SHA1_80, 14},
}

func fixture(t testing.TB, name string) (ours Context, theirs *pion.Context) {
	t.Helper()
	p := profiles[name]
	key, salt := bytes.Repeat([]byte{0x5A}, 16), bytes.Repeat([]byte{0xC3}, p.salt)
	ours, err := New(p.profile, key, salt)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err = pion.CreateContext(key, salt, pion.ProtectionProfile(p.profile))
	if err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}

func packet(t testing.TB, seq uint16, n int) []byte {
	t.Helper()
	p := &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SequenceNumber: seq, SSRC: 0xDEADBEEF}, Payload: bytes.Repeat([]byte{7}, n)}
	if err := p.SetExtension(3, []byte{1, 2}); err != nil {
		t.Fatal(err)
	}
	b, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return append(make([]byte, 0, len(b)+Overhead), b...)
}

const header = 12 + 4 + 4

// What we seal pion opens, and the other way round, over a wraparound.
func TestWithPion(t *testing.T) {
	for name := range profiles {
		t.Run(name, func(t *testing.T) {
			ours, theirs := fixture(t, name)
			for i := range 70000 {
				if i%1000 != 0 && i < 65000 {
					continue
				}
				plain := packet(t, uint16(i), 100)
				sealed, err := ours.SealRTP(append(make([]byte, 0, len(plain)+Overhead), plain...), header, uint64(i))
				if err != nil {
					t.Fatal(err)
				}
				got, err := theirs.DecryptRTP(nil, sealed, nil)
				if err != nil || !bytes.Equal(got, plain) {
					t.Fatalf("packet %d: pion says %v", i, err)
				}
			}
			ours, theirs = fixture(t, name)
			var x Index
			for i := range 70000 {
				if i%1000 != 0 && i < 65000 {
					continue
				}
				plain := packet(t, uint16(i), 100)
				sealed, err := theirs.EncryptRTP(nil, plain, nil)
				if err != nil {
					t.Fatal(err)
				}
				index := x.Guess(uint16(i))
				if index != uint64(i) {
					t.Fatalf("index %d, want %d", index, i)
				}
				got, err := ours.OpenRTP(sealed, header, index)
				if err != nil || !bytes.Equal(got, plain) {
					t.Fatalf("packet %d: %v", i, err)
				}
				x.Add(index)
			}
		})
	}
}

func TestRTCPWithPion(t *testing.T) {
	plain := []byte{0x81, 206, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8}
	for name := range profiles {
		ours, theirs := fixture(t, name)
		for range 5 {
			sealed, err := ours.SealRTCP(append(make([]byte, 0, 64), plain...))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := theirs.DecryptRTCP(nil, sealed, nil); err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("%s: pion says %v", name, err)
			}
			sealed, err = theirs.EncryptRTCP(nil, plain, nil)
			if err != nil {
				t.Fatal(err)
			}
			again := bytes.Clone(sealed)
			if got, err := ours.OpenRTCP(sealed); err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("%s: %v", name, err)
			}
			if _, err := ours.OpenRTCP(again); err == nil {
				t.Errorf("%s: a replay was taken", name)
			}
		}
	}
}

// Each sender of RTCP counts its packets for itself, as pion and browsers do:
// one who sent many does not silence another on the same connection.
func TestRTCPOfManySenders(t *testing.T) {
	for name := range profiles {
		ours, theirs := fixture(t, name)
		for i := range 3000 {
			plain := []byte{0x81, 206, 0, 2, 0, 0, 0, 9, 5, 6, 7, 8}
			if i%100 == 99 {
				plain[7] = byte(i / 100)
			}
			sealed, err := theirs.EncryptRTCP(nil, plain, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ours.OpenRTCP(sealed); err != nil {
				t.Fatalf("%s: packet %d of sender %d: %v", name, i, plain[7], err)
			}
		}
	}
}

// Any change of a sealed packet is found.
func TestForged(t *testing.T) {
	for name := range profiles {
		ours, theirs := fixture(t, name)
		sealed, err := theirs.EncryptRTP(nil, packet(t, 1, 30), nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range sealed {
			if i < 4 {
				continue // changes where the header ends, or the index
			}
			b := bytes.Clone(sealed)
			b[i] ^= 0x10
			if _, err := ours.OpenRTP(b, header, 1); err == nil {
				t.Fatalf("%s: byte %d changed, and nobody saw", name, i)
			}
		}
		for n := range len(sealed) {
			if n < header {
				continue
			}
			if _, err := ours.OpenRTP(bytes.Clone(sealed[:n]), header, 1); err == nil {
				t.Fatalf("%s: cut to %d bytes, and nobody saw", name, n)
			}
		}
		for n := range 28 {
			if _, err := ours.OpenRTCP(make([]byte, n)); err == nil {
				t.Fatalf("%s: RTCP of %d zeros taken", name, n)
			}
		}
		if _, err := ours.SealRTCP([]byte{1}); err == nil {
			t.Errorf("%s: sealed a byte", name)
		}
	}
	if _, err := New(dtls.SRTP_AEAD_AES_128_GCM, []byte("short"), nil); err == nil {
		t.Error("a short key was taken")
	}
	if _, err := (&gcm{}).OpenRTCP(make([]byte, 40)); !errors.Is(err, ErrForged) {
		t.Errorf("unencrypted SRTCP: %v", err)
	}
}

// The window is a set of the newest numbers.
func TestWindow(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	var w Window
	model, highest := map[uint64]bool{}, uint64(0)
	for range 20000 {
		n := highest + uint64(rnd.IntN(60))
		if n >= 30 {
			n -= 30
		}
		if rnd.IntN(500) == 0 {
			n += uint64(rnd.IntN(3000))
		}
		old := highest >= windowSize && n <= highest-windowSize
		if got := w.Seen(n); got != (model[n] || old) {
			t.Fatalf("%d seen: %v, model %v", n, got, model[n])
		}
		w.Add(n)
		if !old {
			model[n] = true
		}
		highest = max(highest, n)
	}
}

func TestIndexGuess(t *testing.T) {
	var x Index
	x.Add(65530)
	for number, want := range map[uint16]uint64{65531: 65531, 65000: 65000, 2: 65538, 40000: 40000} {
		if got := x.Guess(number); got != want {
			t.Errorf("%d is guessed to be %d, want %d", number, got, want)
		}
	}
	x.Add(65540)
	if got := x.Guess(65535); got != 65535 {
		t.Errorf("late over the wraparound: %d", got)
	}
}

func TestAllocations(t *testing.T) {
	ours, _ := fixture(t, "GCM")
	other, _ := fixture(t, "GCM")
	plain := packet(t, 9, 1100)
	b := make([]byte, 0, 1500)
	n := uint64(0)
	if got := testing.AllocsPerRun(200, func() {
		n++
		sealed, err := ours.SealRTP(append(b[:0], plain...), header, n)
		if err == nil {
			_, err = other.OpenRTP(sealed, header, n)
		}
		if err != nil {
			t.Fatal(err)
		}
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkSeal(b *testing.B) {
	ours, _ := fixture(b, "GCM")
	plain := packet(b, 9, 1100)
	buf := make([]byte, 0, 1500)
	for i := range b.N {
		if _, err := ours.SealRTP(append(buf[:0], plain...), header, uint64(i)); err != nil {
			b.Fatal(err)
		}
	}
}
