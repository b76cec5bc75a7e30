package peer

import (
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/pion/stun/v3"
	"github.com/pion/webrtc/v4"
)

// checkServers parses every URL, so that a bad one is known before a
// connection is made, and leaves out turn: over TCP where the same port also
// speaks TLS: pion hands our dialer only host and port, so one port cannot be
// both, and the one in clear has nothing to offer.
func checkServers(servers []webrtc.ICEServer) ([]webrtc.ICEServer, error) {
	tls := tlsPorts(servers)
	out := make([]webrtc.ICEServer, 0, len(servers))
	for _, s := range servers {
		s.URLs = slices.Clone(s.URLs)
		for _, u := range s.URLs {
			uri, err := stun.ParseURI(u)
			if err != nil {
				return nil, fmt.Errorf("ICE server %q: %w", u, err)
			}
			if uri.Port < 1 || uri.Port > 65535 {
				return nil, fmt.Errorf("ICE server %q: there is no port %d", u, uri.Port)
			}
			turn := uri.Scheme == stun.SchemeTypeTURN || uri.Scheme == stun.SchemeTypeTURNS
			if password, _ := s.Credential.(string); turn && (s.Username == "" || password == "") {
				return nil, fmt.Errorf("ICE server %q: a TURN server needs a user name and a password", u)
			}
		}
		s.URLs = slices.DeleteFunc(s.URLs, func(u string) bool {
			uri, _ := stun.ParseURI(u)
			return uri.Scheme == stun.SchemeTypeTURN && uri.Proto == stun.ProtoTypeTCP && tls[hostPort(uri)]
		})
		if len(s.URLs) > 0 {
			out = append(out, s)
		}
	}
	return out, nil
}

// tlsPorts returns host:port of the servers that speak TLS over TCP.
func tlsPorts(servers []webrtc.ICEServer) map[string]bool {
	out := map[string]bool{}
	for _, s := range servers {
		for _, u := range s.URLs {
			if uri, err := stun.ParseURI(u); err == nil && uri.Scheme == stun.SchemeTypeTURNS && uri.Proto == stun.ProtoTypeTCP {
				out[hostPort(uri)] = true
			}
		}
	}
	return out
}

func hostPort(u *stun.URI) string { return net.JoinHostPort(u.Host, strconv.Itoa(u.Port)) }

// serverURL says which URL a candidate came from, if that is certain: pion
// does not tell. URLs of one host and port are one server.
func serverURL(servers []webrtc.ICEServer, typ webrtc.ICECandidateType, relayProtocol string) string {
	found, at := "", ""
	for _, s := range servers {
		for _, u := range s.URLs {
			uri, err := stun.ParseURI(u)
			if err != nil || !gives(uri, typ, relayProtocol) {
				continue
			}
			if found != "" && at != hostPort(uri) {
				return ""
			}
			if found == "" {
				found, at = u, hostPort(uri)
			}
		}
	}
	return found
}

func gives(uri *stun.URI, typ webrtc.ICECandidateType, relayProtocol string) bool {
	if typ == webrtc.ICECandidateTypeSrflx { // TURN servers are STUN servers too
		return uri.Scheme == stun.SchemeTypeSTUN || uri.Scheme == stun.SchemeTypeTURN && uri.Proto == stun.ProtoTypeUDP
	}
	if typ != webrtc.ICECandidateTypeRelay {
		return false
	}
	switch relayProtocol {
	case "udp":
		return uri.Scheme == stun.SchemeTypeTURN && uri.Proto == stun.ProtoTypeUDP
	case "tcp":
		return uri.Scheme == stun.SchemeTypeTURN && uri.Proto == stun.ProtoTypeTCP
	case "tls":
		return uri.Scheme == stun.SchemeTypeTURNS && uri.Proto == stun.ProtoTypeTCP
	case "dtls":
		return uri.Scheme == stun.SchemeTypeTURNS && uri.Proto == stun.ProtoTypeUDP
	}
	return false
}

// withoutRelays leaves TURN servers out.
func withoutRelays(all []webrtc.ICEServer) []webrtc.ICEServer {
	var out []webrtc.ICEServer
	for _, s := range all {
		var urls []string
		for _, u := range s.URLs {
			if uri, err := stun.ParseURI(u); err == nil && (uri.Scheme == stun.SchemeTypeSTUN || uri.Scheme == stun.SchemeTypeSTUNS) {
				urls = append(urls, u)
			}
		}
		if len(urls) > 0 {
			s.URLs = urls
			out = append(out, s)
		}
	}
	return out
}
