package config

import (
	"net/url"
	"time"

	"balansd/balance"
)

// Config is every setting of balansd, complete: what a person did not set has
// its default, and paths are absolute. The yaml tags are the names that people
// write. A Config is not changed after Load, so it may be read from several
// goroutines.
type Config struct {
	DataDir        string         `yaml:"data_dir"`   // where balansd keeps its state
	StateFile      string         `yaml:"state_file"` // the bbolt file; in DataDir unless set
	KeyFile        string         `yaml:"key_file"`   // the data key that seals tokens; in DataDir unless set
	Socket         string         `yaml:"socket"`     // Unix socket or named pipe of the local API
	Language       string         `yaml:"language"`   // nl, fr, en or de
	TimeZone       *time.Location `yaml:"time_zone"`  // the zone in which nights are counted
	Schedule       Schedule       `yaml:"night"`
	Finbox         Finbox         `yaml:"finbox"`
	Folders        []Folder       `yaml:"folders"`
	Silverfin      Silverfin      `yaml:"silverfin"`
	Dossiers       []Dossier      `yaml:"dossiers"`
	Documents      Documents      `yaml:"documents"`
	Administration Administration `yaml:"administration"`
	Backup         Backup         `yaml:"backup"`
	Retention      Retention      `yaml:"retention"`
	Network        Network        `yaml:"network"`
	Portal         Portal         `yaml:"portal"`
	Notify         Notify         `yaml:"notify"`
	Log            Log            `yaml:"log"`

	file     string
	origins  map[string]Origin
	original map[string]string // paths of secret files as a person wrote them, by key, where the service has a copy
}

// Schedule says when the nightly run starts.
type Schedule struct {
	At       Clock         `yaml:"at"`       // local time of day in Config.TimeZone
	Spread   time.Duration `yaml:"spread"`   // each installation starts up to this much later, always equally much
	CatchUp  string        `yaml:"catch_up"` // AsSoonAsUp or NextNight, after a missed night
	Window   Hours         `yaml:"window"`   // of the day, in which a missed night is caught up
	Deadline time.Duration `yaml:"deadline"` // a run is stopped after this long; the next one continues
}

// The answers to a missed night.
const (
	AsSoonAsUp = "as_soon_as_up" // one run as soon as balansd runs again
	NextNight  = "next_night"    // wait for the next night
)

// Finbox says how to reach SD Worx Finbox. The section may be left out where
// only folders are used.
type Finbox struct {
	BaseURL          string        `yaml:"base_url"`
	TokenURL         string        `yaml:"token_url"`
	ClientID         string        `yaml:"client_id"`
	ClientSecret     Secret        `yaml:"client_secret"` // also filled from ClientSecretFile
	ClientSecretFile string        `yaml:"client_secret_file"`
	PrivateKeyFile   string        `yaml:"private_key_file"` // PEM; signs the private_key_jwt assertion
	CertificateFile  string        `yaml:"certificate_file"` // PEM; the certificate known to SD Worx
	Scope            string        `yaml:"scope"`
	Audience         string        `yaml:"audience"`
	Overlap          time.Duration `yaml:"overlap"`      // how far before the cursor a listing starts again
	MaxDocument      Size          `yaml:"max_document"` // larger documents are refused
	Timeout          time.Duration `yaml:"timeout"`      // of one call
}

// Configured reports whether balansd is to ask Finbox at all.
func (f Finbox) Configured() bool { return f.BaseURL != "" }

// Folder is one folder of social balances on the server.
type Folder struct {
	Name   string        `yaml:"name"` // its connection id; unique
	Path   string        `yaml:"path"`
	Settle time.Duration `yaml:"settle"` // how long a file must be unchanged before it is read
	From   From          `yaml:"from"`   // which files count, by when they were changed last; all unless set
	Layout string        `yaml:"layout"` // FolderAuto, FolderDossiers or FolderFlat
	Ignore []string      `yaml:"ignore"` // patterns of files and folders that are left out
}

// The layouts of a folder.
const (
	FolderAuto     = "auto"     // sub-folders are dossiers unless their names say otherwise; all else is matched by the number inside
	FolderDossiers = "dossiers" // each dossier a sub-folder
	FolderFlat     = "flat"     // every file is matched by the number inside
)

