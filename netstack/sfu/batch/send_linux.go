//go:build linux && (amd64 || arm64)

package batch

import (
	"encoding/binary"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mmsghdr is that of sendmmsg(2).
type mmsghdr struct {
	unix.Msghdr
	sent uint32
	_    uint32
}

// controlSize holds one UDP_SEGMENT message.
const controlSize = 24

// system holds the headers for one call; they are built once and filled in.
type system struct {
	messages []mmsghdr
	vectors  []unix.Iovec
	names    [][unix.SizeofSockaddrInet6]byte
	controls [][controlSize]byte
	conns    []conn

	// of the call under way, for write
	from, to int
	write    func(fd uintptr)
}

type conn struct {
	socket Socket
	raw    syscall.RawConn
	whole  bool // takes no trains
}

// keepConns bounds the sockets remembered: a host has one for each address.
const keepConns = 16

// retries is how often a full socket is tried again before packets are lost.
const retries = 20

func (s *Sender) send() {
	y := &s.system
	if y.messages == nil {
		y.messages, y.vectors = make([]mmsghdr, maxMessages), make([]unix.Iovec, maxMessages)
		y.names, y.controls = make([][unix.SizeofSockaddrInet6]byte, maxMessages), make([][controlSize]byte, maxMessages)
		y.write = s.sendmmsg
	}
	for from := 0; from < len(s.trains); {
		socket := s.trains[from].socket
		to := from + 1
		for to < len(s.trains) && s.trains[to].socket == socket {
			to++
		}
		c := y.conn(socket)
		if c.raw == nil || c.whole {
			for i := from; i < to; i++ {
				s.one(&s.trains[i])
			}
		} else {
			for i := from; i < to; i++ {
				s.prepare(i)
			}
			y.from, y.to = from, to
			if c.raw.Control(y.write) != nil { // closed
				s.dropped += uint64(to - from)
			}
		}
		from = to
	}
}

func (y *system) conn(socket Socket) *conn {
	for i := range y.conns {
		if y.conns[i].socket == socket {
			return &y.conns[i]
		}
	}
	if len(y.conns) == keepConns {
		y.conns = y.conns[:0]
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		raw = nil
	}
	y.conns = append(y.conns, conn{socket: socket, raw: raw})
	return &y.conns[len(y.conns)-1]
}

// prepare fills in the header of a train.
func (s *Sender) prepare(i int) {
	t, y := &s.trains[i], &s.system
	m, v, name := &y.messages[i], &y.vectors[i], &y.names[i]
	v.Base = &s.arena[t.from]
	v.SetLen(t.end - t.from)
	m.Iov, m.Iovlen = v, 1
	m.Name = &name[0]
	binary.BigEndian.PutUint16(name[2:], t.to.Port())
	if a := t.to.Addr(); a.Is4() {
		binary.NativeEndian.PutUint16(name[:], unix.AF_INET)
		ip := a.As4()
		copy(name[4:8], ip[:])
		m.Namelen = unix.SizeofSockaddrInet4
	} else {
		binary.NativeEndian.PutUint16(name[:], unix.AF_INET6)
		ip := a.As16()
		copy(name[8:24], ip[:])
		m.Namelen = unix.SizeofSockaddrInet6
	}
	m.Control = nil
	m.SetControllen(0)
	if t.count > 1 {
		c := &y.controls[i]
		h := (*unix.Cmsghdr)(unsafe.Pointer(&c[0]))
		h.Level, h.Type = unix.SOL_UDP, unix.UDP_SEGMENT
		h.SetLen(unix.CmsgLen(2))
		binary.NativeEndian.PutUint16(c[unix.CmsgLen(0):], uint16(t.size))
		m.Control = &c[0]
		m.SetControllen(unix.CmsgSpace(2))
	}
}

// sendmmsg sends the messages from..to on fd. It goes around the runtime's lock
// of the descriptor: many rooms send on one socket, and the kernel's own lock
// is enough. The call does not block, and so the scheduler is not told: that would
// wake its monitor each time.
func (s *Sender) sendmmsg(fd uintptr) {
	y := &s.system
	tries := 0
	for at := y.from; at < y.to; {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&y.messages[at])), uintptr(y.to-at), unix.MSG_DONTWAIT, 0, 0)
		s.calls++
		switch {
		case errno == 0:
			for range n {
				s.sent += uint64(s.trains[at].count)
				at++
			}
			tries = 0
		case errno == unix.EINTR:
		case (errno == unix.EAGAIN || errno == unix.ENOBUFS) && tries < retries:
			tries++
			runtime.Gosched()
		case s.trains[at].count > 1 && (errno == unix.EIO || errno == unix.EINVAL || errno == unix.EMSGSIZE || errno == unix.ENOPROTOOPT):
			// This device or path takes no trains.
			s.one(&s.trains[at])
			at++
			if errno == unix.EIO || errno == unix.ENOPROTOOPT {
				y.conn(s.trains[at-1].socket).whole = true
			}
		default:
			s.dropped += uint64(s.trains[at].count)
			at++
		}
	}
}
