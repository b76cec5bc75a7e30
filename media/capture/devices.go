package capture

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pion/mediadevices/pkg/driver"
)

// Options says how to look for devices.
type Options struct {
	// Interval is how often to look at what is plugged in; 0 means every second.
	Interval time.Duration
	// Synthetic offers the synthetic devices also while there are real ones.
	Synthetic bool
	// NoHardware leaves alone the microphones of this computer, so that no
	// sound system is spoken to. For tests and the demo.
	NoHardware bool
	// Logger may be nil.
	Logger *slog.Logger
}

// Devices knows the cameras and microphones of this computer. Its methods may
// be called from any goroutine.
type Devices struct {
	opts   Options
	log    *slog.Logger
	sound  *soundSystem // nil with NoHardware
	cancel context.CancelFunc
	wg     sync.WaitGroup

	looking sync.Mutex // one look at a time
	cameras cameraList

	mu        sync.Mutex
	list      []Device
	listeners map[chan<- struct{}]bool
	looked    chan struct{} // closed after the first look
	open      map[openDevice]bool
}

// openDevice is a Camera or a Microphone.
type openDevice interface {
	Device() Device
	lose() // the device is gone: reading ends with ErrLost
}

// New starts looking at what there is and goes on until Close. It does not wait
// for the first look; opening a device does.
func New(o Options) *Devices {
	if o.Interval <= 0 {
		o.Interval = time.Second
	}
	d := &Devices{
		opts:      o,
		log:       o.Logger,
		listeners: map[chan<- struct{}]bool{},
		looked:    make(chan struct{}),
		open:      map[openDevice]bool{},
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	if !o.NoHardware {
		d.sound = &soundSystem{log: d.log}
	}
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel = cancel
	d.wg.Add(1)
	go d.watch(ctx)
	return d
}

// Close stops looking. Devices that are open stay open; close them first.
func (d *Devices) Close() {
	d.cancel()
	d.wg.Wait()
	if d.sound != nil {
		d.sound.close()
	}
}

// List returns the newest look: cameras before microphones, the default first,
// then by name, synthetic ones last. A kind without a real device has its
// synthetic ones, to be offered. It does not block.
func (d *Devices) List() []Device {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.list)
}

// Ready is closed once List has seen a first look.
func (d *Devices) Ready() <-chan struct{} { return d.looked }

// Notify makes d signal ch, without blocking, whenever List has changed, until
// stop is called.
func (d *Devices) Notify(ch chan<- struct{}) (stop func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.listeners[ch] = true
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.listeners, ch)
	}
}

// Refresh looks now. It blocks for as long as the system takes to list its
// devices: milliseconds, or longer while a sound server starts.
func (d *Devices) Refresh() {
	d.looking.Lock()
	defer d.looking.Unlock()
	list := d.cameras.look()
	list = append(list, foreignMicrophones()...)
	if d.sound != nil {
		list = append(list, d.sound.list()...)
	}
	list = arrange(list, d.opts.Synthetic)
	d.publish(list)
	for _, o := range d.missing(list) {
		o.lose()
	}
}

// missing returns the open devices that are not on the list. Not every driver
// notices that its device was pulled out.
func (d *Devices) missing(list []Device) []openDevice {
	d.mu.Lock()
	defer d.mu.Unlock()
	var gone []openDevice
	for o := range d.open {
		id := o.Device().ID
		if !o.Device().Synthetic && !slices.ContainsFunc(list, func(l Device) bool { return l.ID == id }) {
			gone = append(gone, o)
		}
	}
	return gone
}

// opened keeps an eye on o until forget.
func (d *Devices) opened(o openDevice) (forget func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open[o] = true
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.open, o)
	}
}

func (d *Devices) publish(list []Device) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if slices.Equal(list, d.list) {
		return
	}
	d.list = list
	for ch := range d.listeners {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}

func (d *Devices) watch(ctx context.Context) {
	defer d.wg.Done()
	tick := time.NewTicker(d.opts.Interval)
	defer tick.Stop()
	d.Refresh()
	close(d.looked)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			d.Refresh()
		}
	}
}

// find returns the device with this ID, or the default one for "".
func (d *Devices) find(k Kind, id string) (Device, bool) {
	if dev, ok := Synthetic(k, id); ok {
		return dev, true
	}
	<-d.looked
	for _, dev := range d.List() {
		if dev.Kind == k && (dev.ID == id || id == "" && dev.Default) {
			return dev, true
		}
	}
	return Device{}, false
}

// arrange puts the devices found in order, drops doubles, makes sure that each
// kind with a real device has exactly one default, and adds the synthetic ones.
func arrange(found []Device, offer bool) []Device {
	var list []Device
	for _, k := range []Kind{Cameras, Microphones} {
		seen := map[string]bool{}
		var own []Device
		for _, dev := range found {
			if dev.Kind == k && !seen[dev.ID] {
				seen[dev.ID] = true
				own = append(own, dev)
			}
		}
		slices.SortFunc(own, func(a, b Device) int {
			if a.Default != b.Default {
				return map[bool]int{true: -1, false: 1}[a.Default]
			}
			return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
		})
		for i := range own {
			own[i].Default = i == 0
		}
		distinguish(own)
		if len(own) == 0 || offer {
			own = append(own, offers(k))
		}
		list = append(list, own...)
	}
	return list
}

// distinguish numbers devices that have the same name.
func distinguish(list []Device) {
	count := map[string]int{}
	for i, dev := range list {
		count[dev.Name]++
		if n := count[dev.Name]; n > 1 {
			list[i].Name += fmt.Sprintf(" (%d)", n)
		}
	}
}

// registry serialises what touches mediadevices' list of drivers as a whole.
// The list belongs to the process, and so does this lock.
var registry sync.Mutex

// ownLabel begins the labels of the drivers this package registers. They are
// registered for as long as they are open, each for the one who opens it.
const ownLabel = "candid:"

// foreign returns the registered drivers of a type that are not our own.
func foreign(t driver.DeviceType) []driver.Driver {
	return driver.GetManager().Query(func(d driver.Driver) bool {
		return d.Info().DeviceType == t && !strings.HasPrefix(d.Info().Label, ownLabel)
	})
}
