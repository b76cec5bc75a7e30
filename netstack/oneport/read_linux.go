//go:build linux && (amd64 || arm64)

package oneport

import (
	"encoding/binary"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// readAtOnce is how many packets one call takes at most.
const readAtOnce = 16

// mmsghdr is that of recvmmsg(2).
type mmsghdr struct {
	unix.Msghdr
	n uint32
	_ uint32
}

// reader has the memory that packets are read into.
type reader struct {
	buffers  [readAtOnce][maxPacket]byte
	names    [readAtOnce][unix.SizeofSockaddrInet6]byte
	vectors  [readAtOnce]unix.Iovec
	messages [readAtOnce]mmsghdr
}

func newReader() *reader {
	r := &reader{}
	for i := range r.messages {
		m, v := &r.messages[i], &r.vectors[i]
		v.Base = &r.buffers[i][0]
		v.SetLen(maxPacket)
		m.Iov, m.Iovlen, m.Name = v, 1, &r.names[i][0]
	}
	return r
}

// read takes packets, those that wait with one call, until the socket is closed.
func (s *Socket) read() {
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return // closed
	}
	r := newReader()
	_ = raw.Read(func(fd uintptr) bool { // an error means closed
		for {
			n, errno := r.receive(fd)
			switch errno {
			case 0:
				for i := range n {
					if m := &r.messages[i]; m.n < maxPacket {
						s.take(r.buffers[i][:m.n], r.from(i))
					}
				}
				if n < readAtOnce {
					return false // none is left; what comes now wakes us
				}
			case unix.EAGAIN:
				return false
			case unix.EINTR:
			default:
				time.Sleep(brokenPause)
			}
		}
	})
}

// receive does not block, and so need not tell the scheduler: that would wake its
// monitor for every packet of an idle program, which costs more than the packet.
func (r *reader) receive(fd uintptr) (n int, errno unix.Errno) {
	for i := range r.messages {
		r.messages[i].Namelen = unix.SizeofSockaddrInet6
	}
	got, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.messages[0])), readAtOnce, unix.MSG_DONTWAIT, 0, 0)
	return int(got), errno
}

// from is where packet i came from.
func (r *reader) from(i int) netip.AddrPort {
	name := &r.names[i]
	port := binary.BigEndian.Uint16(name[2:])
	if binary.NativeEndian.Uint16(name[:]) == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(name[4:8])), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(name[8:24])).Unmap(), port)
}
