package relay

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v3"
)

// client is the other end of an allocation: who asked for it.
type client interface {
	// send sends one frame to the client. It does not wait: what cannot go
	// out soon is lost, as on any network.
	send(frame []byte)
	// stream reports whether frames need padding.
	stream() bool
	transport() Transport
	addr() netip.AddrPort
	// adopt is called when the client's allocation is there.
	adopt(*allocation)
	// forget is called when the allocation is gone.
	forget(*allocation)
	// requests is what the client's requests are read by.
	requests() *reader
}

// allocation is one relayed address (RFC 8656 section 3). It is the
// net.PacketConn pion reads from, and never gets anything to read: what peers
// send is passed to the client in that call.
type allocation struct {
	srv     *Server
	sock    *net.UDPConn
	relayed netip.AddrPort // as the client is told
	since   time.Time
	unused  *time.Timer // ends the allocation; see Limits.Unused

	// Set once, before the first packet: see Server.bound.
	member *member
	client client

	mu      sync.RWMutex
	perms   map[netip.Addr]struct{}
	byPeer  map[netip.AddrPort]uint16
	byChan  map[uint16]netip.AddrPort
	indexed atomic.Uint64 // numbers the indications

	making netip.Addr    // the permission that pion makes now,
	made   chan struct{} // closed when it is made; nil: none is
	closed sync.Once
}

var _ net.PacketConn = (*allocation)(nil)

// reader is the goroutine of pion that reads a client's requests. Having asked us,
// pion puts a new permission into its list, and only then gives it a timer, which
// who ends the allocation meanwhile would stop: that panics. So whoever takes this
// permission out waits for the next we hear from the goroutine that makes it.
type reader struct{ makes *allocation }

// making is told that a permission may be made.
func (r *reader) making(a *allocation, peer netip.Addr) {
	r.made()
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, is := a.perms[peer]; !is {
		a.making, a.made = peer, make(chan struct{})
		r.makes = a
	}
}

// made is told by all else the goroutine calls.
func (r *reader) made() {
	a := r.makes
	if a == nil {
		return
	}
	r.makes = nil
	a.mu.Lock()
	defer a.mu.Unlock()
	close(a.made)
	a.made = nil
}

// relaySocketBuffer is asked of the kernel: 300 ms of four relayed streams.
const relaySocketBuffer = 512 << 10

// open makes a relay socket at a local address.
func (s *Server) open(local netip.Addr) (*allocation, error) {
	network := "udp6"
	if local.Is4() {
		network = "udp4"
	}
	sock, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0)))
	if err != nil {
		return nil, err
	}
	_ = sock.SetReadBuffer(relaySocketBuffer) // the kernel may give less
	port := uint16(sock.LocalAddr().(*net.UDPAddr).Port)
	a := &allocation{
		srv: s, sock: sock, since: s.now(),
		relayed: netip.AddrPortFrom(s.cfg.Advertise(local), port),
		perms:   make(map[netip.Addr]struct{}),
		byPeer:  make(map[netip.AddrPort]uint16),
		byChan:  make(map[uint16]netip.AddrPort),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = sock.Close()
		return nil, ErrClosed
	}
	s.relayed[a.relayed] = a
	s.wg.Add(1) // until Close, which pion calls
	a.unused = time.AfterFunc(s.limit.Unused, a.reclaim)
	return a, nil
}

// bound gives an allocation to who asked for it. The member may have left in
// the meantime.
func (s *Server) bound(a *allocation, user string, c client, key net.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.reserved, clientKey(key))
	cred := s.users[user]
	if cred == nil {
		_ = a.sock.Close()
		return
	}
	m := cred.member
	a.member, a.client = m, c
	m.allocations[a] = struct{}{}
	m.room.mu.Lock()
	m.room.relayed[a.relayed] = a
	m.room.mu.Unlock()
	c.adopt(a)
}

// find returns the allocation with a relayed address that pion names.
func (s *Server) find(relayed net.Addr) *allocation {
	u, ok := relayed.(*net.UDPAddr)
	if !ok {
		return nil
	}
	at := u.AddrPort()
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.relayed[netip.AddrPortFrom(at.Addr().Unmap(), at.Port())]
}

// fromClient passes data the client sends to peer.
func (a *allocation) fromClient(data []byte, peer netip.AddrPort) {
	m := a.member
	target, ok := a.srv.route(m, peer)
	if !ok || target == nil && a.srv.isMedia(peer) && !a.srv.cfg.IsMedia(data) {
		m.refused.Add(1)
		a.srv.total.refused.Add(1)
		return
	}
	if !pass(m.upBucket, &m.up, &a.srv.total.up, len(data), a.srv.now()) {
		return
	}
	if target == nil {
		_, _ = a.sock.WriteToUDPAddrPort(data, peer) // lost is lost
		return
	}
	buf := frames.Get().(*frame)
	target.toClient(buf[:], headroom, copy(buf[headroom:len(buf)-tailroom], data), a.relayed)
	frames.Put(buf)
}

// frame is a packet with room around it.
type frame [headroom + maxFrame + tailroom]byte

var frames = sync.Pool{New: func() any { return new(frame) }}

