//go:build headless

package app

import "candid/app/host"

// mixing changes nothing: this build has no codecs to mix with.
func mixing(c host.Config) host.Config { return c }
