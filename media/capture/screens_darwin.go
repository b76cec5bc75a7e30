package capture

import (
	"fmt"

	"candid/media"
)

// errHere: ScreenCaptureKit would give the pictures, after a permission of the
// person; nobody has written it down here yet.
var errHere = fmt.Errorf("on macOS: %w", ErrUnsupported)

func listScreens() ([]Screen, error) { return nil, errHere }

func openScreen(string, float64) (media.VideoSource, string, error) { return nil, "", errHere }
