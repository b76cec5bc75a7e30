// Package bandwidth estimates what a line takes, for whoever sends on it. It is
// plain data that one goroutine owns: nothing here starts anything or reads a
// clock; times are nanoseconds the caller passes in.
package bandwidth
