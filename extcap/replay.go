package extcap

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ReplayOpener opens a recorded serial stream in the place of a board. Its
// value is the path of the file.
type ReplayOpener string

// Open opens the file.
func (path ReplayOpener) Open(context.Context) (Board, error) {
	f, err := os.Open(string(path))
	if err != nil {
		return nil, fmt.Errorf("--replay %s: %w", string(path), bare(err))
	}
	if st, err := f.Stat(); err == nil && st.IsDir() {
		f.Close()
		return nil, fmt.Errorf("--replay %s: a folder, not a recorded stream", string(path))
	}
	return replayBoard{f}, nil
}

// bare takes the operation and the path off an error of the system.
func bare(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// replayBoard is a recorded stream: bytes come as fast as they are read, and
// commands go nowhere.
type replayBoard struct{ *os.File }

func (replayBoard) Write(p []byte) (int, error) { return len(p), nil }
func (replayBoard) SetBaud(int) error           { return nil }
func (replayBoard) Recorded() bool              { return true }
