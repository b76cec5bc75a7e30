package playout

import "time"

// VideoStats is how a track is played. Names and meanings are those of W3C
// webrtc-stats (RTCInboundRtpStreamStats) where it has them. Counters count
// from the start of the Video.
type VideoStats struct {
	FramesReceived   uint64 // complete frames
	FramesDecoded    uint64
	KeyFramesDecoded uint64
	// FramesDropped counts frames that came, whole or in part, and were not
	// decoded: not repaired in time, or built on one that was not.
	FramesDropped           uint64
	FrameWidth, FrameHeight int // of the newest picture
	// FramesPerSecond is how many were decoded in the last second.
	FramesPerSecond float64
	// A freeze is a picture that stood for 150 ms longer and at least three
	// times as long as the last 30 on average; a pause one that stood for 5 s.
	// Each is counted when it is over.
	FreezeCount          uint64
	TotalFreezesDuration time.Duration
	PauseCount           uint64
	TotalPausesDuration  time.Duration
	// JitterBufferDelay is summed over frames, from the first packet to when
	// the frame goes to the decoder; JitterBufferEmittedCount is how many.
	JitterBufferDelay        time.Duration
	JitterBufferEmittedCount uint64
	TotalDecodeTime          time.Duration
	PLICount                 uint64    // key frames asked for
	LastFrame                time.Time // when the newest picture was shown; zero if none was
	LatePackets              uint64    // came after they were given up
	RepeatedPackets          uint64
	RefusedPackets           uint64 // made no sense where they came
}

// pauseAfter and the freeze rule are webrtc-stats'.
const (
	pauseAfter     = 5 * time.Second
	freezeExcess   = 150 * time.Millisecond
	averagedFrames = 30
)

// videoStats counts; Video's mu guards it.
type videoStats struct {
	VideoStats
	asked uint64
	lost  uint64 // frames dropped behind the frame buffer

	shownAt  [averagedFrames + 1]time.Time // ring of when pictures were shown
	shownN   int
	decodeAt [128]time.Time // ring of when frames were decoded
	decodeN  int
}

func (s *videoStats) received(b *frameBuffer, delay time.Duration) {
	s.FramesReceived++
	s.JitterBufferDelay += delay
	s.JitterBufferEmittedCount++
	s.dropped(b)
}

func (s *videoStats) dropped(b *frameBuffer) {
	s.LatePackets, s.RepeatedPackets, s.RefusedPackets = b.late, b.repeated, b.refused
	s.FramesDropped = b.dropped + s.lost
}

func (s *videoStats) decoded(key bool, now time.Time, took time.Duration) {
	s.FramesDecoded++
	if key {
		s.KeyFramesDecoded++
	}
	s.TotalDecodeTime += took
	s.decodeAt[s.decodeN%len(s.decodeAt)] = now
	s.decodeN++
}

func (s *videoStats) shown(w, h int, now time.Time) {
	s.FrameWidth, s.FrameHeight = w, h
	if s.shownN > 0 {
		s.stood(now.Sub(s.LastFrame))
	}
	s.LastFrame = now
	s.shownAt[s.shownN%len(s.shownAt)] = now
	s.shownN++
}

// stood counts a freeze or a pause, if the picture before stood for so long.
func (s *videoStats) stood(d time.Duration) {
	if d > pauseAfter {
		s.PauseCount++
		s.TotalPausesDuration += d
		s.shownN = 0 // a new start for the average
		return
	}
	n := min(s.shownN-1, averagedFrames)
	if n < 1 {
		return
	}
	oldest := s.shownAt[(s.shownN-1-n)%len(s.shownAt)]
	average := s.LastFrame.Sub(oldest) / time.Duration(n)
	if d >= max(3*average, average+freezeExcess) {
		s.FreezeCount++
		s.TotalFreezesDuration += d
	}
}

func (s *videoStats) snapshot(now time.Time) VideoStats {
	out := s.VideoStats
	out.PLICount = s.asked
	for i := range min(s.decodeN, len(s.decodeAt)) {
		if at := s.decodeAt[i]; now.Sub(at) < time.Second {
			out.FramesPerSecond++
		}
	}
	return out
}

// Stats returns the newest figures. It does not block.
func (v *Video) Stats() VideoStats {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.stats.dropped(v.buf)
	return v.stats.snapshot(v.cfg.Now())
}
