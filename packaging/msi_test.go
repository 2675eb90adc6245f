//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"balansd/internal/testenv"
	"balansd/sandbox"
)

const (
	windowsProgram = `C:\Program Files\balansd\balansd.exe`
	windowsData    = `C:\ProgramData\balansd`
)

// desktop is a Windows on which the installer is tested, as far as Wine supports it.
type desktop struct {
	t    *testing.T
	wine *testenv.Windows
}

// msiexec runs the installer silently and returns its exit code.
func (d *desktop) msiexec(verb, file string) int {
	d.t.Helper()
	r := d.wine.Run("", "msiexec", verb, `C:\packages\`+file, "/qn")
	return r.Code
}

// want runs balansd and checks that it succeeds with an output that contains a text.
func (d *desktop) want(contains, stdin string, args ...string) string {
	d.t.Helper()
	r := d.wine.Run(stdin, windowsProgram, args...)
	if out := r.Stdout + r.Stderr; r.Code != 0 || !strings.Contains(out, contains) {
		d.t.Fatalf("%v ends with %d, want %q in:\n%s", args, r.Code, contains, out)
	}
	return r.Stdout
}

// state returns the state of the service, asked with a program that need not be the
// installed one.
func (d *desktop) state(program string) string {
	d.t.Helper()
	var status struct {
		Service struct {
			State string `json:"state"`
		} `json:"service"`
	}
	r := d.wine.Run("", program, "service", "status", "--json")
	if err := json.Unmarshal([]byte(r.Stdout), &status); err != nil {
		d.t.Fatalf("%v: %s%s", err, r.Stdout, r.Stderr)
	}
	return status.Service.State
}

// running checks that the service runs, with that version.
func (d *desktop) running(version string) {
	d.t.Helper()
	if state := d.state(windowsProgram); state != "running" {
		d.t.Fatalf("the service is %s", state)
	}
	d.want("balansd "+version+" ", "", "version")
	// It answers a moment after Windows reports it as running.
	d.wine.Until("the service answers", func() bool {
		r := d.wine.Run("", windowsProgram, "status", "--json")
		return strings.Contains(r.Stdout, `"version": "`+version+`"`)
	})
}

// testMSI takes the installer through first installation, a delivery, an update with the
// service running, removal, and installation again.
func testMSI(t *testing.T, older, newer string) {
	d := &desktop{t, testenv.NewWindows(t)}
	for dir, file := range map[string]string{older: "balansd-0.1.0.msi", newer: "balansd-0.2.0.msi"} {
		content, err := os.ReadFile(filepath.Join(dir, "balansd-windows-amd64.msi"))
		if err != nil {
			t.Fatal(err)
		}
		d.wine.Write(`C:\packages\`+file, content)
	}
	program, err := os.ReadFile(filepath.Join(unpack(t, filepath.Join(older, "balansd-windows-amd64.zip")), "balansd.exe"))
	if err != nil {
		t.Fatal(err)
	}
	d.wine.Write(`C:\elsewhere\balansd.exe`, program)
	if code := d.msiexec("/i", "balansd-0.1.0.msi"); code != 0 {
		t.Fatalf("the installer ends with %d", code)
	}
	d.want("balansd 0.1.0 ", "", "version")
	for _, file := range []string{"config.example.yaml", "LICENSE", "THIRD-PARTY.txt", "CHANGELOG.md", "balansd.ps1"} {
		if _, err := os.Stat(d.wine.Path(`C:\Program Files\balansd\` + file)); err != nil {
			t.Error(err)
		}
	}

	d.want("Wrote "+windowsData+`\balansd.yaml`, "", "config", "init")
	box := d.simulate()
	d.want("is well", "", "config", "check")
	d.want("installed as a service", "", "service", "install")
	d.running("0.1.0")
	d.deliver(box, 2)
	if n := d.done(); n != 2 {
		t.Fatalf("%d balances are done, want 2", n)
	}

	if code := d.msiexec("/i", "balansd-0.2.0.msi"); code != 0 {
		t.Fatalf("the update ends with %d", code)
	}
	d.running("0.2.0")
	if n := d.done(); n != 2 {
		t.Fatalf("%d balances are done after the update, want 2", n)
	}
	if code := d.msiexec("/i", "balansd-0.1.0.msi"); code == 0 {
		t.Error("an older version replaces a newer one")
	}

	if code := d.msiexec("/x", "balansd-0.2.0.msi"); code != 0 {
		t.Fatalf("the removal ends with %d", code)
	}
	if state := d.state(`C:\elsewhere\balansd.exe`); state != "not installed" {
		t.Errorf("the service is %s after the removal", state)
	}
	if _, err := os.Stat(d.wine.Path(windowsProgram)); err == nil {
		t.Error("the program is still there")
	}
	if _, err := os.Stat(d.wine.Path(windowsData + `\balansd.db`)); err != nil {
		t.Errorf("the state went along: %v", err)
	}
	if code := d.msiexec("/i", "balansd-0.2.0.msi"); code != 0 {
		t.Fatalf("the installer ends with %d", code)
	}
	d.running("0.2.0")
	if n := d.done(); n != 2 {
		t.Fatalf("%d balances are done after it was removed and came back, want 2", n)
	}
}

// simulate starts a Finbox and a Silverfin, and writes a configuration for them.
func (d *desktop) simulate() *sandbox.Sandbox {
	d.t.Helper()
	box, err := sandbox.Start(sandbox.Options{})
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = box.Close(ctx)
	})
	in := box.Info()
	d.wine.Write(windowsData+`\finbox.secret`, []byte(in.Finbox.ClientSecret))
	d.wine.Write(windowsData+`\silverfin.secret`, []byte(in.Silverfin.ClientSecret))
	// data_dir is set because Wine gives services another %ProgramData%.
	d.wine.Write(windowsData+`\balansd.yaml`, fmt.Appendf(nil, `data_dir: 'C:\ProgramData\balansd'
language: en
finbox: {base_url: %q, token_url: %q, client_id: %q, client_secret_file: finbox.secret}
silverfin: {base_url: %q, client_id: %q, client_secret_file: silverfin.secret}
`, in.Finbox.URL, in.Finbox.TokenURL, in.Finbox.ClientID, in.Silverfin.URL, in.Silverfin.ClientID))
	return box
}

// deliver links Finbox and a firm, adds balances and runs a sync.
func (d *desktop) deliver(box *sandbox.Sandbox, dossiers int) {
	d.t.Helper()
	in := box.Info()
	firm := in.Silverfin.Firms[0].ID
	d.want("Linked", "", "connect", "finbox", in.Finbox.ConnectionID)
	d.want("Linked", box.Silverfin.Grant(firm)+"\n", "connect", "silverfin", "--oob", "--firm", fmt.Sprint(firm))
	if err := box.Fill(dossiers); err != nil {
		d.t.Fatal(err)
	}
	d.want("", "", "sync")
}

func (d *desktop) done() int {
	d.t.Helper()
	return countDone(d.t, d.want("", "", "ledger", "list", "--json"))
}
