package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"balansd/config"
	"balansd/transport"
)

func TestConfigInit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "balansd.yaml")
	r := balansd(t, "config", "init", path)
	if r.code != 0 || !strings.Contains(r.stdout, path) {
		t.Fatalf("result = %+v", r)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if err := os.WriteFile(path, []byte("language: fr\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r = balansd(t, "config", "init", "--config", path)
	if r.code != 1 || !strings.Contains(r.stderr, "exists already\nWhat to do: Name another file, or replace it with --force.") {
		t.Errorf("result = %+v", r)
	}
	if text, _ := os.ReadFile(path); string(text) != "language: fr\n" {
		t.Errorf("the file was changed to %q", text)
	}
	if r = balansd(t, "config", "init", "--force", path); r.code != 0 {
		t.Errorf("result = %+v", r)
	}
	if text, _ := os.ReadFile(path); string(text) != "language: nl\n" {
		t.Errorf("the file is %q", text)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 2 || left[1].Name() != config.SecretsFolder {
		t.Errorf("files left behind: %v", left)
	}
	if info, err := os.Stat(filepath.Join(filepath.Dir(path), config.SecretsFolder)); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("the folder of the secrets is %v, %v", info, err)
	}
}

func TestConfigInitUnwritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := balansd(t, "config", "init", filepath.Join(file, "balansd.yaml"))
	if r.code != 1 || !strings.Contains(r.stderr, "balansd.yaml cannot be written") {
		t.Errorf("result = %+v", r)
	}
}

func TestConfigCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "balansd.yaml")
	set := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set("night:\n  at: 25:00\n  spread: 5\nlangauge: nl\n")
	r := balansd(t, "config", "check", "--config", path)
	want := "Error: the configuration has 3 mistakes\n" +
		"  " + path + `:2:3: night.at: "25:00" is no time of day; write hours and minutes as 02:30` + "\n" +
		"  " + path + `:3:3: night.spread: "5" has no unit; write 5s, 5m or 5h` + "\n" +
		"  " + path + `:4:1: langauge: this setting is not known; did you mean "language"?` + "\n"
	if r.code != 2 || !strings.HasPrefix(r.stderr, want) || r.stdout != "" {
		t.Errorf("result = %+v", r)
	}

	r = balansd(t, "config", "check", "--json", "--config", path)
	var got struct {
		Error struct {
			Code     string `json:"code"`
			Mistakes []struct {
				Line int    `json:"line"`
				Key  string `json:"key"`
			} `json:"mistakes"`
		} `json:"error"`
	}
	if err := json.Unmarshal([]byte(r.stderr), &got); err != nil {
		t.Fatal(err)
	}
	if m := got.Error.Mistakes; got.Error.Code != "config_invalid" || len(m) != 3 || m[2].Line != 4 || m[2].Key != "langauge" {
		t.Errorf("result = %+v", got)
	}

	set("folders:\n- {name: payroll, path: .}\n")
	r = balansd(t, "config", "check", "--config", path)
	if r.code != 0 || !strings.HasPrefix(r.stdout, path+" is well.\n") || !strings.Contains(r.stdout, "Note: There is no destination") {
		t.Errorf("result = %+v", r)
	}
	r = balansd(t, "config", "check", "--config", path, "--json")
	if r.code != 0 || !strings.Contains(r.stdout, `"well": true`) {
		t.Errorf("result = %+v", r)
	}
	if r = balansd(t, "config", "check", "--config", path+"x"); r.code != 2 || !strings.Contains(r.stderr, "the file cannot be read") {
		t.Errorf("result = %+v", r)
	}
}

// The configuration check and the HTTP client accept the same proxies.
func TestConfigCheckOfProxy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "balansd.yaml")
	for proxy, ok := range map[string]bool{
		"http://proxy.example:3128": true, "https://proxy.example": true, "socks5://proxy.example:1080": true,
		"socks5h://proxy.example:1080": true, "ftp://proxy.example": false, "proxy.example:3128": false, "http://:3128": false,
	} {
		if err := os.WriteFile(path, []byte("network: {proxy: '"+proxy+"'}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := transport.New(transport.Config{AllowedHosts: []string{"finbox.example"}, Proxy: proxy})
		if (err == nil) != ok {
			t.Errorf("transport.New with proxy %s: %v", proxy, err)
		}
		for _, args := range [][]string{{"config", "check"}, {"config", "show"}} {
			r := balansd(t, append(args, "--config", path)...)
			if (r.code == 0) != ok || !ok && !strings.Contains(r.stderr, ":1:11: network.proxy: the proxy ") {
				t.Errorf("%v with proxy %s: %+v", args, proxy, r)
			}
		}
	}
}

func TestConfigCheckNoFile(t *testing.T) {
	t.Chdir(t.TempDir())
	file := config.DefaultFile(nil) // the command has no environment here either
	if _, err := os.Stat(file); err == nil {
		t.Skipf("this machine has a configuration of its own, %s", file)
	}
	if r := balansd(t, "config", "check"); r.code != 2 || !strings.Contains(r.stderr, `Make one with "balansd config init"`) {
		t.Errorf("result = %+v", r)
	}
}

func TestConfigShow(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("balansd.yaml", []byte("language: de\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"BALANSD_SILVERFIN_CLIENT_ID=me", "BALANSD_SILVERFIN_CLIENT_SECRET=hunter2"}
	r := balansdWith(t, Env{Args: []string{"config", "show"}, Environ: env})
	for _, want := range []string{"language: de # balansd.yaml:1\n", "time_zone: Europe/Brussels # default\n",
		"client_secret: (hidden) # environment BALANSD_SILVERFIN_CLIENT_SECRET\n"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("no %q in:\n%s%s", want, r.stdout, r.stderr)
		}
	}
	j := balansdWith(t, Env{Args: []string{"config", "show", "--json"}, Environ: env})
	var got struct {
		File     string
		Settings []struct{ Key, Value, Origin string }
	}
	if err := json.Unmarshal([]byte(j.stdout), &got); err != nil || !filepath.IsAbs(got.File) || len(got.Settings) < 40 {
		t.Errorf("%v in %s", err, j.stdout)
	}
	if strings.Contains(r.stdout+j.stdout, "hunter2") {
		t.Error("the secret shows")
	}
}
