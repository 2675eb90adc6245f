package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"balansd/problem"
	"balansd/sandbox/administration"
	"balansd/sandbox/finbox"
	"balansd/sandbox/silverfin"

	"github.com/rs/zerolog"
)

// Options are what a Sandbox needs. The zero value works: free ports on
// loopback, and nothing saved on disk.
type Options struct {
	FinboxAddr         string           // host:port; empty means a free port; the host must be loopback
	SilverfinAddr      string           // likewise
	ControlAddr        string           // likewise
	AdministrationAddr string           // likewise
	Data               string           // a folder for state and request logs; empty means nothing is saved
	Now                func() time.Time // nil means time.Now
	Log                zerolog.Logger
	Finbox             finbox.Options    // how Finbox behaves; Now and BaseURL are set by Start
	Silverfin          silverfin.Options // how Silverfin behaves; Now is set by Start
}

// Sandbox runs a Finbox, a Silverfin and a control endpoint on this machine.
// It is safe for concurrent use.
type Sandbox struct {
	Finbox    *finbox.Finbox
	Silverfin *silverfin.Silverfin
	// Administration is AdminPulse, Adsolut and the National Bank; without clients until
	// some are set. Nothing of it is saved.
	Administration *administration.Services

	opt               Options
	silverfinURL      string
	controlURL        string
	administrationURL string
	servers           []*http.Server
	serving           sync.WaitGroup
	files             *stateFiles // nil when nothing is saved
	filling           sync.Mutex
}

// Info says how to reach a Sandbox. It is what `balansd sandbox` prints.
type Info struct {
	Finbox         FinboxInfo         `json:"finbox"`
	Silverfin      SilverfinInfo      `json:"silverfin"`
	Control        ControlInfo        `json:"control"`
	Administration AdministrationInfo `json:"-"` // a line of its own
}

// AdministrationInfo says how to reach the AdminPulse, the Adsolut and the National Bank of
// a Sandbox, which share an address.
type AdministrationInfo struct {
	URL                 string `json:"url"`
	AdsolutAuthorizeURL string `json:"adsolut_authorize_url"`
	AdsolutTokenURL     string `json:"adsolut_token_url"`
	AdsolutClientID     string `json:"adsolut_client_id"`
	AdsolutClientSecret string `json:"adsolut_client_secret"`
	AdminPulseKey       string `json:"adminpulse_key"`
	NationalBankKey     string `json:"national_bank_key"`
}

