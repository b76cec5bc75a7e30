package capture

import (
	"fmt"

	"github.com/pion/mediadevices/pkg/driver"
)

// enlist registers an adapter of our own with mediadevices, which makes a
// driver of it. The driver is for the one who opens it: two studios of one
// process, as in a test of a call, each have their own. remove takes it off the
// list again.
func enlist(a driver.Adapter, dev Device, t driver.DeviceType) (drv driver.Driver, remove func(), err error) {
	label := fmt.Sprintf("%s%s#%p", ownLabel, dev.ID, a)
	m := driver.GetManager()
	if err := m.Register(a, driver.Info{Label: label, Name: dev.Name, DeviceType: t}); err != nil {
		return nil, nil, fmt.Errorf("register driver: %w", err)
	}
	found := m.Query(func(d driver.Driver) bool { return d.Info().Label == label })
	if len(found) != 1 {
		return nil, nil, fmt.Errorf("register driver: %d drivers with label %q", len(found), label)
	}
	return found[0], func() { m.Delete(found[0].ID()) }, nil
}
