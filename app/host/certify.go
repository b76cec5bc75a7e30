package host

import (
	"context"

	"candid/netstack/certificate"
)

// openCertificate reads the certificate of the host's domain, if it has one.
func (h *Host) openCertificate() (err error) {
	if h.cfg.Certificate.Domain == "" {
		return nil
	}
	cfg := h.cfg.Certificate
	cfg.Dir, cfg.Logger = h.cfg.Dir, h.log
	h.certs, err = certificate.New(cfg)
	return err
}

// certify waits for the certificate and keeps it good until Close. The port is
// open: the authority comes there to see.
func (h *Host) certify(ctx context.Context) error {
	if h.certs == nil {
		return nil
	}
	if err := h.certs.Ready(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.mu.Lock()
	h.renews = cancel
	h.mu.Unlock()
	h.wg.Go(func() { h.certs.Run(ctx) })
	return nil
}
