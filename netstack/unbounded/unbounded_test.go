package unbounded_test

import (
	"testing"

	"candid/netstack/unbounded"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOrderWithoutReader(t *testing.T) {
	c := unbounded.New[int]()
	defer c.Close()
	for i := range 10000 {
		c.Put(i)
	}
	c.Finish()
	c.Put(-1)
	n := 0
	for v := range c.Out() {
		if v != n {
			t.Fatalf("got %d at place %d", v, n)
		}
		n++
	}
	if n != 10000 {
		t.Fatalf("got %d values", n)
	}
}

func TestCloseWithoutReader(t *testing.T) {
	c := unbounded.New[int]()
	c.Put(1)
	c.Close()
	c.Close()
	c.Put(2)
	for range c.Out() {
		t.Log("a value that was on its way may still arrive")
	}
}
