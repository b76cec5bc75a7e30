package portmap

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds of a router's XML: descriptions in the wild are 2 to 30 KB and 12 deep.
const (
	maxXML   = 256 << 10
	maxDepth = 32
	maxText  = 512
)

var errXML = errors.New("XML beyond all measure")

// walk reads a document and calls leaf for each element that holds text, with
// the names of it and of what it stands in, outermost first; open for each
// element that begins. Names come without their prefix. Go's parser expands no
// entities of the document's own.
func walk(r io.Reader, open func(name string), leaf func(path []string, text string)) error {
	limited := &io.LimitedReader{R: r, N: maxXML}
	d := xml.NewDecoder(limited)
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // what we read is ASCII in all of them
	var path []string
	var text strings.Builder
	for {
		t, err := d.RawToken()
		if err == io.EOF && limited.N > 0 && len(path) == 0 {
			return nil
		}
		if limited.N <= 0 {
			return errXML
		}
		if err != nil {
			return fmt.Errorf("read the router's XML: %w", err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			if len(path) == maxDepth {
				return errXML
			}
			path = append(path, t.Name.Local)
			text.Reset()
			if open != nil {
				open(t.Name.Local)
			}
		case xml.CharData:
			if text.Len()+len(t) <= maxText {
				text.Write(t)
			}
		case xml.EndElement:
			if len(path) == 0 || path[len(path)-1] != t.Name.Local {
				return fmt.Errorf("read the router's XML: %s ends where it did not begin", t.Name.Local)
			}
			if s := strings.TrimSpace(text.String()); s != "" {
				leaf(path, s)
			}
			text.Reset()
			path = path[:len(path)-1]
		}
	}
}
