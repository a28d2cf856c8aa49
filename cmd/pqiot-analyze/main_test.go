package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"pqiot/analysis/report"
	"pqiot/firmware/lab/air"
	"pqiot/firmware/lab/sample"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"pqiot-analyze": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			for name, data := range map[string][]byte{
				"sample.pcapng": sample.Capture, "sample.keylog": sample.KeyLog,
				"cut.pcapng":    sample.Capture[:len(sample.Capture)-9],
				"attack.pcapng": attack(t),
			} {
				if err := os.WriteFile(filepath.Join(env.WorkDir, name), data, 0o644); err != nil {
					return err
				}
			}
			return nil
		},
	})
}

// attack is a capture in which one datagram is sent twenty times.
func attack(t *testing.T) []byte {
	t.Helper()
	for _, s := range air.Scenarios() {
		if s.Name != "replay-burst" {
			continue
		}
		w, err := s.Play(1, false)
		if err != nil {
			t.Fatal(err)
		}
		heard, _ := w.Capture()
		capture, err := air.Pcapng(heard, time.Unix(1_750_000_000, 0))
		if err != nil {
			t.Fatal(err)
		}
		return capture
	}
	t.Fatal("no scenario replay-burst")
	return nil
}

// A live stream that stays open: an incident is out while it still runs.
func TestEventsAreOutWhileTheStreamRuns(t *testing.T) {
	capture := attack(t)
	in, feed := io.Pipe()
	out, events := io.Pipe()
	done := make(chan int, 1)
	go func() {
		done <- run([]string{"--events", "-"}, in, events, io.Discard)
		events.Close()
	}()
	go func() { _, _ = feed.Write(capture) }() // and no close: the stream goes on
	dec := json.NewDecoder(out)
	first := make(chan event, 1)
	go func() {
		var e event
		if err := dec.Decode(&e); err == nil {
			first <- e
		}
		_, _ = io.Copy(io.Discard, io.MultiReader(dec.Buffered(), out))
	}()
	select {
	case e := <-first:
		if e.Event != "alert" || e.Alert == nil || e.Alert.Detector != "replay.datagram" {
			t.Errorf("the first event is %+v", e)
		}
	case <-time.After(time.Minute):
		t.Fatal("no event while the stream was open")
	}
	feed.Close()
	if code := <-done; code != exitAlerts {
		t.Errorf("exit status %d", code)
	}
}

func TestReportObject(t *testing.T) {
	path := filepath.Join(t.TempDir(), "attack.pcapng")
	if err := os.WriteFile(path, attack(t), 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if code := run([]string{"--json", path}, nil, &out, io.Discard); code != exitAlerts {
		t.Fatalf("exit status %d", code)
	}
	var r report.Report
	dec := json.NewDecoder(&out)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		t.Fatal(err)
	}
	if r.Version != 1 || len(r.Files) != 1 || r.Files[0].Truncated || r.Packets != r.Files[0].Packets || r.First == nil || !r.First.Before(*r.Last) {
		t.Errorf("%+v", r)
	}
	a := r.Alerts[0]
	if a.Frame != a.Frames[0] || a.Original == 0 || a.Original >= a.Frame || a.Count != int64(len(a.Frames)) || len(a.SID) != 14 {
		t.Errorf("%+v", a)
	}
	for _, key := range []string{"wireshark_filter", "ruled_out", "community_id", "ta", "message_id"} {
		if a.Evidence[key] == nil {
			t.Errorf("the evidence has no %s: %v", key, a.Evidence)
		}
	}
	if !strings.Contains(fmt.Sprint(a.Evidence["wireshark_filter"]), fmt.Sprint(a.Frame)) {
		t.Errorf("filter %v does not show frame %d", a.Evidence["wireshark_filter"], a.Frame)
	}
}
