package lan

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"candid/netstack/invite"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	service = "_candid._tcp.local."
	// flush marks records that only one machine has (RFC 6762 section 10.2).
	flush = dnsmessage.Class(1 << 15)
	// maxRecords of a message are looked at.
	maxRecords = 64
)

// instance is the DNS name of a room: readable, and no other's. Dots cannot be
// told from those between labels by the library, and are left out.
func instance(r Room) string {
	clean := strings.Map(func(c rune) rune {
		if c == '.' || c == '\\' {
			return ' '
		}
		return c
	}, r.Name)
	const most = 63 - 9
	for len(clean) > most {
		_, size := utf8.DecodeLastRuneInString(clean)
		clean = clean[:len(clean)-size]
	}
	sum := sha256.Sum256(append([]byte(r.Name), r.Pin[:]...))
	return clean + " " + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:5])) + "." + service
}

func hostName(p invite.Pin) string { return fmt.Sprintf("candid-%x.local.", p[:6]) }

// question asks for all rooms.
func question() ([]byte, error) {
	name, err := dnsmessage.NewName(service)
	if err != nil {
		return nil, err
	}
	m := dnsmessage.Message{Questions: []dnsmessage.Question{{Name: name, Type: dnsmessage.TypePTR, Class: dnsmessage.ClassINET}}}
	return m.Pack()
}

// announcement tells of one room, for as long as life; 0 says goodbye.
func announcement(r Room, addresses []netip.Addr, life time.Duration) ([]byte, error) {
	svc, err1 := dnsmessage.NewName(service)
	inst, err2 := dnsmessage.NewName(instance(r))
	host, err3 := dnsmessage.NewName(hostName(r.Pin))
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	seconds := uint32(life / time.Second)
	own := func(n dnsmessage.Name) dnsmessage.ResourceHeader {
		return dnsmessage.ResourceHeader{Name: n, Class: dnsmessage.ClassINET | flush, TTL: seconds}
	}
	m := dnsmessage.Message{
		Header: dnsmessage.Header{Response: true, Authoritative: true},
		Answers: []dnsmessage.Resource{
			{Header: dnsmessage.ResourceHeader{Name: svc, Class: dnsmessage.ClassINET, TTL: seconds}, Body: &dnsmessage.PTRResource{PTR: inst}},
			{Header: own(inst), Body: &dnsmessage.SRVResource{Port: r.Port, Target: host}},
			{Header: own(inst), Body: &dnsmessage.TXTResource{TXT: []string{"v=1", "room=" + r.Name, "pin=" + r.Pin.String()}}},
		},
	}
	for _, a := range addresses[:min(len(addresses), maxAddresses)] {
		var body dnsmessage.ResourceBody = &dnsmessage.AAAAResource{AAAA: a.As16()}
		if a.Is4() {
			body = &dnsmessage.AResource{A: a.As4()}
		}
		m.Additionals = append(m.Additionals, dnsmessage.Resource{Header: own(host), Body: body})
	}
	return m.Pack()
}

// heard is what a message says: that somebody asks for rooms, or of rooms.
type heard struct {
	asked bool
	rooms []heardRoom
}

type heardRoom struct {
	Room
	life time.Duration // 0: goodbye
}

var errNotOurs = errors.New("nothing of ours")

// parse reads a message. Whatever is not of our service is skipped.
func parse(p []byte) (h heard, err error) {
	var d dnsmessage.Parser
	head, err := d.Start(p)
	if err != nil {
		return h, fmt.Errorf("read a DNS message: %w", err)
	}
	if !head.Response {
		for range maxRecords {
			q, err := d.Question()
			if err != nil {
				break
			}
			if (q.Type == dnsmessage.TypePTR || q.Type == dnsmessage.TypeALL) && strings.EqualFold(q.Name.String(), service) {
				h.asked = true
				return h, nil
			}
		}
		return h, errNotOurs
	}
	if err := d.SkipAllQuestions(); err != nil {
		return h, fmt.Errorf("read a DNS message: %w", err)
	}
	return parseAnswers(&d)
}