// toClient passes buf[off:off+n], which came from peer, to the client, if the
// client has a channel or a permission for it. There must be headroom before
// and tailroom after.
func (a *allocation) toClient(buf []byte, off, n int, peer netip.AddrPort) {
	a.mu.RLock()
	channel := a.byPeer[peer]
	_, permitted := a.perms[peer.Addr()]
	a.mu.RUnlock()
	m := a.member
	if !permitted || !pass(m.downBucket, &m.down, &a.srv.total.down, n, a.srv.now()) {
		return
	}
	if channel != 0 {
		a.client.send(putChannelData(buf, off, n, channel, a.client.stream()))
		return
	}
	// An indication is answered by nobody: its number need not be random.
	var id [stun.TransactionIDSize]byte
	for i, x := 0, a.indexed.Add(1); i < 8; i, x = i+1, x>>8 {
		id[i] = byte(x)
	}
	a.client.send(putIndication(buf, off, n, peer, id))
}

// pass counts and polices n bytes.
func pass(b *bucket, mine, all *traffic, n int, now time.Time) bool {
	if !b.take(float64(n), now) {
		mine.policed.Add(1)
		all.policed.Add(1)
		return false
	}
	for _, t := range []*traffic{mine, all} {
		t.packets.Add(1)
		t.bytes.Add(uint64(n))
	}
	return true
}

// ReadFrom passes on what peers send until the socket is closed; it returns
// nothing but the error then. p is used as the buffer.
func (a *allocation) ReadFrom(p []byte) (int, net.Addr, error) {
	room := p[headroom : len(p)-tailroom]
	for {
		n, from, err := a.sock.ReadFromUDPAddrPort(room)
		if err != nil {
			return 0, nil, err
		}
		if n == len(room) || a.member == nil {
			continue // cut off
		}
		peer := netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		if target, ok := a.srv.route(a.member, peer); ok && target == nil {
			a.toClient(p, headroom, n, peer)
		}
	}
}

// WriteTo is not used: data from the client does not go through pion. It
// obeys the same rules.
func (a *allocation) WriteTo(p []byte, to net.Addr) (int, error) {
	u, ok := to.(*net.UDPAddr)
	if !ok || a.member == nil {
		return 0, &net.AddrError{Err: "not a peer's address", Addr: to.String()}
	}
	at := u.AddrPort()
	a.fromClient(p, netip.AddrPortFrom(at.Addr().Unmap(), at.Port()))
	return len(p), nil
}

// LocalAddr is the relayed address.
func (a *allocation) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(a.relayed) }

// SetDeadline does nothing: allocations end by Close.
func (a *allocation) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing: allocations end by Close.
func (a *allocation) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing: sending a datagram hardly ever waits.
func (a *allocation) SetWriteDeadline(time.Time) error { return nil }

// Close is called by pion when the allocation is deleted, expires, or reading
// from it failed.
func (a *allocation) Close() error {
	a.closed.Do(a.drop)
	return nil
}

// reclaim ends the allocation if nobody may send to it. pion notices that it
// can read no more.
func (a *allocation) reclaim() {
	a.mu.RLock()
	used := len(a.perms) > 0
	a.mu.RUnlock()
	if !used {
		_ = a.sock.Close()
	}
}

func (a *allocation) drop() {
	a.unused.Stop()
	_ = a.sock.Close()
	s := a.srv
	s.mu.Lock()
	delete(s.relayed, a.relayed)
	m, c := a.member, a.client
	if m != nil {
		delete(m.allocations, a)
		m.room.mu.Lock()
		delete(m.room.relayed, a.relayed)
		m.room.mu.Unlock()
	}
	s.mu.Unlock()
	if c != nil {
		c.forget(a)
	}
	s.wg.Done()
}

func (a *allocation) permit(peer netip.Addr, on bool) {
	if !on {
		a.awaitMade(peer)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if on {
		a.perms[peer] = struct{}{}
	} else {
		delete(a.perms, peer)
		if len(a.perms) == 0 && a.unused != nil {
			a.unused.Reset(a.srv.limit.Unused)
		}
	}
}

// awaitMade waits while pion makes a permission. It is in pion's list by then, so
// that its reader needs none of the locks that who takes it out may hold.
func (a *allocation) awaitMade(peer netip.Addr) {
	a.mu.RLock()
	made := a.made
	if a.making != peer {
		made = nil
	}
	a.mu.RUnlock()
	if made != nil {
		<-made
	}
}

func (a *allocation) bindChannel(number uint16, peer netip.AddrPort, on bool) {
	if on {
		a.client.requests().made()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if on {
		a.byChan[number], a.byPeer[peer] = peer, number
	} else {
		delete(a.byChan, number)
		delete(a.byPeer, peer)
	}
}

// channel returns the peer a channel is bound to.
func (a *allocation) channel(number uint16) (peer netip.AddrPort, ok bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	peer, ok = a.byChan[number]
	if ok {
		_, ok = a.perms[peer.Addr()]
	}
	return peer, ok
}

// permitted reports whether the client has a permission for an address.
func (a *allocation) permitted(peer netip.Addr) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	_, ok := a.perms[peer]
	return ok
}
