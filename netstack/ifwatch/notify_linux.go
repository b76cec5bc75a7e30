package ifwatch

import (
	"context"
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// notifications yields whenever the kernel says over rtnetlink(7) that a link
// or an address changed. The channel is nil if it will not say; stop waits for
// the reader.
func notifications(ctx context.Context) (notice <-chan struct{}, stop func()) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, func() {}
	}
	groups := uint32(unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		_ = unix.Close(fd)
		return nil, func() {}
	}
	socket := os.NewFile(uintptr(fd), "rtnetlink") // non-blocking: Close ends Read
	c := make(chan struct{}, 1)
	var wg sync.WaitGroup
	wg.Go(func() { readNotices(socket, c) })
	unhook := context.AfterFunc(ctx, func() { _ = socket.Close() })
	return c, func() {
		unhook()
		_ = socket.Close()
		wg.Wait()
	}
}

// readNotices tells c of each message; what it says is read from the system.
func readNotices(socket *os.File, c chan<- struct{}) {
	buf := make([]byte, 8192)
	for {
		// ENOBUFS says that messages were lost, which is a change all the same.
		if _, err := socket.Read(buf); err != nil && !isOverrun(err) {
			return
		}
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

func isOverrun(err error) bool { return errors.Is(err, unix.ENOBUFS) }
