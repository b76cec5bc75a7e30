// Candid is a video-call app that is candid about the line a call runs on.
package main

import (
	"os"

	"candid/app"
)

func main() { os.Exit(app.Main(os.Args[1:])) }
