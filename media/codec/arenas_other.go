//go:build !linux

package codec

// FewArenas does nothing: only glibc makes a heap for each thread.
func FewArenas() {}
