package codec

// #include <malloc.h>
//
// static void few_arenas(void) {
// #ifdef M_ARENA_MAX
// 	mallopt(M_ARENA_MAX, 2);
// #endif
// }
import "C"

// FewArenas has all threads of the program share two heaps of the C library.
// Encoders and decoders come and go on threads of Go's choosing, and with a
// heap for each thread what they leave behind is held many times over: 490
// against 400 MB after 50 calls. It is to be called before the first of them.
func FewArenas() { C.few_arenas() }
