package notify_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"balansd/ledger"
	"balansd/notify"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// smtpServer is a mail server on loopback that takes mails into memory.
type smtpServer struct {
	notify.MailServer

	mu    sync.Mutex
	inbox inbox
	// refuse, when not nil, is the answer to a step: "mail", "rcpt" or "data"; cut breaks the
	// connection off there.
	refuse func(step string) error
}

// inbox is what a mail server received.
type inbox struct {
	mails     [][]byte
	to, users []string // the recipients, and who signed in
}

// received returns what has arrived so far.
func (s *smtpServer) received() inbox {
	s.mu.Lock()
	defer s.mu.Unlock()
	return inbox{slices.Clone(s.inbox.mails), slices.Clone(s.inbox.to), slices.Clone(s.inbox.users)}
}

const mailPassword = "hunter2-canary"

func newSMTPServer(t *testing.T, security notify.Security) *smtpServer {
	t.Helper()
	certificates := httptest.NewUnstartedServer(nil)
	certificates.StartTLS()
	t.Cleanup(certificates.Close)
	roots := x509.NewCertPool()
	roots.AddCert(certificates.Certificate())
	s := &smtpServer{}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &smtpSession{s, c}, nil }))
	server.Domain = "mail.example"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	switch security {
	case notify.TLS:
		l = tls.NewListener(l, certificates.TLS)
	case notify.StartTLS:
		server.TLSConfig = certificates.TLS
	}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	s.MailServer = notify.MailServer{Host: "127.0.0.1", Port: port, Security: security, From: "balansd@office.example", Roots: roots}
	return s
}

type smtpSession struct {
	server *smtpServer
	conn   *smtp.Conn
}

func (s *smtpSession) step(name string) error {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.server.refuse == nil {
		return nil
	}
	err := s.server.refuse(name)
	if errors.Is(err, io.EOF) {
		_ = s.conn.Conn().Close()
	}
	return err
}

func (s *smtpSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *smtpSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != mailPassword {
			return smtp.ErrAuthFailed
		}
		s.server.mu.Lock()
		defer s.server.mu.Unlock()
		s.server.inbox.users = append(s.server.inbox.users, user)
		return nil
	}), nil
}

func (s *smtpSession) Mail(string, *smtp.MailOptions) error { return s.step("mail") }

func (s *smtpSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.server.mu.Lock()
	s.server.inbox.to = append(s.server.inbox.to, to)
	s.server.mu.Unlock()
	return s.step("rcpt")
}

func (s *smtpSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := s.step("data"); err != nil {
		return err
	}
	s.server.mu.Lock()
	s.server.inbox.mails = append(s.server.inbox.mails, text)
	s.server.mu.Unlock()
	return s.step("taken")
}

func (s *smtpSession) Reset()        {}
func (s *smtpSession) Logout() error { return nil }

