package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// openTerminal returns the two ends of a terminal.
func openTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = person.Close() })
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return person, program
}

// TestPassphraseAtATerminal types a passphrase, which must be typed twice for a new file.
func TestPassphraseAtATerminal(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.link()
	file := filepath.Join(f.dir, "key.age")
	for _, c := range []struct {
		typed string
		code  int
		want  string
		args  []string
	}{
		{testPassphrase + "\nvier woorden zijn genoeh\n", 2, "the two are not the same", []string{"key", "export", file}},
		{"kort\nkort\n", 2, "fewer than 12 characters", []string{"key", "export", file}},
		{testPassphrase + "\n" + testPassphrase + "\n", 0, "Written and read back", []string{"key", "export", file}},
		{testPassphrase + "\n", 0, "The data key is in", []string{"key", "import", file}},
	} {
		person, program := openTerminal(t)
		if _, err := person.WriteString(c.typed); err != nil {
			t.Fatal(err)
		}
		f.runEnv(t.Context(), Env{Args: c.args, Stdin: program}).want(t, c.code, c.want, c.typed)
	}
}
