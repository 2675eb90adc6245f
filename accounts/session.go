package accounts

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"balansd/keyvalue"

	"github.com/alexedwards/scs/v2"
	"github.com/rs/zerolog"
)

// The values of a session, all of them text.
const (
	sessionPerson = "person" // a person's key
	sessionEpoch  = "epoch"  // of the person, when they signed in
	sessionFrom   = "from"   // the address
	sessionAgent  = "agent"  // the browser, as it calls itself
	sessionSince  = "since"  // RFC 3339
)

const (
	defaultSessionLifetime = 12 * time.Hour
	maxSessions            = 1000
	maxAgent               = 200 // bytes
)

// SessionsConfig is all that Sessions needs besides the people.
type SessionsConfig struct {
	Cookie   string        // the name of the cookie
	Path     string        // of the pages that get the cookie; empty for all
	Secure   bool          // the pages are served under TLS
	Lifetime time.Duration // after which a person signs in again; 0 for 12 hours
	Log      zerolog.Logger
}

// Sessions are the sign-ins of people in their browsers: a random token in a
// cookie that no script and no other site can use, and its values in the state,
// under the hash of the token. It is safe for concurrent use.
type Sessions struct {
	*scs.SessionManager
	people *People
}

// NewSessions returns the sessions of people. scs.New would start a store of its
// own, with a goroutine that cannot be stopped for certain.
func NewSessions(people *People, cfg SessionsConfig) *Sessions {
	return &Sessions{people: people, SessionManager: &scs.SessionManager{
		Store:            &sessionStore{people},
		Codec:            sessionCodec{},
		HashTokenInStore: true,
		Lifetime:         cmp.Or(cfg.Lifetime, defaultSessionLifetime),
		Cookie: scs.SessionCookie{Name: cfg.Cookie, Path: cmp.Or(cfg.Path, "/"), HttpOnly: true, Persist: true,
			SameSite: http.SameSiteStrictMode, Secure: cfg.Secure},
		ErrorFunc: func(w http.ResponseWriter, _ *http.Request, err error) {
			cfg.Log.Error().Err(err).Msg("a session cannot be kept")
			http.Error(w, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
		},
	}}
}

// Person returns the person of the session of ctx, the zero Person for none. The
// session is destroyed when the person was disabled or signed out everywhere
// since, or signed in in a way that is no longer configured.
func (s *Sessions) Person(ctx context.Context) (Person, error) {
	key := s.GetString(ctx, sessionPerson)
	if key == "" {
		return Person{}, nil
	}
	q, ok, err := s.people.find(ctx, key)
	if err != nil {
		return Person{}, err
	}
	if !ok || q.Disabled || strconv.Itoa(q.Epoch) != s.GetString(ctx, sessionEpoch) || !s.people.mayUse(q) {
		return Person{}, s.Destroy(ctx)
	}
	return q, nil
}

// Begin starts a session of a person with a new token, so that one which was planted in
// the browser is worthless. agent is the User-Agent of the browser.
func (s *Sessions) Begin(ctx context.Context, q Person, agent string) error {
	if err := s.RenewToken(ctx); err != nil {
		return err
	}
	now := s.people.Now()
	for key, value := range map[string]string{
		sessionPerson: q.Key, sessionEpoch: strconv.Itoa(q.Epoch), sessionFrom: callerOf(ctx).Address,
		sessionAgent: agent[:min(len(agent), maxAgent)], sessionSince: now.UTC().Format(time.RFC3339),
	} {
		s.Put(ctx, key, value)
	}
	return deleteOldSessions(ctx, s.people.KeyValue, confirmedTime(now, s.people.Confirmed))
}

// Session is a sign-in, for its person to see.
type Session struct {
	From, Agent string
	Since, End  time.Time
	This        bool // the session of the request
}

// List returns the sessions of the person of ctx. agent is as in Begin.
func (s *Sessions) List(ctx context.Context, agent string) (list []Session, err error) {
	key, epoch, this := s.GetString(ctx, sessionPerson), s.GetString(ctx, sessionEpoch), s.GetString(ctx, sessionSince)
	agent = agent[:min(len(agent), maxAgent)]
	err = s.people.KeyValue.View(ctx, func(r keyvalue.Reader) error {
		list = nil
		for _, text := range r.Walk(sessionsNamespace, "") {
			var state sessionState
			if json.Unmarshal(text, &state) != nil || state.text(sessionPerson) != key ||
				state.text(sessionEpoch) != epoch || !state.isValid(s.people.Now()) {
				continue
			}
			one := Session{From: state.text(sessionFrom), Agent: state.text(sessionAgent), Since: state.since(), End: state.Deadline}
			one.This = state.text(sessionSince) == this && one.From == callerOf(ctx).Address && one.Agent == agent
			list = append(list, one)
		}
		return nil
	})
	return list, err
}

// sessionState is a session as it is saved.
type sessionState struct {
	Deadline time.Time      `json:"deadline"`
	Values   map[string]any `json:"values"` // of text
}

func (s sessionState) text(key string) string {
	text, _ := s.Values[key].(string)
	return text
}

// since returns when the person signed in; the zero time where nobody has.
func (s sessionState) since() time.Time {
	at, _ := time.Parse(time.RFC3339, s.text(sessionSince))
	return at
}

// isValid reports whether the session is valid. One from the future began while the clock
// was ahead, and would last for years.
func (s sessionState) isValid(now time.Time) bool {
	return now.Before(s.Deadline) && !isFuture(s.since(), now)
}

// sessionCodec writes sessions as JSON.
type sessionCodec struct{}

// Encode implements scs.Codec.
func (sessionCodec) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	return json.Marshal(sessionState{deadline, values})
}

