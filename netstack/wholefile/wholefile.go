// Package wholefile replaces small files so that a full disk, or a crash, leaves
// the old one as it was.
package wholefile

import (
	"errors"
	"os"
	"path/filepath"
)

// Replace puts data in the place of a file: others see the old or the new one,
// and nothing between. Only its owner may read it. The folder must exist.
func Replace(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails, as it should, after the rename
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