// records are those of one message, by name in lower case.
type records struct {
	srv   map[string]dnsmessage.SRVResource
	txt   map[string][]string
	life  map[string]time.Duration // the shortest
	addrs map[string][]netip.Addr
}

func parseAnswers(d *dnsmessage.Parser) (h heard, err error) {
	r := records{make(map[string]dnsmessage.SRVResource), make(map[string][]string), make(map[string]time.Duration), make(map[string][]netip.Addr)}
	left := maxRecords
	for left > 0 && r.take(d, d.AnswerHeader, d.SkipAnswer) == nil {
		left--
	}
	if err := d.SkipAllAnswers(); err != nil {
		return h, fmt.Errorf("read a DNS message: %w", err)
	}
	if err := d.SkipAllAuthorities(); err != nil {
		return h, fmt.Errorf("read a DNS message: %w", err)
	}
	for left > 0 && r.take(d, d.AdditionalHeader, d.SkipAdditional) == nil {
		left--
	}
	for name, srv := range r.srv {
		if room, ok := r.room(name, srv); ok {
			h.rooms = append(h.rooms, room)
		}
	}
	slices.SortFunc(h.rooms, func(a, b heardRoom) int { return strings.Compare(a.Name, b.Name) })
	if len(h.rooms) == 0 {
		return h, errNotOurs
	}
	return h, nil
}

// take reads the next record.
func (r records) take(d *dnsmessage.Parser, header func() (dnsmessage.ResourceHeader, error), skip func() error) error {
	h, err := header()
	if err != nil {
		return err
	}
	name := strings.ToLower(h.Name.String())
	ours := strings.HasSuffix(name, "."+service)
	switch {
	case h.Type == dnsmessage.TypeSRV && ours:
		v, err := d.SRVResource()
		if err != nil {
			return err
		}
		r.srv[name] = v
		life := min(time.Duration(h.TTL)*time.Second, longest)
		if old, ok := r.life[name]; !ok || life < old {
			r.life[name] = life
		}
	case h.Type == dnsmessage.TypeTXT && ours:
		v, err := d.TXTResource()
		if err != nil {
			return err
		}
		r.txt[name] = v.TXT
	case h.Type == dnsmessage.TypeA:
		v, err := d.AResource()
		if err != nil {
			return err
		}
		r.addrs[name] = append(r.addrs[name], netip.AddrFrom4(v.A))
	case h.Type == dnsmessage.TypeAAAA:
		v, err := d.AAAAResource()
		if err != nil {
			return err
		}
		r.addrs[name] = append(r.addrs[name], netip.AddrFrom16(v.AAAA).Unmap())
	default:
		return skip()
	}
	return nil
}

// room makes a room of its records, if they are all there and right.
func (r records) room(name string, srv dnsmessage.SRVResource) (out heardRoom, ok bool) {
	out.Port, out.life = srv.Port, r.life[name]
	hasPin := false
	for _, kv := range r.txt[name] {
		key, value, _ := strings.Cut(kv, "=")
		switch key {
		case "v":
			ok = value == "1"
		case "room":
			out.Name = value
		case "pin":
			b, err := base64.RawURLEncoding.Strict().DecodeString(value)
			hasPin = err == nil && copy(out.Pin[:], b) == len(out.Pin) && len(b) == len(out.Pin)
		}
	}
	for _, a := range r.addrs[strings.ToLower(srv.Target.String())] {
		if a.IsGlobalUnicast() && !slices.Contains(out.Addresses, a) && len(out.Addresses) < maxAddresses {
			out.Addresses = append(out.Addresses, a)
		}
	}
	slices.SortFunc(out.Addresses, netip.Addr.Compare)
	return out, ok && hasPin && out.Port != 0 && invite.IsRoom(out.Name)
}
