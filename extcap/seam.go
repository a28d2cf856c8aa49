package extcap

import (
	"context"
	"errors"

	"pqiot/wire"
)

func Capture(ctx context.Context, cfg Config, open Opener) error { return errors.New("none") }
func ParseFilter(s string) (wire.Filter, error) {
	if s == "bad" {
		return wire.Filter{}, errors.New("bad at 1")
	}
	return wire.Filter{}, nil
}
func ToolbarSentences(v Version) []string { return nil }