// TestMail sends a mail in each way and reads it as a mail program does.
func TestMail(t *testing.T) {
	t.Parallel()
	for _, security := range []notify.Security{notify.StartTLS, notify.TLS, notify.Plain} {
		t.Run(string(security), func(t *testing.T) {
			t.Parallel()
			s := newSMTPServer(t, security)
			if security != notify.Plain {
				s.User, s.Password = "balansd", mailPassword
			}
			f := newFixture(t, openState(t), notify.Channel{ID: "it@office.example", Audience: notify.Everyone, Language: "nl", Send: s.Mail("it@office.example")})
			f.report(1, relink("Kantoor Zandbank"), waits("12", ledger.NoCompany), waits("13", ledger.NoCompany))
			if u := f.unsent(); len(u) > 0 {
				t.Fatalf("unsent: %+v", u)
			}
			got := s.received()
			if len(got.mails) != 1 || fmt.Sprint(got.to) != "[it@office.example]" || security != notify.Plain && fmt.Sprint(got.users) != "[balansd]" {
				t.Fatalf("%d mails to %v by %v", len(got.mails), got.to, got.users)
			}
			m := parse(t, got.mails[0])
			for name, want := range map[string]string{"From": "<balansd@office.example>", "To": "<it@office.example>", "Content-Type": "text/plain; charset=UTF-8",
				"Auto-Submitted": "auto-generated", "Content-Language": "nl", "Date": "Tue, 10 Mar 2026 03:00:00 +0000"} {
				if got := m.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			if id := m.Get("Message-Id"); !strings.HasSuffix(id, "@office.example>") {
				t.Errorf("the message id is %s", id)
			}
			if want := "balansd op SRV01: 3 nieuwe punten te doen"; m.subject != want {
				t.Errorf("the subject is %q, want %q", m.subject, want)
			}
			for _, want := range []string{"\nNIEUW\n", "Kantoor Zandbank moet opnieuw gekoppeld worden", "https://balansd.office.example/connection#step2",
				"2 sociale balansen wachten: title of no_company.", "Historiek nr. 12 https://balansd.office.example/dossiers/12"} {
				if !strings.Contains(m.body, want) {
					t.Errorf("%q is not in\n%s", want, m.body)
				}
			}
			for _, canary := range []string{clientCanary, figureCanary, mailPassword} {
				if bytes.Contains(got.mails[0], []byte(canary)) || strings.Contains(m.body, canary) {
					t.Errorf("the mail has %s", canary)
				}
			}
		})
	}
}

// TestClientNames: clients are named where the configuration says so, figures never.
func TestClientNames(t *testing.T) {
	t.Parallel()
	s := newSMTPServer(t, notify.StartTLS)
	f := newFixture(t, openState(t), notify.Channel{ID: "a", Audience: notify.Everyone, Send: s.Mail("a@office.example")})
	f.cfg.ClientNames = true
	f.restart()
	f.report(1, waits("12", ledger.NoCompany))
	if m := parse(t, s.received().mails[0]); !strings.Contains(m.body, clientCanary+" https://") || strings.Contains(m.body, figureCanary) {
		t.Errorf("the mail is\n%s", m.body)
	}
}

// TestMailRefused: what a mail server refuses is tried again, and its reason is shown
// without the password. What it took is not sent again, even if it then breaks off.
func TestMailRefused(t *testing.T) {
	t.Parallel()
	answer := func(step string, err error) func(string) error {
		return func(at string) error {
			if at == step {
				return err
			}
			return nil
		}
	}
	busy := &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "try later " + mailPassword}
	never := &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "no relaying"}
	for name, c := range map[string]struct {
		refuse   func(string) error
		password string
		plain    bool
		shown    string // empty when it is sent
	}{
		"4xx at the recipient":   {answer("rcpt", busy), mailPassword, false, `451 "4.3.0 try later …"`},
		"5xx at the recipient":   {answer("rcpt", never), mailPassword, false, `550 "5.7.1 no relaying"`},
		"5xx at the data":        {answer("data", never), mailPassword, false, `550 "5.7.1 no relaying"`},
		"broken off at the data": {answer("data", io.EOF), mailPassword, false, "EOF"},
		"a wrong password":       {nil, "wrong", false, "535"},
		"no encryption offered":  {nil, mailPassword, true, "STARTTLS"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			security := notify.StartTLS
			if c.plain {
				security = notify.Plain
			}
			s := newSMTPServer(t, security)
			s.Security, s.User, s.Password, s.refuse = notify.StartTLS, "balansd", c.password, c.refuse
			f := newFixture(t, openState(t), notify.Channel{ID: "a", Audience: notify.Everyone, Send: s.Mail("a@office.example")})
			f.report(1, relink("Kantoor"))
			u := f.unsent()
			if len(u) != 1 || !strings.Contains(u[0].Problem, c.shown) || strings.Contains(u[0].Problem, mailPassword) || !strings.Contains(u[0].Problem, "127.0.0.1") {
				t.Fatalf("unsent is %+v", u)
			}
			s.mu.Lock()
			s.refuse = nil
			s.mu.Unlock()
			if c.refuse == nil {
				return
			}
			f.clock.Add(u[0].Next.Sub(f.clock.Now()))
			if f.deliver(); len(f.unsent()) != 0 || len(s.received().mails) != 1 {
				t.Errorf("then unsent is %+v, %d mails", f.unsent(), len(s.received().mails))
			}
		})
	}
}

// TestBreakAfterTheMail: a server that breaks off after it took a mail has it.
func TestBreakAfterTheMail(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	mails := make(chan struct{}, 9)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			breakAfterMail(c)
			mails <- struct{}{}
		}
	}()
	s := notify.MailServer{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, Security: notify.Plain, From: "balansd@office.example"}
	f := newFixture(t, openState(t), notify.Channel{ID: "a", Audience: notify.Everyone, Send: s.Mail("a@office.example")})
	f.report(1, relink("Kantoor"))
	<-mails
	if u := f.unsent(); len(u) != 0 {
		t.Errorf("unsent is %+v", u)
	}
}

// breakAfterMail speaks SMTP until it took a mail, and hangs up.
func breakAfterMail(c net.Conn) {
	defer func() { _ = c.Close() }()
	say := func(text string) { _, _ = io.WriteString(c, text+"\r\n") }
	buf, data := make([]byte, 1<<16), false
	say("220 mail.example")
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		text := string(buf[:n])
		switch {
		case data && strings.Contains(text, "\r\n.\r\n"):
			say("250 taken")
			return
		case data:
		case strings.HasPrefix(text, "DATA"):
			data = true
			say("354 go on")
		default:
			say("250 ok")
		}
	}
}