// Silverfin says how to reach Silverfin and where the figures land.
type Silverfin struct {
	BaseURL                string        `yaml:"base_url"`
	ClientID               string        `yaml:"client_id"`
	ClientSecret           Secret        `yaml:"client_secret"` // also filled from ClientSecretFile
	ClientSecretFile       string        `yaml:"client_secret_file"`
	Scopes                 []string      `yaml:"scopes"`              // empty: what the target needs
	Redirect               string        `yaml:"redirect"`            // RedirectAuto, RedirectOOB or the registered callback URL
	CallbackAddress        string        `yaml:"callback_address"`    // loopback host:port of the sign-in callback; port 0 is any free one
	RequestsPerSecond      float64       `yaml:"requests_per_second"` // per firm
	Burst                  int           `yaml:"burst"`               // calls of one firm that may follow at once
	Concurrency            int           `yaml:"concurrency"`         // companies of one firm worked on at once
	Timeout                time.Duration `yaml:"timeout"`             // of one call
	Target                 Target        `yaml:"target"`
	Firms                  []FirmTarget  `yaml:"firms"` // of which Target does not hold
	Workflow               Workflow      `yaml:"workflow"`
	EnterpriseNumberFields []string      `yaml:"enterprise_number_fields"` // of a company, the first that holds one counts
	LockedFields           []string      `yaml:"locked_fields"`            // of a period, that mean locked if they are not empty
	LockedStatuses         []int         `yaml:"locked_statuses"`          // HTTP statuses of a refused write that mean locked
	FinancialYear          string        `yaml:"financial_year"`           // YearExact or YearEnd
	StoreDocument          bool          `yaml:"store_document"`           // with the company's permanent documents
	AppLink                string        `yaml:"app_link"`                 // public address of the pages; empty for no link in Silverfin
	AppLinkPlacement       string        `yaml:"app_link_placement"`       // the menu of Silverfin that has it
	AppLinkTemplates       []int         `yaml:"app_link_templates"`       // ids of the templates that have it; empty for all
	Archived               string        `yaml:"archived"`                 // ArchivedAsk or ArchivedFollow
}

// The values of Silverfin.FinancialYear: what of a financial year in Silverfin must be
// that of the balance.
const (
	YearExact = "exact" // its start and its end
	YearEnd   = "end"   // its end
)

// The values of Silverfin.Archived: what becomes of a balance whose company is archived
// or gone while another one has its enterprise number.
const (
	ArchivedAsk    = "ask"    // a person is asked
	ArchivedFollow = "follow" // it is delivered there as well
)

// The special values of Silverfin.Redirect.
const (
	RedirectAuto = "auto" // the loopback callback
	RedirectOOB  = "oob"  // Silverfin shows a code, a person pastes it
)

// Configured reports whether balansd can sign in to Silverfin.
func (s Silverfin) Configured() bool { return s.ClientID != "" }

// Target says where in Silverfin the figures land; the firm's templates decide.
type Target struct {
	Level          string            `yaml:"level"`           // period or reconciliation
	Handle         string            `yaml:"handle"`          // of the reconciliation template, at level reconciliation
	Namespace      string            `yaml:"namespace"`       // of the custom properties
	Key            string            `yaml:"key"`             // pattern; {code} is a rubric as 1003, or 1003P for the previous year; empty: Map alone
	KeyPrevious    string            `yaml:"key_previous"`    // the same for the previous year, where {code} is the rubric without the P
	Map            map[string]string `yaml:"map"`             // rubric to key or namespace.key; takes precedence over the patterns
	RequireStarred bool              `yaml:"require_starred"` // at level reconciliation: only a starred reconciliation takes figures
	Values         Values            `yaml:"values"`          // how the figures are written
}

// FirmTarget is the target of one firm, in place of Silverfin.Target.
type FirmTarget struct {
	ID     int64  `yaml:"id"`
	Target Target `yaml:"target"`
}

// Values says how a template wants its figures written; see mapping.Format.
type Values struct {
	Decimal  string   `yaml:"decimal"`  // point or comma
	Zero     string   `yaml:"zero"`     // digit or blank
	Amounts  string   `yaml:"amounts"`  // exact or whole_euros
	Negative []string `yaml:"negative"` // codes of the rubrics whose sign is turned
}

// WritesTarget reports whether somebody wrote any setting of Silverfin.Target.
func (c *Config) WritesTarget() bool { return (&reader{origins: c.origins}).isSet("silverfin.target") }

// Where returns where a section was set, as "balansd.yaml:12".
func (c *Config) Where(section string) string { return c.origin(section).String() }

// Workflow says which workflow must be open in the period.
type Workflow struct {
	Names []string `yaml:"names"` // regular expressions on its name, any of them, without regard to case
}

