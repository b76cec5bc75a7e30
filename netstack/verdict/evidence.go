package verdict

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"candid/netstack"
)

// Evidence is what one side knows of its own network. Each side tells the other
// its own, so that a verdict speaks of both. It names no address. The zero
// Evidence knows nothing.
type Evidence struct {
	UDP  netstack.Opt[bool] `json:"udp"`
	IPv4 netstack.Opt[bool] `json:"ipv4"`
	IPv6 netstack.Opt[bool] `json:"ipv6"`

	NAT       netstack.Opt[bool] `json:"nat"`
	Mapping   string             `json:"natMapping,omitempty"` // as of probe.Behaviour
	Filtering string             `json:"natFiltering,omitempty"`

	PortMapping   netstack.Opt[bool] `json:"portMapping"` // the router opens ports
	CaptivePortal netstack.Opt[bool] `json:"captivePortal"`
	VPN           netstack.Opt[bool] `json:"vpn"`
	Metered       netstack.Opt[bool] `json:"metered"`

	Servers []Answer `json:"servers,omitempty"`
}

// Answer is what came of asking one server.
type Answer struct {
	Kind     string `json:"kind"`                // stun or turn
	Protocol string `json:"protocol"`            // udp, tcp or tls
	Code     int    `json:"errorCode,omitempty"` // as W3C's icecandidateerror; 0: it answered as it should
}

// Bounds of what the other side may tell.
const (
	maxEvidence = 4 << 10
	maxAnswers  = 16
	maxCode     = 999
)

// behaviours are those of RFC 4787, and what is known when not all could be
// asked.
var behaviours = []string{"", "endpoint-independent", "address-dependent", "address-and-port-dependent", "port-independent", "destination-dependent"}

// ReadEvidence reads what the other side told of its network.
func ReadEvidence(body []byte) (e Evidence, err error) {
	if len(body) > maxEvidence {
		return e, fmt.Errorf("reading evidence: %d bytes, at most %d are taken", len(body), maxEvidence)
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return Evidence{}, fmt.Errorf("reading evidence: %w", err)
	}
	if err := e.check(); err != nil {
		return Evidence{}, fmt.Errorf("reading evidence: %w", err)
	}
	return e, nil
}

func (e Evidence) check() error {
	if !slices.Contains(behaviours, e.Mapping) || !slices.Contains(behaviours, e.Filtering) {
		return errors.New("no such behaviour of a NAT")
	}
	if len(e.Servers) > maxAnswers {
		return fmt.Errorf("%d servers, at most %d are taken", len(e.Servers), maxAnswers)
	}
	for _, s := range e.Servers {
		if s.Kind != "stun" && s.Kind != "turn" || !slices.Contains([]string{"udp", "tcp", "tls"}, s.Protocol) || s.Code < 0 || s.Code > maxCode {
			return errors.New("no such server")
		}
	}
	return nil
}

// yes and no are what is known; unknown is neither.
func yes(o netstack.Opt[bool]) bool { return o.OK && o.Value }
func no(o netstack.Opt[bool]) bool  { return o.OK && !o.Value }

// strict reports whether the router gives a new port to every destination.
func (e Evidence) strict() bool {
	return yes(e.NAT) && (e.Mapping == "address-dependent" || e.Mapping == "address-and-port-dependent" || e.Mapping == "destination-dependent")
}

// easy reports whether the router keeps one port for all, or there is none.
func (e Evidence) easy() bool {
	return no(e.NAT) || e.Mapping == "endpoint-independent" || e.Mapping == "port-independent"
}

// picky reports whether the router lets in only what comes from an address and
// port that were sent to.
func (e Evidence) picky() bool { return e.Filtering == "address-and-port-dependent" }

// relayCode is the error of the relay over all its protocols: 0 if it answered
// by one of them or was not asked, else the code that tells most.
func (e Evidence) relayCode() int {
	worst := 0
	for _, s := range e.Servers {
		switch {
		case s.Kind != "turn":
		case s.Code == 0:
			return 0
		case worst == 0 || worst == notReached:
			worst = s.Code
		}
	}
	return worst
}

// notReached is the code of a server that did not answer.
const notReached = 701
