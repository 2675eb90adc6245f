package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// Security says how the connection to a mail server is encrypted.
type Security string

// The securities.
const (
	StartTLS Security = "starttls"
	TLS      Security = "tls"  // from the beginning
	Plain    Security = "none" // not at all: then no password is sent
)

// MailServer is the server that takes mails.
type MailServer struct {
	Host     string
	Port     int
	Security Security
	User     string // empty for no sign-in
	Password string
	From     string
	Roots    *x509.CertPool // nil for those of the system
}

// Mail returns what sends a message to one address. The server is called directly, not
// through a proxy.
func (s MailServer) Mail(to string) func(context.Context, Message) error {
	return func(ctx context.Context, m Message) error {
		msg, err := s.compose(to, m)
		if err != nil {
			return err
		}
		client, err := gomail.NewClient(s.Host, s.options()...)
		if err != nil {
			return err
		}
		conn, err := client.DialToSMTPClientWithContext(ctx)
		if err != nil {
			return s.because(err)
		}
		// A server that took the message and then breaks off has it all the same.
		defer func() { _ = client.CloseWithSMTPClient(conn) }()
		if err := client.SendWithSMTPClient(conn, msg); err != nil && !msg.IsDelivered() {
			return s.because(err)
		}
		return nil
	}
}

// Reach connects to the server and encrypts the connection as configured. It signs nobody
// in and sends nothing.
func (s MailServer) Reach(ctx context.Context) error {
	s.User = ""
	client, err := gomail.NewClient(s.Host, s.options()...)
	if err != nil {
		return err
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return s.because(err)
	}
	_ = client.CloseWithSMTPClient(conn)
	return nil
}

func (s MailServer) options() []gomail.Option {
	const timeout = 30 * time.Second
	options := []gomail.Option{gomail.WithPort(s.Port), gomail.WithTimeout(timeout),
		gomail.WithTLSConfig(&tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12, RootCAs: s.Roots})}
	switch s.Security {
	case TLS:
		options = append(options, gomail.WithSSL())
	case Plain:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.User != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(s.User), gomail.WithPassword(s.Password))
	}
	return options
}

// because says what a mail server answered, without recipient and message id, which the
// channel has.
func (s MailServer) because(err error) error {
	text := err.Error()
	if failed, ok := errors.AsType[*gomail.SendError](err); ok {
		text, _, _ = strings.Cut(failed.Error(), ", affected")
	}
	if s.Password != "" {
		text = strings.ReplaceAll(text, s.Password, "…")
	}
	return fmt.Errorf("the mail server %s: %s", net.JoinHostPort(s.Host, fmt.Sprint(s.Port)), text)
}

func (s MailServer) compose(to string, m Message) (*gomail.Msg, error) {
	msg := gomail.NewMsg()
	if err := msg.From(s.From); err != nil {
		return nil, err
	}
	if err := msg.To(to); err != nil {
		return nil, err
	}
	msg.Subject(m.Subject)
	msg.SetDateWithValue(m.At)
	msg.SetMessageIDWithValue(m.ID + "@" + s.domain())
	// Nobody's absence note answers it, and it is not taken for advertising.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	msg.SetGenHeader(gomail.HeaderContentLang, m.words.language)
	msg.SetBodyString(gomail.TypeTextPlain, m.Text())
	return msg, nil
}

// domain is that of the sender, for message ids.
func (s MailServer) domain() string {
	if _, domain, ok := strings.Cut(strings.TrimSuffix(s.From, ">"), "@"); ok {
		return domain
	}
	host, _ := os.Hostname()
	return host
}

// Text returns the message as plain text.
func (m Message) Text() string {
	var b strings.Builder
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format+"\n", args...) }
	switch {
	case m.Test:
		line("%s", m.words.t("test", map[string]any{"Host": m.Host}))
	case len(m.New)+len(m.Open) == 0:
		line("%s", m.words.t("nothing-left", map[string]any{"Host": m.Host}))
	default:
		line("%s", m.words.t("intro", map[string]any{"Host": m.Host}))
	}
	for _, part := range []struct {
		heading string
		items   []Item
	}{{"heading.new", m.New}, {"heading.solved", m.Solved}, {"heading.open", m.Open}} {
		if len(part.items) == 0 {
			continue
		}
		line("\n%s\n", strings.ToUpper(m.words.t(part.heading, nil)))
		for _, i := range part.items {
			if part.heading == "heading.solved" {
				line("- %s", i.Text)
				continue
			}
			line("- %s", strings.TrimSpace(i.Text+" "+i.Next))
			if i.Count <= maxLinks && len(i.Links) > 0 {
				for _, l := range i.Links {
					line("  %s", strings.TrimSpace(l.Label(m.words)+" "+l.URL))
				}
			} else if i.URL != "" {
				line("  %s", i.URL)
			}
		}
	}
	line("\n%s", m.words.t("footer", map[string]any{"Host": m.Host}))
	return b.String()
}

// Label names the balance of a link: the client where that is allowed, else its number.
func (l Link) Label(w *words) string {
	if l.Client != "" {
		return l.Client
	}
	return w.t("balance", map[string]any{"Number": l.Number})
}