// Dossier is a link that a person set: which company takes a dossier's social
// balances (the sync reference), and from when.
type Dossier struct {
	Connection string `yaml:"connection"` // connection id, or the folder's name
	Dossier    string `yaml:"dossier"`    // the source's id or affiliation number; the sub-folder's name
	// EnterpriseNumber is for a dossier whose source does not have it.
	EnterpriseNumber balance.EnterpriseNumber `yaml:"enterprise_number"`

	// NumberDiffers is the name of a company whose enterprise number is not the
	// dossier's, to confirm that this is intended.
	NumberDiffers string `yaml:"number_differs"`

	Firm    int64 `yaml:"firm"` // with Company, or neither: then only the rest counts
	Company int64 `yaml:"company"`
	From    From  `yaml:"from"` // which balances count; by default those made after the activation

	Paused bool   `yaml:"paused"` // its balances wait
	Note   string `yaml:"note"`   // for whoever looks at the link later
}

// Documents says how social balances are read.
type Documents struct {
	CBSOTable      string  `yaml:"cbso_table"`       // a table of XBRL members that extends or replaces balansd's own
	HoldOnFindings bool    `yaml:"hold_on_findings"` // a balance with findings waits for a person
	Tables         []Table `yaml:"tables"`           // tables of layouts that balansd does not know
}

// Table names the columns of a table of social balances by their heads; see
// balance.Table.
type Table struct {
	Name     string            `yaml:"name"`     // for people; unique
	Code     string            `yaml:"code"`     // the head of the column with the codes of the rubrics
	Current  string            `yaml:"current"`  // of the amounts of the financial year
	Previous string            `yaml:"previous"` // of those of the year before
	Columns  map[string]string `yaml:"columns"`  // in place of the three: the head of each rubric, by its code
	Number   string            `yaml:"number"`   // of the enterprise number
	Client   string            `yaml:"client"`   // of the client's name
	Year     string            `yaml:"year"`     // of the financial year, a calendar year or its last day
	Start    string            `yaml:"start"`    // of its first day
	End      string            `yaml:"end"`      // of its last day
}

// Layout returns the table as the reader of documents takes it.
func (t Table) Layout() balance.Table {
	return balance.Table{Name: t.Name, Code: t.Code, Current: t.Current, Previous: t.Previous, Columns: t.Columns,
		Number: t.Number, Client: t.Client, Year: t.Year, Start: t.Start, End: t.End}
}

// Backup says where copies of the state go. One is made before each nightly
// run and before each migration.
type Backup struct {
	Folder string `yaml:"folder"` // in DataDir unless set
	Keep   int    `yaml:"keep"`   // older ones beyond this number are removed
}

// Retention says how long what belongs to a settled entry is kept. The entry
// itself, with its identity, hash and outcome, is kept for ever.
type Retention struct {
	Documents Days `yaml:"documents"` // the document as it came
	Figures   Days `yaml:"figures"`   // the figures that were read from it
	Histories Days `yaml:"stories"`   // each step and attempt
}

// Network says how the outside is reached.
type Network struct {
	Proxy                 string `yaml:"proxy"`          // URL; empty: none
	ProxyPassword         Secret `yaml:"proxy_password"` // of the user whom Proxy names; also filled from ProxyPasswordFile
	ProxyPasswordFile     string `yaml:"proxy_password_file"`
	CAFile                string `yaml:"ca_file"`                 // PEM; certificates trusted besides the system's
	ClientCertificateFile string `yaml:"client_certificate_file"` // PEM; shown to a server or proxy that asks for one
	ClientKeyFile         string `yaml:"client_key_file"`         // PEM; the key of it
}

// ProxyURL returns the URL of the proxy with its password; empty for no proxy.
func (n Network) ProxyURL() string {
	u, err := url.Parse(n.Proxy)
	if err != nil || n.ProxyPassword.IsZero() || u.User == nil {
		return n.Proxy
	}
	u.User = url.UserPassword(u.User.Username(), n.ProxyPassword.Reveal())
	return u.String()
}

// Portal says where the web pages are, and who may see them.
type Portal struct {
	Listen           string        `yaml:"listen"`             // host:port; empty: no pages
	URL              string        `yaml:"url"`                // by which browsers reach it, where a reverse proxy is in front; empty: what follows from the rest
	TrustedProxies   []Addresses   `yaml:"trusted_proxies"`    // whose X-Forwarded-For is believed
	Hostnames        []string      `yaml:"hostnames"`          // the names by which browsers reach it, besides loopback's own and that of URL
	CertificateFile  string        `yaml:"certificate_file"`   // PEM; needed where Listen is not loopback
	KeyFile          string        `yaml:"key_file"`           // PEM
	SessionTime      time.Duration `yaml:"session_time"`       // a person signs in again after this long
	MetricsToken     Secret        `yaml:"metrics_token"`      // also filled from MetricsTokenFile; empty: no metrics
	MetricsTokenFile string        `yaml:"metrics_token_file"` // who reads the metrics shows this token
	OIDC             OIDC          `yaml:"oidc"`
}

