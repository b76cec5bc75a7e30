package capture

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"candid/media"

	"github.com/pion/mediadevices/pkg/driver"
	"github.com/pion/mediadevices/pkg/io/audio"
	"github.com/pion/mediadevices/pkg/prop"
	"github.com/pion/mediadevices/pkg/wave"
)

// Microphone is an open microphone: a media.AudioSource. It has one reader.
type Microphone struct {
	device Device
	drv    driver.Driver
	remove func()
	forget func()
	reader audio.Reader

	pending []int16 // of a driver whose chunks are not blocks
	at      time.Time
	block   [media.BlockSamples]int16

	closing chan struct{}
	lost    atomic.Bool
	once    sync.Once
	err     error
}

var _ media.AudioSource = (*Microphone)(nil)

// OpenMicrophone opens the microphone with this ID, or the default one for "".
// It blocks while the device starts. The error wraps ErrNotFound, ErrBusy or
// ErrDenied where that is known.
func (d *Devices) OpenMicrophone(id string) (*Microphone, error) {
	dev, ok := d.find(Microphones, id)
	if !ok {
		return nil, fmt.Errorf("open microphone %q: %w", id, ErrNotFound)
	}
	drv, remove, err := d.audioDriver(dev)
	if err != nil {
		return nil, openError(dev, err)
	}
	m, err := listen(dev, drv)
	if err != nil {
		remove()
		return nil, openError(dev, err)
	}
	m.remove = remove
	m.forget = d.opened(m)
	d.log.Debug("microphone opened", "name", dev.Name)
	return m, nil
}

// audioDriver finds the driver of a microphone, or registers one.
func (d *Devices) audioDriver(dev Device) (drv driver.Driver, remove func(), err error) {
	var adapter driver.Adapter
	switch {
	case dev.Synthetic:
		adapter, err = syntheticMicrophone(dev.ID)
	default:
		for _, drv := range foreign(driver.Microphone) {
			if microphoneID(drv.Info()) == dev.ID {
				return drv, func() {}, nil
			}
		}
		if d.sound == nil {
			return nil, nil, ErrNotFound
		}
		adapter, err = d.sound.microphone(dev.ID)
	}
	if err != nil {
		return nil, nil, err
	}
	return enlist(adapter, dev, driver.Microphone)
}

// foreignMicrophones lists microphones that somebody else registered.
func foreignMicrophones() []Device {
	var list []Device
	for _, drv := range foreign(driver.Microphone) {
		list = append(list, Device{
			ID: microphoneID(drv.Info()), Kind: Microphones, Name: drv.Info().Name,
			Default: drv.Info().Priority == driver.PriorityHigh,
		})
	}
	return list
}

func microphoneID(i driver.Info) string { return "microphone:" + i.Label }

// listen opens drv and starts it. On an error drv is closed.
func listen(dev Device, drv driver.Driver) (*Microphone, error) {
	recorder, ok := drv.(driver.AudioRecorder)
	if !ok {
		return nil, errors.New("driver records no sound")
	}
	if err := drv.Open(); err != nil {
		return nil, err
	}
	mode, ok := mono(drv.Properties())
	if !ok {
		return nil, errors.Join(errors.New("it has no mode of 48 kHz, 16 bit, one channel"), drv.Close())
	}
	reader, err := recorder.AudioRecord(mode) // closes drv if it fails
	if err != nil {
		return nil, err
	}
	return &Microphone{device: dev, drv: drv, reader: reader, closing: make(chan struct{})}, nil
}

// mono finds the house's format among a driver's.
func mono(modes []prop.Media) (prop.Media, bool) {
	for _, m := range modes {
		if m.SampleRate == media.SampleRate && m.ChannelCount == 1 && !m.IsFloat && m.SampleSize == 2 {
			return m, true
		}
	}
	return prop.Media{}, false
}

// Device returns what was opened.
func (m *Microphone) Device() Device { return m.device }

// ReadAudio blocks until the next block. After Close it returns io.EOF, and an
// error that wraps ErrLost if the microphone is gone or gives nothing.
func (m *Microphone) ReadAudio() (media.AudioBlock, error) {
	b, err := m.read()
	select {
	case <-m.closing:
		if m.lost.Load() {
			return media.AudioBlock{}, fmt.Errorf("read microphone %q: %w: it was unplugged", m.device.Name, ErrLost)
		}
		return media.AudioBlock{}, io.EOF
	default:
	}
	if err != nil {
		return media.AudioBlock{}, fmt.Errorf("read microphone %q: %w: %w", m.device.Name, ErrLost, err)
	}
	return b, nil
}

// read passes blocks on as they are and cuts other chunks to size.
func (m *Microphone) read() (media.AudioBlock, error) {
	for len(m.pending) < media.BlockSamples {
		chunk, at, err := m.chunk()
		if err != nil {
			return media.AudioBlock{}, err
		}
		if len(m.pending) == 0 {
			if len(chunk) == media.BlockSamples {
				return media.AudioBlock{PCM: chunk, Captured: at}, nil
			}
			m.at = at
		}
		m.pending = append(m.pending, chunk...)
	}
	b := media.AudioBlock{PCM: m.block[:], Captured: m.at}
	copy(m.block[:], m.pending)
	m.pending = append(m.pending[:0], m.pending[media.BlockSamples:]...)
	m.at = m.at.Add(media.BlockDuration)
	return b, nil
}

func (m *Microphone) chunk() ([]int16, time.Time, error) {
	chunk, _, err := m.reader.Read() // release functions of drivers do nothing
	if err != nil {
		return nil, time.Time{}, err
	}
	switch c := chunk.(type) {
	case *stampedSound:
		return c.Data, c.at, nil
	case *wave.Int16Interleaved:
		return c.Data, time.Now().Add(-time.Duration(len(c.Data)) * time.Second / media.SampleRate), nil
	}
	return nil, time.Time{}, fmt.Errorf("driver gives %T, want 16-bit samples", chunk)
}

// lose is Close for a device that is gone.
func (m *Microphone) lose() {
	m.lost.Store(true)
	_ = m.Close() // the reader is told
}

// Close turns the microphone off, also while a ReadAudio waits, which then
// returns io.EOF. When Close returns, the device is closed.
func (m *Microphone) Close() error {
	m.once.Do(func() {
		close(m.closing)
		if err := m.drv.Close(); err != nil {
			m.err = fmt.Errorf("close microphone %q: %w", m.device.Name, err)
		}
		m.remove()
		m.forget()
	})
	return m.err
}
