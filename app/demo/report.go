// Package demo lets real Candids call each other on one computer and measures
// the call: a host, two processes with drawn picture and test tone, in a
// virtual display where there is no other.
package demo

import (
	"slices"
	"time"

	"candid/media/scene"
	"candid/netstack"
)

// Report is what a demo leaves as report.json. Every figure is measured; what
// was not is null. The figures at the top are the worse of the two processes
// with a window; Processes has each.
type Report struct {
	Version   string    `json:"version"`
	At        time.Time `json:"at"`
	Seconds   float64   `json:"seconds"` // measured, after the call had settled
	Display   string    `json:"display"`
	Picture   string    `json:"picture"` // size and rate of what was sent
	Processor string    `json:"processor"`
	Figures
	Processes []Process `json:"processes"`
	// Windowless are two more processes, which do all but draw: what the call
	// itself costs, apart from a display without a graphics card.
	Windowless []Process `json:"windowless"`
	// PathChanges are those of a walk, of everyone who took part.
	PathChanges []PathChange `json:"path_changes"`
}

// Figures are those of one process, or the worse of several.
type Figures struct {
	JoinToFirstFrame netstack.Opt[float64] `json:"join_to_first_frame_ms"`
	GlassToGlass     Spread                `json:"glass_to_glass_ms"`
	Frames           Frames                `json:"frames"`
	Audio            Audio                 `json:"audio"`
	LipSync          netstack.Opt[float64] `json:"lipsync_ms"` // sound later than picture
	SelectedPair     Pair                  `json:"selected_pair"`
	Path             string                `json:"path"`
	Badge            string                `json:"badge"`
	Why              string                `json:"why"`
	CPU              netstack.Opt[float64] `json:"cpu_seconds_per_minute"`
	RSS              netstack.Opt[float64] `json:"rss_mb"`
	PSS              netstack.Opt[float64] `json:"pss_mb"`
}

// Process is one Candid.
type Process struct {
	Name string `json:"name"`
	Figures
	// OfferToFirstFrame is from when the other member was known to the first
	// picture: what a browser's createOffer to first frame is.
	OfferToFirstFrame netstack.Opt[float64] `json:"offer_to_first_frame_ms"`
	// OfferToFirstPacket ends at the first packet instead.
	OfferToFirstPacket netstack.Opt[float64] `json:"offer_to_first_packet_ms"`
	LongestFreeze      netstack.Opt[float64] `json:"longest_freeze_ms"`
	Shown              Shown                 `json:"panel"`
	Goroutines         int                   `json:"goroutines"`
	Screenshot         string                `json:"screenshot,omitempty"`
}

// Spread is a distribution in ms.
type Spread struct {
	P50   netstack.Opt[float64] `json:"p50"`
	P95   netstack.Opt[float64] `json:"p95"`
	Count int                   `json:"count"`
}

// Frames count pictures, from the first to the last one decoded here: those the
// other side sent, those decoded, and those handed to the toolkit.
type Frames struct {
	Sent    int `json:"sent"`
	Decoded int `json:"decoded"`
	Shown   int `json:"shown"`
}

// Audio is the sound as it reached the speaker.
type Audio struct {
	ToneSNR        netstack.Opt[float64] `json:"tone_snr_db"`
	MouthToEar     netstack.Opt[float64] `json:"mouth_to_ear_ms"`
	ConcealedRatio netstack.Opt[float64] `json:"concealed_ratio"`
}

// Shown is what the panel showed of the line, on average over all its samples.
type Shown struct {
	RTT     netstack.Opt[float64] `json:"rtt_ms"`
	Loss    netstack.Opt[float64] `json:"loss"`    // of what arrives, 0 to 1
	Bitrate netstack.Opt[float64] `json:"bitrate"` // of what arrives, bit/s
}

// Pair is the candidate pair the call ran on.
type Pair struct {
	LocalType  string `json:"local_type"`
	RemoteType string `json:"remote_type"`
	Protocol   string `json:"protocol"`
	// RelayProtocol is that of the way to the relay, where the local candidate
	// is one: udp, tcp or tls.
	RelayProtocol string `json:"relay_protocol,omitempty"`
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func spread(ds []time.Duration) Spread {
	if len(ds) == 0 {
		return Spread{}
	}
	ds = slices.Sorted(slices.Values(ds))
	return Spread{
		P50:   netstack.Some(ms(scene.Quantile(ds, 0.5))),
		P95:   netstack.Some(ms(scene.Quantile(ds, 0.95))),
		Count: len(ds),
	}
}

// Complete names the figures that were not measured though a call on this
// computer gives them all.
func (f Figures) Complete() (missing []string) {
	for name, ok := range map[string]bool{
		"join_to_first_frame_ms": f.JoinToFirstFrame.OK, "glass_to_glass_ms": f.GlassToGlass.P95.OK,
		"frames":      f.Frames.Sent > 0 && f.Frames.Decoded > 0 && f.Frames.Shown > 0,
		"tone_snr_db": f.Audio.ToneSNR.OK, "mouth_to_ear_ms": f.Audio.MouthToEar.OK,
		"concealed_ratio": f.Audio.ConcealedRatio.OK, "lipsync_ms": f.LipSync.OK,
		"selected_pair": f.SelectedPair.LocalType != "", "path": f.Path != "",
	} {
		if !ok {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	return missing
}

// worst takes of each figure the one further from the ideal.
func worst(ps []Process) (w Figures) {
	for i, p := range ps {
		if i == 0 {
			w = p.Figures
			continue
		}
		w.JoinToFirstFrame = higher(w.JoinToFirstFrame, p.JoinToFirstFrame)
		if p.GlassToGlass.P95.Value > w.GlassToGlass.P95.Value {
			w.GlassToGlass = p.GlassToGlass
		}
		if p.Frames.lost() > w.Frames.lost() {
			w.Frames = p.Frames
		}
		if p.Audio.ToneSNR.Value < w.Audio.ToneSNR.Value {
			w.Audio.ToneSNR = p.Audio.ToneSNR
		}
		w.Audio.MouthToEar = higher(w.Audio.MouthToEar, p.Audio.MouthToEar)
		w.Audio.ConcealedRatio = higher(w.Audio.ConcealedRatio, p.Audio.ConcealedRatio)
		if max(p.LipSync.Value, -p.LipSync.Value) > max(w.LipSync.Value, -w.LipSync.Value) {
			w.LipSync = p.LipSync
		}
		w.CPU, w.RSS, w.PSS = higher(w.CPU, p.CPU), higher(w.RSS, p.RSS), higher(w.PSS, p.PSS)
	}
	return w
}

// lost is the share of frames sent that were not shown.
func (f Frames) lost() float64 {
	if f.Sent == 0 {
		return 1
	}
	return 1 - float64(f.Shown)/float64(f.Sent)
}

// higher returns the larger; unknown is the largest of all.
func higher(a, b netstack.Opt[float64]) netstack.Opt[float64] {
	if !a.OK || b.OK && a.Value >= b.Value {
		return a
	}
	return b
}