// OIDC is an OpenID Connect provider that signs people in, in place of
// accounts of balansd's own.
type OIDC struct {
	Issuer           string   `yaml:"issuer"` // URL; empty: none
	ClientID         string   `yaml:"client_id"`
	ClientSecret     Secret   `yaml:"client_secret"` // also filled from ClientSecretFile
	ClientSecretFile string   `yaml:"client_secret_file"`
	GroupsClaim      string   `yaml:"groups_claim"` // the claim that lists a person's groups
	AdminGroups      []string `yaml:"admin_groups"` // who is in one of them is an admin
	StaffGroups      []string `yaml:"staff_groups"`
	AdminUsers       []string `yaml:"admin_users"` // mail addresses that the provider has verified
	StaffUsers       []string `yaml:"staff_users"`
	HostedDomain     string   `yaml:"hosted_domain"` // of Google Workspace; empty: any
	// Recheck is after how long the provider is asked again what a person may do.
	Recheck time.Duration `yaml:"recheck"`
}

// Configured reports whether a provider signs people in.
func (o OIDC) Configured() bool { return o.Issuer != "" }

// Notify says who is told what needs a person, and how.
type Notify struct {
	ClientNames      bool      `yaml:"client_names"` // messages may name clients
	Mail             Mail      `yaml:"mail"`
	Webhooks         []Webhook `yaml:"webhooks"`
	HeartbeatURL     Secret    `yaml:"heartbeat_url"`      // also filled from HeartbeatURLFile; called after each good night
	HeartbeatURLFile string    `yaml:"heartbeat_url_file"` // a file, since such an address is a secret
}

// Configured reports whether anybody is told anything.
func (n Notify) Configured() bool {
	return n.Mail.Host != "" || len(n.Webhooks) > 0 || !n.HeartbeatURL.IsZero()
}

// Mail says by which server mails are sent, and to whom.
type Mail struct {
	Host         string      `yaml:"host"`
	Port         int         `yaml:"port"`     // 0: the usual one of Security
	Security     string      `yaml:"security"` // MailStartTLS, MailTLS or MailPlain
	User         string      `yaml:"user"`     // empty: no sign-in
	Password     Secret      `yaml:"password"` // also filled from PasswordFile
	PasswordFile string      `yaml:"password_file"`
	From         string      `yaml:"from"`
	To           []Recipient `yaml:"to"`
}

// The values of Mail.Security.
const (
	MailStartTLS = "starttls"
	MailTLS      = "tls"  // from the beginning
	MailPlain    = "none" // not encrypted; without a password alone
)

// Recipient is one who gets mails.
type Recipient struct {
	Address  string `yaml:"address"`
	Role     string `yaml:"role"`     // RoleAdmin, RoleStaff or RoleAll
	Language string `yaml:"language"` // nl, fr, en or de; empty: Config.Language
}

// The roles of those who are told: what each does.
const (
	RoleAdmin = "admin" // on the server, and in the connections
	RoleStaff = "staff" // in the dossiers
	RoleAll   = "all"
)

// Webhook is an address that messages are posted to.
type Webhook struct {
	Name       string `yaml:"name"` // for people; unique
	URL        Secret `yaml:"url"`  // filled from URLFile
	URLFile    string `yaml:"url_file"`
	Format     string `yaml:"format"` // FormatJSON, FormatTeams or FormatSlack
	Secret     Secret `yaml:"secret"` // filled from SecretFile; signs what is sent
	SecretFile string `yaml:"secret_file"`
	Role       string `yaml:"role"`
	Language   string `yaml:"language"`
}

// The values of Webhook.Format.
const (
	FormatJSON  = "json"
	FormatTeams = "teams"
	FormatSlack = "slack"
)

// Log says what is logged, and where.
type Log struct {
	Level    string `yaml:"level"`     // trace, debug, info, warn or error
	Format   string `yaml:"format"`    // auto (journald under systemd, console on a terminal, else json), journald, json or console
	File     string `yaml:"file"`      // a file that is rotated by size; empty: standard error, or a file in DataDir as a Windows service
	FileSize Size   `yaml:"file_size"` // a larger file is rotated; rounded up to whole MiB
	Files    int    `yaml:"files"`     // how many older files are kept
}

// File is the full path of the file that the settings were read from, empty
// when there is none.
func (c *Config) File() string { return c.file }
