//go:build !linux && !windows && !darwin

package capture

import (
	"fmt"

	"candid/media"
)

var errHere = fmt.Errorf("here: %w", ErrUnsupported)

func listScreens() ([]Screen, error) { return nil, errHere }

func openScreen(string, float64) (media.VideoSource, string, error) { return nil, "", errHere }
