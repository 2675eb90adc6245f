package logs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"pgregory.net/rapid"
)

// webToken is one as a server could have made it.
const webToken = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkiLCJleHAiOjF9.c2lnbmF0dXJlLWNhbmFyeQ"

func TestRedact(t *testing.T) {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"CANARY1234567890"}, "client_secret": {"CANARY/+= &x"}}
	asked := &url.Error{Op: "Get", URL: "http://127.0.0.1:4100/callback?code=CANARY123&state=CANARY456", Err: errors.New("refused")}
	for name, c := range map[string]struct{ in, keeps string }{
		"header":            {"Authorization: Bearer CANARY.abc-123_~+/==", "Authorization: Bearer"},
		"header, small":     {"authorization=bearer CANARYabcdef", "authorization"},
		"basic":             {"Authorization: Basic Q0FOQVJZOkNBTkFSWQ==CANARY", "Basic"},
		"form":              {form.Encode(), "grant_type"},
		"form in an error":  {"post token: " + form.Encode() + ": 401", "401"},
		"json":              {`{"access_token":"CANARY123","expires_in":7200,"refresh_token":"CANARY456"}`, "expires_in"},
		"json, spaced":      {"{\n  \"client_secret\" : \"CANARY123\"\n}", "client_secret"},
		"json, escaped":     {`{"client_secret":"CANARY\u0026CANARY\/x\" CANARY"}`, "client_secret"},
		"json in json":      {`{"body":"{\"id_token\":\"CANARY123\",\"x\":1}"}`, "body"},
		"assertion":         {"client_assertion_type=urn&client_assertion=CANARY.CANARY", "urn"},
		"web token":         {"cannot verify " + strings.ReplaceAll(webToken, "c2lnbmF0dXJl", "CANARY") + ": expired", "expired"},
		"callback":          {asked.Error(), "refused"},
		"proxy":             {"proxyconnect tcp: dial http://CANARY:CANARY@proxy.kantoor.be:3128: refused", "proxy.kantoor.be:3128: refused"},
		"private key":       {"-----BEGIN RSA PRIVATE KEY-----\nCANARY\nCANARY\n-----END RSA PRIVATE KEY-----\n", "BEGIN RSA"},
		"private key, json": {`{"key":"-----BEGIN PRIVATE KEY-----\nCANARY\n"}`, "key"},
		"password":          {"password=CANARY123 for user", "for user"},
	} {
		var out bytes.Buffer
		log := openLog(t, Config{Stderr: &out}, testSystem(t)).Logger()
		log.Error().Err(errors.New(c.in)).Str("access_token", "CANARY 1").Interface("any", map[string]string{"text": c.in}).Str("after", "still here").Msg("trouble")
		if strings.Contains(out.String(), "CANARY") || strings.Contains(out.String(), "c2lnbmF0") || !strings.Contains(out.String(), "[hidden]") {
			t.Errorf("%s is shown: %s", name, out.String())
		}
		var fields map[string]any
		if err := json.Unmarshal(out.Bytes(), &fields); err != nil || fields["after"] != "still here" {
			t.Errorf("%s: no line of JSON any more: %v: %s", name, err, out.String())
			continue
		}
		if text, _ := fields["error"].(string); !strings.Contains(text, c.keeps) {
			t.Errorf("%s: %q does not keep %q", name, text, c.keeps)
		}
	}
}

func TestRedactLeavesOrdinaryLines(t *testing.T) {
	for _, text := range []string{
		`{"level":"warn","code":"finbox_sign_in","about":"Finbox","error":"the access token was refused","message":"trouble"}`,
		`{"level":"debug","host":"live.getsilverfin.com","path":"/api/v4/f/1001/companies/12/periods","status":200}`,
		`{"level":"info","generation":3,"message":"silverfin tokens renewed"}`,
		`{"level":"info","next":"Open https://live.getsilverfin.com/f/1001 and look, or mail ict@kantoor.be"}`,
		`{"level":"info","detail":"code=1003 is not what it was; state=done"}`,
		`{"level":"info","file":"C:\\ProgramData\\balansd\\finbox.secret","next":"set silverfin.client_secret_file to a file"}`,
	} {
		if got := redact([]byte(text)); string(got) != text {
			t.Errorf("%s\nbecame\n%s", text, got)
		}
	}
}

// TestRedactKeepsJSON puts anything around and into what looks like a secret.
func TestRedactKeepsJSON(t *testing.T) {
	bits := []string{"access_token", "client_secret", "password", "=", ":", `"`, `\`, `\"`, "Bearer ", "&code=", "://", "@", "a/b", "\n", "\u2028", "é",
		webToken, "-----BEGIN PRIVATE KEY-----", "abcdefghijkl", " ", "%3D"}
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.SampledFrom(bits)).Draw(t, "parts")
		var out bytes.Buffer
		own := zerolog.New(&out)
		own.Info().Str("one", strings.Join(parts, "")).Interface("two", map[string]any{"x": parts}).Str("last", "kept").Msg("m")
		got := redact(out.Bytes())
		var fields map[string]any
		if err := json.Unmarshal(got, &fields); err != nil || fields["last"] != "kept" || fields["message"] != "m" {
			t.Fatalf("%v:\n%s\n%s", err, out.String(), got)
		}
	})
}

func FuzzRedact(f *testing.F) {
	f.Add(`access_token="x\"y`, webToken)
	f.Add("Authorization: Bearer abcdefgh", "://a:b@c")
	f.Fuzz(func(t *testing.T, one, two string) {
		var out bytes.Buffer
		own := zerolog.New(&out)
		own.Info().Str("one", one).Str("two", two).Str("secret", fmt.Sprintf("access_token=%sCANARY", "abc")).Msg("m")
		got := redact(out.Bytes())
		if !json.Valid(got) || bytes.Contains(got, []byte("CANARY")) {
			t.Fatalf("%s\n%s", out.String(), got)
		}
	})
}
