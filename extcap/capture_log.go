package extcap

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"pqiot/wire"
)

// logger sends lines to the log file and to the toolbar's log window, never to
// stderr, where Wireshark would take them for an error. Levels are wire's.
type logger struct {
	level   uint8
	now     func() time.Time
	toolbar func(line string) // nil: no toolbar

	mu   sync.Mutex
	file *os.File // nil: no file
}

// open opens the log file for appending.
func (l *logger) open(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.file = f
	return nil
}

func (l *logger) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		l.file.Close()
		l.file = nil
	}
}

func (l *logger) printf(level uint8, format string, args ...any) {
	if level > l.level {
		return
	}
	text := strings.ToValidUTF8(strings.TrimRight(fmt.Sprintf(format, args...), "\r\n"), "\uFFFD")
	line := fmt.Sprintf("%s %s: %s\n", l.now().Format("2006-01-02T15:04:05.000Z07:00"), levelName(level), text)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		l.file.WriteString(line) // a full disk must not end the capture
	}
	if l.toolbar != nil {
		l.toolbar(line)
	}
}

func levelName(level uint8) string {
	switch level {
	case wire.LogError:
		return "error"
	case wire.LogWarning:
		return "warning"
	case wire.LogInfo:
		return "info"
	}
	return "debug"
}
