package oneport

import (
	"encoding/binary"
	"testing"

	"github.com/pion/stun/v3"
)

func TestClassifyPacket(t *testing.T) {
	build := func(s ...stun.Setter) []byte {
		return stun.MustBuild(append([]stun.Setter{stun.TransactionID}, s...)...).Raw
	}
	user := stun.NewUsername("abcd:efgh")
	software := stun.NewSoftware("x")
	long := build(stun.BindingRequest)
	binary.BigEndian.PutUint16(long[2:], 400)
	old := build(stun.BindingRequest)
	old[4] = 0
	cut := build(stun.BindingRequest, user)
	for _, tc := range []struct {
		name string
		p    []byte
		want Kind
	}{
		{"nothing", nil, Unknown},
		{"one byte", []byte{0}, Unknown},
		{"STUN Binding", build(stun.BindingRequest), Relay},
		{"STUN Binding with SOFTWARE", build(stun.BindingRequest, software), Relay},
		{"ICE check", build(stun.BindingRequest, user), Media},
		{"ICE check, username second", build(stun.BindingRequest, software, user), Media},
		{"ICE answer", build(stun.BindingSuccess), Media},
		{"ICE error", build(stun.BindingError), Media},
		{"ICE keep-alive", build(stun.NewType(stun.MethodBinding, stun.ClassIndication)), Media},
		{"Allocate", build(stun.NewType(stun.MethodAllocate, stun.ClassRequest), user), Relay},
		{"Refresh", build(stun.NewType(stun.MethodRefresh, stun.ClassRequest), user), Relay},
		{"Send", build(stun.NewType(stun.MethodSend, stun.ClassIndication)), Relay},
		{"ChannelBind", build(stun.NewType(stun.MethodChannelBind, stun.ClassRequest)), Relay},
		{"STUN with a wrong length", long, Unknown},
		{"STUN without cookie (RFC 3489)", old, Unknown},
		{"STUN cut in an attribute", cut[:24], Unknown},
		{"ZRTP", []byte{16, 0}, Unknown},
		{"DTLS first", []byte{20}, Media},
		{"DTLS last", []byte{63}, Media},
		{"channel first", []byte{64}, Relay},
		{"channel last", []byte{79}, Relay},
		{"QUIC", []byte{80}, Unknown},
		{"RTP first", []byte{128}, Media},
		{"RTP last", []byte{191}, Media},
		{"QUIC long header", []byte{192}, Unknown},
	} {
		if got := ClassifyPacket(tc.p); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

func TestClassifyStream(t *testing.T) {
	allocate := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest)).Raw
	for _, tc := range []struct {
		name string
		p    []byte
		want Kind
		more bool
	}{
		{"nothing yet", nil, Unknown, true},
		{"TLS", []byte{0x16}, TLS, false},
		{"HTTP", []byte("G"), HTTP, false},
		{"STUN, 7 bytes", allocate[:7], Unknown, true},
		{"STUN", allocate[:8], Relay, false},
		{"zeros", make([]byte, 8), Unknown, false},
		{"SSH", []byte("ssh"), Unknown, false},
		{"noise", []byte{0xff}, Unknown, false},
	} {
		if got, more := classifyStream(tc.p); got != tc.want || more != tc.more {
			t.Errorf("%s: %v, %v; want %v, %v", tc.name, got, more, tc.want, tc.more)
		}
	}
}

func TestClassifyAllocatesNothing(t *testing.T) {
	p := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewSoftware("x"), stun.NewUsername("a:b")).Raw
	if n := testing.AllocsPerRun(100, func() { ClassifyPacket(p) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkClassifyPacket(b *testing.B) {
	p := stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewSoftware("x"), stun.NewUsername("a:b")).Raw
	for b.Loop() {
		ClassifyPacket(p)
	}
}

// FuzzClassify feeds both classifiers: no panic, always one of the known
// kinds, never waiting beyond peekSize, and agreement with pion about USERNAME.
func FuzzClassify(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("GET / HTTP/1.1\r\n"))
	f.Add([]byte{0x16, 3, 1})
	f.Add([]byte{0x40, 0, 0, 1, 7})
	f.Add(stun.MustBuild(stun.TransactionID, stun.BindingRequest, stun.NewUsername("a:b")).Raw)
	f.Add(stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest)).Raw)
	f.Fuzz(func(t *testing.T, p []byte) {
		if _, more := classifyStream(p); more && len(p) >= peekSize {
			t.Error("wants more than it may peek at")
		}
		kind := ClassifyPacket(p)
		if kind != Unknown && kind != Relay && kind != Media {
			t.Errorf("a packet is %v", kind)
		}
		if len(p) == 0 || p[0] > 3 {
			return
		}
		m := &stun.Message{Raw: p}
		if m.Decode() != nil || m.Type != stun.BindingRequest || int(m.Length) != len(p)-stunHeader || len(p)%4 != 0 {
			return
		}
		if want := m.Contains(stun.AttrUsername); want != (kind == Media) {
			t.Errorf("USERNAME present: %v, but kind is %v", want, kind)
		}
	})
}
