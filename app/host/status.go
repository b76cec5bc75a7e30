package host

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"runtime"
	"time"

	"candid/netstack/sfu"
)

// openStatus serves /healthz and /metrics, if that is wanted. Neither says who
// is here or from where. A host without them is better than none.
func (h *Host) openStatus() {
	if h.cfg.Status == "" {
		return
	}
	l, err := net.Listen("tcp", h.cfg.Status)
	if err != nil {
		h.log.Warn("health and figures are not served", "err", err)
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		h.writeMetrics(w)
	})
	h.status = &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 8 << 10, ErrorLog: log.New(io.Discard, "", 0),
	}
	h.statusAt = l.Addr().String()
	h.wg.Go(func() { _ = h.status.Serve(l) })
}

// StatusAddress is where /healthz and /metrics are; empty: nowhere.
func (h *Host) StatusAddress() string { return h.statusAt }

// mediaStats adds up what all rooms' media servers have done, those closed
// included. The delays are the worst room's.
func (h *Host) mediaStats() sfu.Stats {
	h.mu.Lock()
	rooms := make([]*room, 0, len(h.rooms))
	for _, r := range h.rooms {
		rooms = append(rooms, r)
	}
	h.mu.Unlock()
	h.endedMu.Lock()
	sum := h.ended
	h.endedMu.Unlock()
	for _, r := range rooms {
		sum = added(sum, r.sfu.Stats())
	}
	return sum
}

func added(a, b sfu.Stats) sfu.Stats {
	a.Forwarded += b.Forwarded
	a.Resent += b.Resent
	a.Dropped += b.Dropped
	a.Policed += b.Policed
	a.Sent += b.Sent
	a.Lost += b.Lost
	a.InsideP50, a.InsideP99 = max(a.InsideP50, b.InsideP50), max(a.InsideP99, b.InsideP99)
	return a
}

// writeMetrics writes the Prometheus text format.
func (h *Host) writeMetrics(to io.Writer) {
	w := bufio.NewWriter(to)
	defer w.Flush()
	metric := func(name, kind, help string, value any) {
		fmt.Fprintf(w, "# HELP candid_%s %s\n# TYPE candid_%s %s\ncandid_%s %v\n", name, help, name, kind, name, value)
	}
	gauge := func(name, help string, value any) { metric(name, "gauge", help, value) }
	count := func(name, help string, value uint64) { metric(name+"_total", "counter", help, value) }
	s, r, m := h.signal.Stats(), h.relay.Stats(), h.mediaStats()
	gauge("rooms", "Open rooms.", s.Rooms)
	gauge("members", "Members in all rooms.", s.Members)
	gauge("sockets", "Signaling connections.", s.Sockets)
	count("joins", "Members that came.", s.Joined)
	count("resumes", "Connections that came back.", s.Resumed)
	count("refused", "Joins and connections refused.", s.Refused)
	count("cut", "Members cut off for breaking the protocol or a limit.", s.Cut)
	count("panics", "Panics, each of which cost one connection, or one frame of a mix.", s.Panics+h.media.Panics())
	gauge("relay_allocations", "Relay allocations.", r.Allocations)
	count("relay_bytes_up", "Bytes relayed from clients.", r.Up.Bytes)
	count("relay_bytes_down", "Bytes relayed to clients.", r.Down.Bytes)
	count("relay_policed", "Packets over a member's bitrate.", r.Up.Policed+r.Down.Policed)
	count("relay_refused", "Packets and permissions for where nothing is relayed to.", r.Refused)
	count("relay_auth_failed", "Wrong or expired relay credentials.", r.AuthFailed)
	count("relay_quota", "Allocations over the limit.", r.Quota)
	count("relay_silenced", "Replies to strangers over the limit.", r.Silenced)
	count("media_forwarded", "Media packets forwarded.", m.Forwarded)
	count("media_resent", "Media packets sent again.", m.Resent)
	count("media_dropped", "Media packets dropped.", m.Dropped)
	count("media_policed", "Media packets over a member's bitrate.", m.Policed)
	count("media_lost", "Media packets the system did not take.", m.Lost)
	count("media_strange", "Media packets that belonged to nobody.", h.media.Dropped())
	gauge("media_inside_p50_seconds", "Half of the packets were inside for less, since the last look.", m.InsideP50.Seconds())
	gauge("media_inside_p99_seconds", "All but one in a hundred were inside for less, since the last look.", m.InsideP99.Seconds())
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	gauge("goroutines", "Goroutines.", runtime.NumGoroutine())
	gauge("memory_bytes", "Memory taken from the system.", mem.Sys)
}
