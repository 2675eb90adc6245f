package source_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"balansd/administration"
	"balansd/administration/source"
	"balansd/balance"
	"balansd/internal/testenv"
	"balansd/sandbox/madeup"
)

// kboFolderVariable makes TestKBOOfAFolder read a folder.
const kboFolderVariable = "BALANSD_TEST_KBO_FOLDER"

// TestKBOOfFullSize reads an extract that has at least the rows of the real one, in a
// process of its own, whose memory is measured.
func TestKBOOfFullSize(t *testing.T) {
	testenv.Need(t, testenv.Large)
	folder := t.TempDir()
	k := madeup.KBO{Extract: 140, Date: kboDay(1), Others: 1_900_000}
	for i := range int64(2000) {
		k.Enterprises = append(k.Enterprises, madeup.KBOEnterprise{Number: madeup.Number(i), NameNL: fmt.Sprintf("Klant %d", i), Form: "610",
			StreetNL: "Kerkstraat", HouseNumber: "1", PostalCode: "9000", CityNL: "Gent"})
	}
	path := filepath.Join(folder, k.FileName(true))
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Write(f, true); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKBOOfAFolder$", "-test.v")
	cmd.Env = append(os.Environ(), kboFolderVariable+"="+folder)
	out, err := cmd.CombinedOutput()
	peak := peakLine.FindSubmatch(out)
	if err != nil || !strings.Contains(string(out), "2000 clients") || peak == nil {
		t.Fatalf("%v: %s", err, out)
	}
	most, _ := strconv.Atoi(string(peak[1]))
	t.Logf("%d KiB of memory, %v of the processor, %v", most, cmd.ProcessState.UserTime(), strings.TrimSpace(string(out)))
	if most > 150<<10 {
		t.Errorf("reading took %d KiB of memory, more than 150 MiB", most)
	}
}

// peakLine is what the system says of the most memory that a process had. What it says at
// the end of a child has that of the parent in it.
var peakLine = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// TestKBOOfAFolder reads the folder that TestKBOOfFullSize made, or one of its own.
func TestKBOOfAFolder(t *testing.T) {
	folder := os.Getenv(kboFolderVariable)
	if folder == "" {
		folder = t.TempDir()
		putKBO(t, folder, madeup.KBO{Extract: 1, Date: kboDay(1), Enterprises: []madeup.KBOEnterprise{{Number: madeup.Number(0), NameNL: "Klant 0"}}}, true)
	}
	q := administration.Query{Names: []string{"Klant 1 BV", "Onbestaande naam"}}
	for i := range int64(2000) {
		q.Numbers = append(q.Numbers, madeup.Number(i))
	}
	clients := 0
	report, err := source.NewKBO("kbo", folder).List(t.Context(), q, func(r administration.Record) error {
		if !r.Knows(administration.Name) || r.EnterpriseNumber == balance.EnterpriseNumber("") {
			t.Errorf("%+v", r)
		}
		clients++
		return nil
	})
	if err != nil || clients == 0 {
		t.Fatalf("%d clients, %v", clients, err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d clients of %d rows, %s", clients, report.Read, peakLine.Find(status))
}