// Decode implements scs.Codec.
func (sessionCodec) Decode(text []byte) (time.Time, map[string]any, error) {
	var s sessionState
	err := json.Unmarshal(text, &s)
	if s.Values == nil {
		s.Values = map[string]any{}
	}
	return s.Deadline, s.Values, err
}

// sessionStore saves sessions in the state. It implements scs.CtxStore.
type sessionStore struct{ people *People }

var _ scs.CtxStore = (*sessionStore)(nil)

// FindCtx implements scs.CtxStore. The Caller remembers which session was found.
func (s *sessionStore) FindCtx(ctx context.Context, token string) (text []byte, ok bool, err error) {
	err = s.people.KeyValue.View(ctx, func(r keyvalue.Reader) error {
		text = append([]byte(nil), r.Get(sessionsNamespace, token)...)
		return nil
	})
	var state sessionState
	if err != nil || len(text) == 0 || json.Unmarshal(text, &state) != nil || !state.isValid(s.people.Now()) {
		return nil, false, err
	}
	if c := callerOf(ctx); c != nil {
		c.session = token
	}
	return text, true, nil
}

// CommitCtx implements scs.CtxStore. The text holds the deadline already. A session
// that ended while the request was handled stays ended: a slow request with a
// copy of its cookie could bring it back.
func (s *sessionStore) CommitCtx(ctx context.Context, token string, text []byte, _ time.Time) error {
	return s.people.KeyValue.Update(ctx, func(w keyvalue.Writer) error {
		if c := callerOf(ctx); c != nil && c.session == token && w.Get(sessionsNamespace, token) == nil {
			return nil
		}
		w.Put(sessionsNamespace, token, text)
		return nil
	})
}

// DeleteCtx implements scs.CtxStore.
func (s *sessionStore) DeleteCtx(ctx context.Context, token string) error {
	return s.people.KeyValue.Update(ctx, func(w keyvalue.Writer) error {
		w.Delete(sessionsNamespace, token)
		return nil
	})
}

// Find implements scs.Store.
func (s *sessionStore) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit implements scs.Store.
func (s *sessionStore) Commit(token string, text []byte, end time.Time) error {
	return s.CommitCtx(context.Background(), token, text, end)
}

// Delete implements scs.Store.
func (s *sessionStore) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

// deleteOldSessions deletes the sessions that ended before now, and beyond
// maxSessions those that end first. It runs at each sign-in: that is when they
// become more.
func deleteOldSessions(ctx context.Context, kv keyvalue.Store, now time.Time) error {
	return kv.Update(ctx, func(w keyvalue.Writer) error {
		type session struct {
			key string
			end time.Time
		}
		var over []string
		var left []session
		for key, text := range w.Walk(sessionsNamespace, "") {
			var s sessionState
			if json.Unmarshal(text, &s) != nil || !now.Before(s.Deadline) {
				over = append(over, key)
			} else {
				left = append(left, session{key, s.Deadline})
			}
		}
		slices.SortFunc(left, func(a, b session) int { return a.end.Compare(b.end) })
		for _, s := range left[:max(0, len(left)-maxSessions)] {
			over = append(over, s.key)
		}
		for _, key := range over {
			w.Delete(sessionsNamespace, key)
		}
		return nil
	})
}
