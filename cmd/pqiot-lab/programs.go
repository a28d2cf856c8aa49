package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"pqiot/firmware/lab"
	"pqiot/firmware/lab/board"
)

// The programs that the lab runs.
const (
	gatewayProgram = "pqiot-board-gateway"
	senderProgram  = "pqiot-board-sender"
	snifferProgram = "pqiot-board-sniffer"
	extcapProgram  = "pqiot-extcap"
)

const endWait = 10 * time.Second // for a program that was asked to end

// find looks for a program beside this one, then in PATH.
func find(name string) (string, error) {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if self, err := os.Executable(); err == nil {
		if self, err = filepath.EvalSymlinks(self); err == nil {
			beside := filepath.Join(filepath.Dir(self), name)
			if st, err := os.Stat(beside); err == nil && !st.IsDir() {
				return beside, nil
			}
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s is not there: it must lie beside pqiot-lab or in PATH; build it: make build", name)
	}
	return path, nil
}

// startBoards starts gateway and sender.
func startBoards(seed uint64) (gateway, sender *board.Process, err error) {
	for _, b := range []struct {
		name, program string
		to            **board.Process
	}{{lab.GatewayName, gatewayProgram, &gateway}, {lab.SenderName, senderProgram, &sender}} {
		path, err := find(b.program)
		if err == nil {
			*b.to, err = board.Start(b.name, path, "--lab", "--seed", fmt.Sprint(seed))
		}
		if err != nil {
			if gateway != nil {
				gateway.Close()
			}
			return nil, nil, err
		}
	}
	return gateway, sender, nil
}

// program is one that runs: the sniffer's or the extcap.
type program struct {
	name  string
	cmd   *exec.Cmd
	said  bytes.Buffer
	ended chan struct{} // closed once it is gone
	err   error         // how it ended; valid then
}

// start runs a program. Its ends of pipes are among files, as descriptors 3
// and up, and closed here once it has them.
func start(name string, stdout *os.File, files []*os.File, args ...string) (*program, error) {
	defer func() {
		for _, f := range append(files, stdout) {
			if f != nil {
				f.Close()
			}
		}
	}()
	path, err := find(name)
	if err != nil {
		return nil, err
	}
	p := &program{name: name, cmd: exec.Command(path, args...), ended: make(chan struct{})}
	p.cmd.Stderr, p.cmd.ExtraFiles = &p.said, files
	if stdout != nil {
		p.cmd.Stdout = stdout
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s does not start: %w", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// stop asks the program to end, and waits until it is gone.
func (p *program) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(endWait):
		p.cmd.Process.Kill()
		<-p.ended
	}
}

// wait waits for the end, and says how it was if it was not good.
func (p *program) wait() error {
	select {
	case <-p.ended:
	case <-time.After(endWait):
		p.cmd.Process.Kill()
		<-p.ended
		return fmt.Errorf("%s does not end", p.name)
	}
	text := strings.TrimSpace(p.said.String())
	switch {
	case p.err != nil && text != "":
		return fmt.Errorf("%s: %w: %s", p.name, p.err, text)
	case p.err != nil:
		return fmt.Errorf("%s: %w", p.name, p.err)
	}
	return nil
}

// firstLine reads the line that the sniffer prints: where its serial line is.
func firstLine(out *os.File) (string, error) {
	defer out.Close()
	if err := out.SetReadDeadline(time.Now().Add(endWait)); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return "", errors.New("the sniffer board does not say where its serial line is")
	}
	return strings.TrimSpace(line), nil
}
