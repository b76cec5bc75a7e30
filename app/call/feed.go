package call

import (
	"image"
	"sync"
	"time"

	"candid/media"
	"candid/media/codec"
	"candid/netstack"
)

// feed is one picture of a member: the copies of it that arrive over several
// paths, as one. While a path is changed it shows each picture once, and none
// before the one that was sent before it.
type feed struct {
	view *viewer

	// mu orders the decoders of the paths. It is held while the picture is
	// painted, which waits for nobody.
	mu      sync.Mutex
	main    netstack.Topology // the path pictures are taken from
	merging bool              // they are taken from the others, too
	began   bool
	last    uint32        // timestamp of the newest picture shown
	lastAt  time.Time     // when that was
	spacing uint32        // between pictures, as they come
	kept    []keptPicture // decoded ahead of what is to be shown first
	free    []*image.YCbCr
	brought [netstack.MCU + 1]brought // by path
	ledger  ledger
}

// brought is what a path has brought of the pictures.
type brought struct {
	at    time.Time // the newest, decoded; zero: never
	ts    uint32    // its timestamp
	total int
}

// keptPicture is one that waits for those before it.
type keptPicture struct {
	media.VideoFrame
	at   time.Time
	path netstack.Topology
}

const (
	// longestWait is how long a picture waits for those before it.
	longestWait = 150 * time.Millisecond
	mostKept    = 8
	// mostBehind is how many pictures a path may be behind another and still do.
	mostBehind = 3
	// standing is how long a picture has stood when it is better to show any.
	standing = 500 * time.Millisecond
)

func newFeed(view *viewer, main netstack.Topology) *feed {
	return &feed{view: view, main: main, spacing: videoClock / 30}
}

// from is the sink for what one path brings.
func (f *feed) from(path netstack.Topology) media.VideoSink { return feedSink{f, path} }

type feedSink struct {
	f    *feed
	path netstack.Topology
}

func (s feedSink) WriteVideo(v media.VideoFrame) { s.f.write(s.path, v, time.Now()) }

// packet notes a packet that came.
func (f *feed) packet(path netstack.Topology, seq uint16, ts uint32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ledger.packet(path, seq, ts)
}

// follow makes path the one that pictures are taken from, and, if merging, the
// others as well until it is called again.
func (f *feed) follow(path netstack.Topology, merging bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.main, f.merging = path, merging
	if !merging {
		f.flush(nil)
	}
}

// of returns what a path has brought.
func (f *feed) of(path netstack.Topology) brought {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.brought[path]
}

// abreast reports whether a path's newest picture is the newest shown, or
// nearly: it could do alone.
func (f *feed) abreast(path netstack.Topology) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int32(f.last-f.brought[path].ts) <= int32(mostBehind*f.spacing)
}

// mark is the newest picture shown; ok is false if none was.
func (f *feed) mark() (ts uint32, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last, f.began
}

// since counts what the ledger says of the pictures after a mark.
func (f *feed) since(ts uint32) (missing, repeated int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ledger.count(ts, f.last, f.spacing)
}

func (f *feed) write(path netstack.Topology, v media.VideoFrame, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.brought[path] = brought{now, v.Timestamp, f.brought[path].total + 1}
	switch {
	case f.began && int32(v.Timestamp-f.last) <= 0:
		if now.Sub(f.lastAt) < standing || f.last == v.Timestamp || !f.merging && path != f.main {
			return // shown already, or too late
		}
		f.drain()
		f.show(v, now) // nothing newer comes: the clock was another
	case f.merging && f.began && v.Timestamp-f.last < f.spacing/16:
		f.ledger.excuse(v.Timestamp) // the same instant, from another layer
	case !f.merging:
		if path == f.main {
			f.show(v, now)
		}
	case f.next(v, now) || f.confirmed(path, v.Timestamp):
		f.flush(&v.Timestamp)
		f.show(v, now)
	default:
		f.keep(path, v, now)
	}
	f.catchUp(now)
}

// next reports whether a picture is the one that is to be shown next.
func (f *feed) next(v media.VideoFrame, now time.Time) bool {
	return !f.began || v.Timestamp-f.last <= f.spacing*3/2 || now.Sub(f.lastAt) > standing
}

// confirmed reports whether another path has brought this picture too: then
// nothing lies before it that is still to come.
func (f *feed) confirmed(path netstack.Topology, ts uint32) bool {
	for _, k := range f.kept {
		if k.Timestamp == ts && k.path != path {
			return true
		}
	}
	return false
}

// catchUp shows what was kept and follows, or has waited long enough.
func (f *feed) catchUp(now time.Time) {
	for len(f.kept) > 0 {
		k := f.kept[0]
		if int32(k.Timestamp-f.last) > 0 {
			if !f.next(k.VideoFrame, now) && now.Sub(k.at) < longestWait && len(f.kept) <= mostKept {
				return
			}
			f.show(k.VideoFrame, now)
		}
		f.drop()
	}
}

// flush shows what was kept from before a timestamp, or all.
func (f *feed) flush(before *uint32) {
	for len(f.kept) > 0 && (before == nil || int32(f.kept[0].Timestamp-*before) < 0) {
		if k := f.kept[0]; int32(k.Timestamp-f.last) > 0 {
			f.show(k.VideoFrame, time.Now())
		}
		f.drop()
	}
}

// drain drops all that was kept.
func (f *feed) drain() {
	for len(f.kept) > 0 {
		f.drop()
	}
}

func (f *feed) drop() {
	f.free = append(f.free, f.kept[0].Image)
	f.kept = f.kept[1:]
}

// keep copies a picture: it is the decoder's.
func (f *feed) keep(path netstack.Topology, v media.VideoFrame, now time.Time) {
	i := len(f.kept)
	for i > 0 && int32(f.kept[i-1].Timestamp-v.Timestamp) > 0 {
		i--
	}
	if i > 0 && f.kept[i-1].Timestamp == v.Timestamp {
		return
	}
	var copied *image.YCbCr
	if n := len(f.free); n > 0 {
		copied, f.free = f.free[n-1], f.free[:n-1]
	}
	size := v.Image.Rect.Size()
	copied = codec.Fit(copied, size.X, size.Y)
	if codec.CopyI420(copied, v.Image) != nil {
		return
	}
	v.Image = copied
	f.kept = append(f.kept, keptPicture{})
	copy(f.kept[i+1:], f.kept[i:])
	f.kept[i] = keptPicture{v, now, path}
}

func (f *feed) show(v media.VideoFrame, now time.Time) {
	if d := v.Timestamp - f.last; f.began && d < 3*f.spacing {
		f.spacing = uint32(int32(f.spacing) + (int32(max(d, f.spacing/2))-int32(f.spacing))/8)
	}
	f.began, f.last, f.lastAt = true, v.Timestamp, now
	f.ledger.show(v.Timestamp)
	f.view.WriteVideo(v)
}
