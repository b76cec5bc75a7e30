package x11

/*
#cgo LDFLAGS: -lX11
#include <X11/Xlib.h>
#include <unistd.h>

static int goneFD;

// gone must not return: the library ends the process then, with words of its own.
static int gone(Display *d) {
	char b = 0;
	(void)d;
	if (write(goneFD, &b, 1) < 0) _exit(2);
	for (;;) pause();
}

static void whenGone(int fd) {
	goneFD = fd;
	XSetIOErrorHandler(gone);
}
*/
import "C"

import (
	"fmt"
	"os"
)

// WhenGone calls fn, on a goroutine of its own, when the display has died under
// the program: its server was killed, or the connection to it broke. The thread
// that draws never comes back then, so fn has to end the process. It is for the
// program to call once, before a window opens; what it starts lasts as long as
// the process.
func WhenGone(fn func()) error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("watch the display: %w", err)
	}
	C.whenGone(C.int(w.Fd()))
	go func() {
		defer w.Close()
		if _, err := r.Read(make([]byte, 1)); err == nil {
			fn()
		}
	}()
	return nil
}
