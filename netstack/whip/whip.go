// Package whip lets other tools into a room by HTTP: WHIP publishers (RFC 9725)
// such as OBS, and WHEP viewers (draft-ietf-wish-whep) such as a web page.
//
//	POST   /whip/ROOM[?name=NAME]  publish: the body is an offer; 201, the answer and a Location
//	POST   /whep/ROOM              watch: the same
//	DELETE Location                end
//	PATCH  Location                trickled candidates: taken, and not needed
//
// All of them want "Authorization: Bearer TOKEN". The host is an ICE lite agent
// whose addresses are in the answer, so it needs no candidates of the client;
// ICE is not restarted: a client that has lost its way begins anew.
//
// A publisher is a member of the room with a camera and a mic, one of each, that
// gets nothing. A viewer has one section for a picture and one for sound, since
// nothing can be negotiated later; in them it gets whoever spoke last and has a
// picture, at first who came first, in the codec that they send.
package whip

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"unicode"

	"candid/netstack"
	"candid/netstack/loop"
	"candid/netstack/sfu"
)

// Limits, before anything is read.
const (
	maxOffer    = 64 << 10
	maxFragment = 16 << 10
	maxToken    = 512
	maxName     = 40 // runes
)

// DefaultSessions is how many publishers and viewers there may be in all.
const DefaultSessions = 64

// Config says what a Handler needs.
type Config struct {
	// Open finds the room of a name for one who shows a token, to publish or to
	// watch. Where it says no, nobody learns whether there is such a room.
	Open func(room, token string, publish bool) (*sfu.Room, bool)
	// Joined and Left tell of publishers, who they are in the SFU's room and what
	// they call themselves, cleaned. Both may be nil, and must not block.
	Joined func(room string, id netstack.PeerID, name string)
	Left   func(room string, id netstack.PeerID)
	// Dark says whose camera is off: viewers are not left with their darkness
	// while others are to be seen. It is asked when somebody begins to watch, and
	// after Changed. Nil: nobody's.
	Dark     func(room string) []netstack.PeerID
	Sessions int          // 0: DefaultSessions
	Logger   *slog.Logger // nil: slog.Default
}

// Handler is the endpoint. Close must be called.
type Handler struct {
	cfg  Config
	log  *slog.Logger
	mux  *http.ServeMux
	loop *loop.Loop

	// What follows belongs to the loop.
	sessions map[string]*session // by the last part of their address
	stages   map[*sfu.Room]*stage
}

// session is one publisher or viewer.
type session struct {
	key     string
	id      netstack.PeerID
	room    *sfu.Room
	name    string // of the room
	publish bool
	ufrag   string // the client's
}

// New makes a Handler; it is to be served at the root, or under a prefix by
// http.StripPrefix.
func New(cfg Config) (*Handler, error) {
	if cfg.Open == nil {
		return nil, errors.New("starting WHIP: nobody says which rooms there are")
	}
	if cfg.Sessions == 0 {
		cfg.Sessions = DefaultSessions
	}
	h := &Handler{cfg: cfg, log: cfg.Logger, mux: http.NewServeMux(), loop: loop.New(context.Background()),
		sessions: map[string]*session{}, stages: map[*sfu.Room]*stage{}}
	if h.log == nil {
		h.log = slog.Default()
	}
	for what, publish := range map[string]bool{"whip": true, "whep": false} {
		h.mux.HandleFunc("/"+what+"/{room}", func(w http.ResponseWriter, r *http.Request) { h.endpoint(w, r, publish) })
		h.mux.HandleFunc("/"+what+"/{room}/{session}", func(w http.ResponseWriter, r *http.Request) { h.resource(w, r, publish) })
	}
	return h, nil
}

// ServeHTTP serves one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	// Tokens are not cookies: any web page that has one may use it.
	head.Set("Access-Control-Allow-Origin", "*")
	head.Set("Access-Control-Expose-Headers", "Location, ETag, Accept-Patch")
	h.mux.ServeHTTP(w, r)
}

// Close ends all sessions. It does not close rooms.
func (h *Handler) Close() error {
	_ = h.loop.Do(func() { // an error means closed
		for _, s := range h.sessions {
			h.end(s)
		}
	})
	h.loop.Close()
	return nil
}

// CloseRoom ends the sessions of a room that is about to be closed.
func (h *Handler) CloseRoom(room *sfu.Room) {
	_ = h.loop.Do(func() {
		for _, s := range h.sessions {
			if s.room == room {
				h.end(s)
			}
		}
	})
}

// options answers what may be done (RFC 9725 section 4.2), also to browsers that
// ask before they do it.
func options(w http.ResponseWriter, methods string) {
	head := w.Header()
	head.Set("Access-Control-Allow-Methods", methods)
	head.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match")
	head.Set("Access-Control-Max-Age", "600") // seconds, so that a page asks once
	head.Set("Allow", methods)
	w.WriteHeader(http.StatusNoContent)
}

