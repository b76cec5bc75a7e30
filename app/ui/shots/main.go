// Command shots draws the screenshots of the README, without a display.
package main

import (
	"flag"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"

	"fyne.io/fyne/v2"
)

func main() {
	out := flag.String("out", "shots", "folder for the pictures")
	only := flag.String("only", "", "draw only those whose name contains this")
	all := flag.Bool("all", false, "draw all situations, not only those of the README")
	flag.Parse()
	if err := run(*out, *only, *all); err != nil {
		fmt.Fprintln(os.Stderr, "shots:", err)
		os.Exit(1)
	}
}

func run(out, only string, all bool) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	for _, look := range []string{"dark", "light"} {
		for _, s := range shots {
			name := s.name + "-" + look + ".png"
			if !strings.Contains(name, only) || !all && only == "" && !s.readme {
				continue
			}
			if err := save(filepath.Join(out, name), s, look); err != nil {
				return fmt.Errorf("draw %s: %w", name, err)
			}
		}
	}
	return nil
}

func save(file string, s shot, look string) error {
	size := s.size
	if size.IsZero() {
		size = fyne.NewSize(1280, 800)
	}
	img, err := draw(s, look, size)
	if err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(f, img)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
