package config

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	// Windows has no time zone database of its own that Go reads, and a bare
	// Linux server may lack one.
	_ "time/tzdata"
)

// Default returns the default settings for this operating system.
func Default() *Config {
	return defaults(runtime.GOOS, "")
}

// defaults returns the defaults of an operating system. programData is the value
// of %ProgramData%, empty when it is not known.
func defaults(goos, programData string) *Config {
	c := &Config{
		DataDir:  "/var/lib/balansd",
		Language: "nl",
		TimeZone: brussels(),
		Schedule: Schedule{
			At: Clock{Hour: 2, Minute: 30}, Spread: 30 * time.Minute,
			CatchUp: AsSoonAsUp, Deadline: 6 * time.Hour,
		},
		Finbox: Finbox{Overlap: 24 * time.Hour, MaxDocument: 50 << 20, Timeout: 60 * time.Second},
		Silverfin: Silverfin{
			BaseURL:  "https://live.getsilverfin.com",
			Redirect: RedirectAuto, CallbackAddress: "127.0.0.1:0",
			RequestsPerSecond: 5, Burst: 10, Concurrency: 4, Timeout: 60 * time.Second,
			Target: defaultTarget(),
			Workflow: Workflow{Names: []string{"jaarrekening", "comptes annuels",
				"annual accounts", "jahresabschluss"}},
			EnterpriseNumberFields: []string{"vat", "registration_number"},
			LockedFields:           []string{"locked", "locking_type", "locked_at"},
			LockedStatuses:         []int{423},
			AppLinkPlacement:       "reconciliation_action_menu",
			FinancialYear:          YearExact,
			Archived:               ArchivedAsk,
		},
		Administration: Administration{
			AdminPulse: AdminPulse{BaseURL: "https://api.adminpulse.be", Timeout: 60 * time.Second},
			Adsolut: Adsolut{ //nolint:gosec // addresses of a sign-in, no credentials
				BaseURL: "https://api.adsolut.com", AuthorizeURL: "https://login.wolterskluwer.eu/auth/core/connect/authorize",
				TokenURL: "https://login.wolterskluwer.eu/auth/core/connect/token", Redirect: "http://127.0.0.1:8418/adsolut", Timeout: 60 * time.Second},
			NationalBank: NationalBankFiling{BaseURL: "https://ws.cbso.nbb.be", Timeout: 60 * time.Second},
		},
		Portal:    Portal{Listen: "127.0.0.1:8417", SessionTime: 12 * time.Hour, OIDC: OIDC{GroupsClaim: "groups", Recheck: time.Hour}},
		Notify:    Notify{Mail: Mail{Security: MailStartTLS}},
		Backup:    Backup{Keep: 14},
		Retention: Retention{Documents: 1100, Figures: 0, Histories: 0},
		Log:       Log{Level: "info", Format: "auto", FileSize: 10 << 20, Files: 10},
	}
	if goos == "windows" {
		if programData == "" {
			programData = `C:\ProgramData`
		}
		c.DataDir = filepath.Join(programData, "balansd")
		c.Socket = usualPipe
	}
	c.derive()
	return c
}

// defaultSettle is how long a file in a folder must be unchanged before it is read.
const defaultSettle = 10 * time.Second

// derive fills in the settings that follow from others.
func (c *Config) derive() {
	c.Silverfin.Target.derive()
	for i := range c.Silverfin.Firms {
		c.Silverfin.Firms[i].Target.derive()
	}
	if m := &c.Notify.Mail; m.Port == 0 {
		m.Port = map[string]int{MailTLS: 465, MailPlain: 25}[m.Security]
		if m.Port == 0 {
			m.Port = 587
		}
	}
	for i := range c.Notify.Mail.To {
		c.Notify.Mail.To[i].Language = cmp.Or(c.Notify.Mail.To[i].Language, c.Language)
	}
	for i := range c.Notify.Webhooks {
		c.Notify.Webhooks[i].Language = cmp.Or(c.Notify.Webhooks[i].Language, c.Language)
	}
	fill := func(s *string, name string) {
		if *s == "" {
			*s = filepath.Join(c.DataDir, name)
		}
	}
	fill(&c.StateFile, "balansd.db")
	fill(&c.KeyFile, "balansd.key")
	fill(&c.Socket, "balansd.sock")
	if _, set := c.origins["socket"]; c.Socket == usualPipe && !set && !isUsualData(c.DataDir) {
		c.Socket = pipeOf(c.DataDir)
	}
	fill(&c.Backup.Folder, "backups")
}

// defaultTarget returns the target of a firm of which nothing is configured.
func defaultTarget() Target {
	return Target{Level: "period", Namespace: "social_balance_integration", Values: Values{Decimal: "point", Zero: "digit", Amounts: "exact"}}
}

// derive sets the key where no rubric has another one.
func (t *Target) derive() {
	if t.Key == "" && len(t.Map) == 0 {
		t.Key = "code_{code}"
	}
}

// usualPipe is the pipe of a daemon with the default data folder of Windows.
const usualPipe = `\\.\pipe\balansd`

// isUsualData reports whether a folder is the default data folder. It does not use
// the environment, because that of a service differs from a person's and both must
// get the same pipe.
func isUsualData(dataDir string) bool {
	parts := strings.FieldsFunc(dataDir, func(r rune) bool { return r == '\\' || r == '/' })
	last := len(parts) - 1
	return last > 0 && strings.EqualFold(parts[last], "balansd") && strings.EqualFold(parts[last-1], "ProgramData")
}

// pipeOf returns the pipe of a daemon with another data folder. All pipes of a
// machine share one namespace, and a command with another configuration must not
// reach this daemon.
func pipeOf(dataDir string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(filepath.Clean(dataDir))))
	return usualPipe + "-" + hex.EncodeToString(sum[:8])
}

// brussels returns the default time zone. The database is compiled in, so it is
// always found.
func brussels() *time.Location {
	loc, err := time.LoadLocation("Europe/Brussels")
	if err != nil {
		return time.UTC
	}
	return loc
}
