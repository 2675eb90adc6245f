package recovery

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"balansd/problem"
)

// passphrase is quick to try: the work factor of real files takes half a second.
func passphrase() Passphrase { return Passphrase{Text: "vier woorden zijn genoeg", Work: 4} }

func contents(state string) Contents {
	return Contents{Key: bytes.Repeat([]byte{7}, keySize), Config: "/etc/balansd/balansd.yaml",
		Files: []File{{"/etc/balansd/balansd.yaml", []byte("language: nl\n")}, {`C:\keys\finbox.key`, []byte("a key")}, {"/srv/empty", nil}},
		State: state, MadeAt: time.Date(2026, 11, 30, 2, 0, 0, 0, time.UTC), Version: "1.2", System: "linux"}
}

func write(t testing.TB, c Contents, state string) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, passphrase(), c, strings.NewReader(state), int64(len(state))); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	state := strings.Repeat("the state ", 20_000) // several chunks of the encryption
	for _, name := range []string{"balansd-20261130T020000Z.db", ""} {
		file := write(t, contents(name), state)
		if !Is(file) || bytes.Contains(file, []byte("language")) {
			t.Fatalf("%.100q", file)
		}
		r, err := Open(bytes.NewReader(file), passphrase().Text)
		if err != nil {
			t.Fatal(err)
		}
		want := contents(name)
		want.Files[2].Content = []byte{}
		if diff := cmp.Diff(want, r.Contents); diff != "" {
			t.Error(diff)
		}
		var got bytes.Buffer
		if err := r.CopyState(&got); err != nil {
			t.Fatal(err)
		}
		if name == "" {
			state = ""
		}
		if got.String() != state {
			t.Errorf("the state has %d bytes, want %d", got.Len(), len(state))
		}
	}
}

// TestAnotherProgramOpensIt reads a file as age and tar do.
func TestAnotherProgramOpensIt(t *testing.T) {
	t.Parallel()
	id, err := age.NewScryptIdentity(passphrase().Text)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := age.Decrypt(bytes.NewReader(write(t, contents("s.db"), "the state")), id)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for archive := tar.NewReader(plain); ; {
		h, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(archive)
		got[h.Name] = string(text)
	}
	delete(got, manifestName)
	want := map[string]string{"data-key.base64": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n",
		"files/000-balansd.yaml": "language: nl\n", "files/001-finbox.key": "a key", "files/002-empty": "", "state.db": "the state"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// readWhole opens a file and reads its state.
func readWhole(file []byte, passphrase string) error {
	r, err := Open(bytes.NewReader(file), passphrase)
	if err == nil {
		err = r.CopyState(io.Discard)
	}
	return err
}

// TestDamage cuts a file off at every length and changes a bit of every byte: it is then
// refused, before or at its end.
func TestDamage(t *testing.T) {
	t.Parallel()
	file := write(t, contents("s.db"), "the state")
	if err := readWhole(file, passphrase().Text); err != nil {
		t.Fatal(err)
	}
	bad := map[string][]byte{"a byte more": append(bytes.Clone(file), 0), "empty": {}, "another": []byte("SQLite format 3")}
	for i := range file {
		if i%7 == 0 || i > len(file)-40 {
			bad[fmt.Sprintf("cut off at %d", i)] = file[:i]
			changed := bytes.Clone(file)
			changed[i] ^= 1
			bad[fmt.Sprintf("changed at %d", i)] = changed
		}
	}
	for name, b := range bad {
		if err := readWhole(b, passphrase().Text); !problem.Is(err, problem.KeyInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWrongPassphrase(t *testing.T) {
	t.Parallel()
	for _, p := range []string{"vier woorden zijn genoeh", "Vier woorden zijn genoeg", ""} {
		_, err := Open(bytes.NewReader(write(t, contents(""), "")), p)
		if got := fmt.Sprint(err); !problem.Is(err, problem.KeyInvalid) || !strings.Contains(got, "the passphrase does not open the file") {
			t.Errorf("%q: %v", p, err)
		}
	}
}

// TestWorkIsBounded checks that a file cannot ask for more memory than the limit.
func TestWorkIsBounded(t *testing.T) {
	t.Parallel()
	file := bytes.Replace(write(t, contents("s.db"), ""), []byte(" 4\n"), []byte(" 21\n"), 1)
	if _, err := Open(bytes.NewReader(file), passphrase().Text); !problem.Is(err, problem.KeyInvalid) {
		t.Error(err)
	}
}

// TestNewerFormat checks that a file of a newer version says so.
func TestNewerFormat(t *testing.T) {
	t.Parallel()
	err := readArchive(archiveOf(t, map[string]any{"format": 2, "version": "9.0"}))
	if err == nil || !strings.Contains(err.Error(), "it has format 2, made by balansd 9.0; this version reads format 1") {
		t.Error(err)
	}
}

func archiveOf(t testing.TB, manifest map[string]any) []byte {
	t.Helper()
	text, err := json.Marshal(manifest)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range []File{{manifestName, text}, {keyName, encodeKey(make([]byte, keySize))}, {stateName, []byte("s")}} {
		if err := w.WriteHeader(&tar.Header{Name: f.Path, Size: int64(len(f.Content)), Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.Content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// readArchive reads what an encrypted file holds.
func readArchive(plain []byte) error {
	in := bytes.NewReader(plain)
	r := &Reader{archive: tar.NewReader(in), plain: in}
	if err := r.readContents(); err != nil {
		return err
	}
	return r.CopyState(io.Discard)
}

func FuzzArchive(f *testing.F) {
	f.Add(archiveOf(f, map[string]any{"format": 1, "state": "s.db"}))
	f.Add(archiveOf(f, map[string]any{"format": 1, "files": []string{"/etc/passwd"}}))
	f.Fuzz(func(_ *testing.T, plain []byte) { _ = readArchive(plain) })
}