// FinboxInfo says how to reach the Finbox of a Sandbox.
type FinboxInfo struct {
	URL          string `json:"url"`
	TokenURL     string `json:"token_url"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	ConnectionID string `json:"connection_id"` // of the first environment
}

// SilverfinInfo says how to reach the Silverfin of a Sandbox.
type SilverfinInfo struct {
	URL          string           `json:"url"`
	ClientID     string           `json:"client_id"`
	ClientSecret string           `json:"client_secret"`
	Firms        []silverfin.Firm `json:"firms"`
}

// ControlInfo says how to reach the control endpoint of a Sandbox.
type ControlInfo struct {
	URL string `json:"url"`
}

// Start runs a Sandbox. With a Data folder it continues with the saved state; a new one
// has one environment and one firm. It refuses an address that is not loopback.
func Start(opt Options) (*Sandbox, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	opt.Finbox.Now, opt.Silverfin.Now = opt.Now, opt.Now
	var listeners []net.Listener
	closeAll := func() {
		for _, l := range listeners {
			_ = l.Close()
		}
	}
	for _, addr := range []string{opt.FinboxAddr, opt.SilverfinAddr, opt.ControlAddr, opt.AdministrationAddr} {
		l, err := listen(addr)
		if err != nil {
			closeAll()
			return nil, err
		}
		listeners = append(listeners, l)
	}
	url := func(i int) string { return "http://" + listeners[i].Addr().String() }
	opt.Finbox.BaseURL = url(0)
	s := &Sandbox{
		Finbox: finbox.New(opt.Finbox), Silverfin: silverfin.New(opt.Silverfin),
		Administration: administration.New(administration.Options{Now: opt.Now, FalseEmpty: true}),
		opt:            opt, silverfinURL: url(1), controlURL: url(2), administrationURL: url(3),
	}
	if opt.Data != "" {
		k, err := openFiles(opt.Data, s.Finbox, s.Silverfin, opt.Log)
		if err != nil {
			closeAll()
			return nil, err
		}
		s.files = k
	}
	if len(s.Finbox.Environments()) == 0 {
		s.Finbox.AddConnection(finbox.Environment{Name: "Kantoor Zandbank", Language: "nl"})
	}
	if len(s.Silverfin.Firms()) == 0 {
		s.Silverfin.AddFirm("Kantoor Zandbank")
	}
	for i, h := range []http.Handler{s.Finbox, s.Silverfin, s.newControl(), s.Administration} {
		s.serve(listeners[i], h)
	}
	return s, nil
}

// listen opens a port on loopback only, because a sandbox shows its secrets to every
// client.
func listen(addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(cmp.Or(addr, ":0"))
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n > 65535 {
		return nil, problem.New(problem.Usage, fmt.Sprintf("%.80q is not an address for the sandbox", addr),
			"Give an address such as 127.0.0.1:8081.")
	}
	host = cmp.Or(host, "127.0.0.1")
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, problem.New(problem.Usage, fmt.Sprintf("the sandbox does not listen on %.80q, because others could reach it there", addr),
			"Give a loopback address such as 127.0.0.1:8081.")
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, problem.Wrap(err, problem.Usage, fmt.Sprintf("the sandbox cannot listen on %.80q", addr),
			"Another program may use the port; give another one, or none for a free one.")
	}
	return l, nil
}

func (s *Sandbox) serve(l net.Listener, h http.Handler) {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	s.servers = append(s.servers, server)
	s.serving.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.opt.Log.Error().Err(err).Msg("a sandbox server stopped")
		}
	})
}

// Info returns how to reach the sandbox.
func (s *Sandbox) Info() Info {
	info := Info{
		Finbox: FinboxInfo{
			URL: s.Finbox.BaseURL(), TokenURL: s.Finbox.TokenURL(),
			ClientID: s.Finbox.ClientID(), ClientSecret: s.Finbox.ClientSecret(),
		},
		Silverfin: SilverfinInfo{
			URL: s.silverfinURL, ClientID: s.Silverfin.Options().ClientID,
			ClientSecret: s.Silverfin.Options().ClientSecret, Firms: s.Silverfin.Firms(),
		},
		Control: ControlInfo{URL: s.controlURL},
		Administration: AdministrationInfo{URL: s.administrationURL, AdsolutAuthorizeURL: s.administrationURL + "/connect/authorize",
			AdsolutTokenURL: s.administrationURL + "/connect/token", AdsolutClientID: administration.AdsolutClient, AdsolutClientSecret: administration.AdsolutSecret,
			AdminPulseKey: administration.AdminPulseKey, NationalBankKey: administration.NationalBankKey},
	}
	if all := s.Finbox.Environments(); len(all) > 0 {
		info.Finbox.ConnectionID = all[0].ConnectionID
	}
	return info
}

// changed has the state saved soon.
func (s *Sandbox) changed() {
	if s.files != nil {
		s.files.changed()
	}
}

// Close stops the servers and saves the state. Calls that are under way get
// until ctx ends, then they are cut off.
func (s *Sandbox) Close(ctx context.Context) error {
	var errs []error
	for _, server := range s.servers {
		if err := server.Shutdown(ctx); err != nil {
			errs = append(errs, server.Close())
		}
	}
	s.serving.Wait()
	if s.files != nil {
		errs = append(errs, s.files.close())
	}
	return errors.Join(errs...)
}
