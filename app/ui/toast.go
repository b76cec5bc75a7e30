package ui

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// toaster shows notices for a while, newest below.
type toaster struct {
	box   *fyne.Container
	until []time.Time // when each child of box goes
	now   func() time.Time
}

const (
	toastTime    = 5 * time.Second
	badToastTime = 9 * time.Second
	maxToasts    = 4
	toastWidth   = 420
)

func newToaster(now func() time.Time) *toaster {
	return &toaster{box: newColumn(8, toastWidth), now: now}
}

func (t *toaster) add(n notice) {
	col, edge := cDim, cLine
	life := toastTime
	if n.Bad {
		col, edge, life = cBad, cBad, badToastTime
	}
	p := newPlate(cPanel, edge, 12)
	p.shadow = true
	words := newRow(12, newIconWidget(orElse(n.Icon, "info"), col, 18), newPara(n.Text, 13.5, plain, cText))
	t.box.Add(container.New(stack{}, p, padded(words, 12, 16, 12, 16)))
	t.until = append(t.until, t.now().Add(life))
	for len(t.until) > maxToasts {
		t.drop(0)
	}
	t.relayout()
}

func (t *toaster) drop(i int) {
	t.box.Objects = append(t.box.Objects[:i:i], t.box.Objects[i+1:]...)
	t.until = append(t.until[:i:i], t.until[i+1:]...)
}

// expire takes away what has been shown long enough.
func (t *toaster) expire() {
	now, gone := t.now(), false
	for i := len(t.until) - 1; i >= 0; i-- {
		if now.After(t.until[i]) {
			t.drop(i)
			gone = true
		}
	}
	if gone {
		t.relayout()
	}
}

func (t *toaster) any() bool { return len(t.until) > 0 }

// relayout gives the box its new height: nothing else would.
func (t *toaster) relayout() {
	t.box.Resize(fyne.NewSize(t.box.Size().Width, t.box.MinSize().Height))
	t.box.Refresh()
}
