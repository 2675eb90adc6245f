package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"balansd/sandbox"
)

func TestSandbox(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, stdout := io.Pipe()
	var stderr bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- Main(ctx, Env{Args: []string{"sandbox", "--data", t.TempDir()}, Stdin: strings.NewReader(""), Stdout: stdout, Stderr: &stderr})
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var info sandbox.Info
	if err := json.Unmarshal([]byte(line), &info); err != nil {
		t.Fatalf("%v in %q", err, line)
	}
	if info.Finbox.ConnectionID == "" || info.Finbox.TokenURL == "" || len(info.Silverfin.Firms) == 0 || info.Control.URL == "" {
		t.Errorf("info = %+v", info)
	}
	for _, url := range []string{info.Finbox.URL, info.Silverfin.URL} {
		res, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
	}
	stop()
	if got := <-code; got != 0 || stderr.Len() > 0 {
		t.Errorf("exit code %d, says %q", got, stderr.String())
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestSandboxLoopbackOnly(t *testing.T) {
	r := balansd(t, "sandbox", "--finbox", "0.0.0.0:0")
	if r.code != 2 || !strings.Contains(r.stderr, "does not listen on") {
		t.Errorf("result = %+v", r)
	}
}
