package ui

// Words that are used in several places; sentences stand where they are shown.
const (
	wordYou      = "(you)"
	wordYouAlone = "You"
	wordMuted    = "muted"
	wordSpeaking = "speaking"
	wordUnknown  = "unknown"
	wordUnproven = "not measured"
)
