package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"pqiot/peer/keyfile"
	"pqiot/peer/sender"
	"pqiot/peer/session"
)

// config turns options and files into the sender's configuration.
func (o *options) config() (sender.Config, error) {
	tx := sender.DefaultTransmission()
	tx.AckTimeout, tx.MaxRetransmit = o.ackTimeout, o.maxRetransmit
	cfg := sender.Config{OSCORE: o.oscore, Timeout: o.timeout, Transmission: &tx}
	suite, err := session.ParseSuite(o.suite)
	if err != nil {
		return cfg, fmt.Errorf("--suite: %w", err)
	}
	cfg.Suite = suite
	switch {
	case o.gateway == "":
		return cfg, errors.New("--gateway HOST:PORT is required")
	case o.timeout <= 0:
		return cfg, fmt.Errorf("--timeout %v: more than 0", o.timeout)
	case o.ackTimeout <= 0 || o.maxRetransmit < 0 || o.maxRetransmit > 20:
		return cfg, errors.New("--ack-timeout is more than 0, --max-retransmit from 0 to 20")
	}
	if err := o.pinned(&cfg); err != nil {
		return cfg, err
	}
	return cfg, o.preShared(&cfg)
}

// pinned reads the pin. Only where the user asks for it, and only while there
// is no pin file, the first key is trusted.
func (o *options) pinned(cfg *sender.Config) error {
	switch {
	case o.pin != "" && (o.pinFile != "" || o.trust):
		return errors.New("--pin stands alone: neither --pin-file nor --trust-on-first-use with it")
	case o.pin != "":
		pin, err := keyfile.ParsePin(o.pin)
		if err != nil {
			return fmt.Errorf("--pin: %w", err)
		}
		cfg.Pin = &pin
		return nil
	case o.pinFile == "":
		return errors.New("--pin HEX64 or --pin-file FILE is required: without a pin anybody could play the gateway")
	}
	pin, err := keyfile.LoadPin(o.pinFile)
	if errors.Is(err, fs.ErrNotExist) && o.trust {
		cfg.TrustOnFirstUse = true
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--pin-file: %w; --trust-on-first-use would make it", err)
	}
	if err != nil {
		return fmt.Errorf("--pin-file: %w", err)
	}
	cfg.Pin = &pin
	return nil
}

func (o *options) preShared(cfg *sender.Config) error {
	switch {
	case o.psk != "" && o.pskFile != "":
		return errors.New("--psk or --psk-file, not both")
	case o.psk != "":
		kid, digits, ok := strings.Cut(o.psk, ":")
		if !ok {
			return errors.New("--psk: KID:HEX64 expected")
		}
		psk, err := keyfile.ParsePSK(kid, digits)
		if err != nil {
			return fmt.Errorf("--psk: %w", err)
		}
		cfg.KID, cfg.PSK = []byte(kid), psk
	case o.pskFile != "":
		psks, err := keyfile.LoadPSKs(o.pskFile)
		if err != nil {
			return fmt.Errorf("--psk-file: %w", err)
		}
		if len(psks) != 1 {
			return fmt.Errorf("--psk-file: %s has %d keys, a sender uses one", o.pskFile, len(psks))
		}
		for kid, psk := range psks {
			cfg.KID, cfg.PSK = []byte(kid), psk
		}
	}
	return nil
}
