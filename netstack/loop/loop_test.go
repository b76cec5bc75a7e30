package loop_test

import (
	"context"
	"errors"
	"testing"

	"candid/netstack/loop"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOrder(t *testing.T) {
	l := loop.New(context.Background())
	var got []int
	for i := range 100 {
		if err := l.Post(func() { got = append(got, i) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Do(func() {}); err != nil {
		t.Fatal(err)
	}
	l.Close()
	for i, v := range got {
		if v != i {
			t.Fatalf("task %d ran at place %d", v, i)
		}
	}
	if len(got) != 100 {
		t.Fatalf("%d tasks ran, want 100", len(got))
	}
}

func TestPostFromLoop(t *testing.T) {
	l := loop.New(context.Background())
	defer l.Close()
	done := make(chan struct{})
	err := l.Post(func() {
		for range 1000 { // more than any buffer: a task may always post
			_ = l.Post(func() {})
		}
		_ = l.Post(func() { close(done) })
	})
	if err != nil {
		t.Fatal(err)
	}
	<-done
}

func TestClose(t *testing.T) {
	l := loop.New(context.Background())
	stopped := false
	l.Go(func(ctx context.Context) { <-ctx.Done(); stopped = true })
	l.Close()
	if !stopped {
		t.Error("Close did not wait for what Go started")
	}
	if err := l.Post(func() {}); !errors.Is(err, loop.ErrClosed) {
		t.Errorf("Post after Close: %v, want ErrClosed", err)
	}
	if err := l.Do(func() {}); !errors.Is(err, loop.ErrClosed) {
		t.Errorf("Do after Close: %v, want ErrClosed", err)
	}
}