// open checks the token; it has answered if it returns nil.
func (h *Handler) open(w http.ResponseWriter, r *http.Request, publish bool) *sfu.Room {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if token = strings.TrimSpace(token); strings.EqualFold(scheme, "bearer") && token != "" && len(token) <= maxToken {
		if room, ok := h.cfg.Open(r.PathValue("room"), token, publish); ok {
			return room
		}
	}
	w.Header().Set("WWW-Authenticate", "Bearer")
	http.Error(w, "this room is not open to you", http.StatusUnauthorized)
	return nil
}

// body reads a body of a type; it has answered if it returns false.
func body(w http.ResponseWriter, r *http.Request, want string, limit int64) (string, bool) {
	if typ, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || typ != want {
		w.Header().Set("Accept-Post", want)
		http.Error(w, "the body must be "+want, http.StatusUnsupportedMediaType)
		return "", false
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		http.Error(w, "the body is too large", http.StatusRequestEntityTooLarge)
	case err != nil:
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
	}
	return string(b), err == nil
}

func (h *Handler) endpoint(w http.ResponseWriter, r *http.Request, publish bool) {
	const methods = "POST, OPTIONS"
	switch r.Method {
	case http.MethodOptions:
		w.Header().Set("Accept-Post", "application/sdp")
		options(w, methods)
		return
	case http.MethodPost:
	default:
		w.Header().Set("Allow", methods)
		http.Error(w, "offers are sent by POST", http.StatusMethodNotAllowed)
		return
	}
	room := h.open(w, r, publish)
	if room == nil {
		return
	}
	offer, ok := body(w, r, "application/sdp", maxOffer)
	if !ok {
		return
	}
	s := &session{key: rand.Text(), room: room, name: r.PathValue("room"), publish: publish, ufrag: attribute(offer, "ice-ufrag")}
	answer, err := h.admit(s, offer, clean(r.URL.Query().Get("name")))
	switch {
	case errors.Is(err, errFull):
		w.Header().Set("Retry-After", "30")
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	case errors.Is(err, sfu.ErrOffer):
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
	case err != nil:
		h.log.Debug("guest not let in", "cause", err)
		w.Header().Set("Retry-After", "5")
		http.Error(w, "the room takes nobody in now", http.StatusServiceUnavailable)
	default:
		path, _, _ := strings.Cut(r.RequestURI, "?")
		head := w.Header()
		head.Set("Content-Type", "application/sdp")
		head.Set("Location", strings.TrimSuffix(path, "/")+"/"+s.key)
		head.Set("ETag", s.tag())
		head.Set("Accept-Patch", "application/trickle-ice-sdpfrag")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, answer)
	}
}

func (h *Handler) resource(w http.ResponseWriter, r *http.Request, publish bool) {
	const methods = "DELETE, PATCH, OPTIONS"
	switch r.Method {
	case http.MethodOptions:
		w.Header().Set("Accept-Patch", "application/trickle-ice-sdpfrag")
		options(w, methods)
		return
	case http.MethodDelete, http.MethodPatch:
	default:
		w.Header().Set("Allow", methods)
		http.Error(w, "a session can be ended by DELETE", http.StatusMethodNotAllowed)
		return
	}
	room := h.open(w, r, publish)
	if room == nil {
		return
	}
	var s *session
	_ = h.loop.Do(func() {
		if o := h.sessions[r.PathValue("session")]; o != nil && o.room == room && o.publish == publish {
			s = o
			if r.Method == http.MethodDelete {
				h.end(o)
			}
		}
	})
	switch {
	case s == nil:
		http.Error(w, "there is no such session", http.StatusNotFound)
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusOK)
	default:
		s.patch(w, r)
	}
}

// tag names the ICE session, which never changes.
func (s *session) tag() string { return `"` + s.key[:8] + `"` }

// patch takes trickled candidates, which we do not need, and refuses ICE
// restarts (RFC 9725 section 4.3).
func (s *session) patch(w http.ResponseWriter, r *http.Request) {
	fragment, ok := body(w, r, "application/trickle-ice-sdpfrag", maxFragment)
	if !ok {
		return
	}
	match := r.Header.Get("If-Match")
	if ufrag := attribute(fragment, "ice-ufrag"); match == "*" || match == `"*"` || ufrag != "" && ufrag != s.ufrag {
		http.Error(w, "ICE is not restarted here: begin a new session", http.StatusUnprocessableEntity)
		return
	}
	if match != "" && match != s.tag() {
		http.Error(w, "this is not the session's ICE", http.StatusPreconditionFailed)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// attribute finds the value of an SDP attribute.
func attribute(sdp, name string) string {
	for line := range strings.Lines(sdp) {
		if v, ok := strings.CutPrefix(line, "a="+name+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// clean makes a name fit to be shown.
func clean(name string) string {
	name = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, name)), " ")
	if r := []rune(name); len(r) > maxName {
		name = string(r[:maxName])
	}
	if name == "" {
		name = "Guest picture"
	}
	return name
}
