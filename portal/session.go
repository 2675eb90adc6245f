package portal

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"balansd/problem"

	"github.com/alexedwards/scs/v2"
)

// What a session keeps, all as text.
const (
	sessionPerson = "person" // a person's key
	sessionEpoch  = "epoch"  // of the person, when they signed in
	sessionFrom   = "from"   // the address
	sessionAgent  = "agent"  // the browser, as it calls itself
	sessionSince  = "since"  // RFC 3339
)

// newSessions makes the manager of the sessions: a random token in a cookie
// that no script and no other site can use, and what it stands for on the
// shelf, under the token's hash. scs.New would start a store of its own, with a
// goroutine that cannot be stopped for certain.
func (w *Web) newSessions() *scs.SessionManager {
	return &scs.SessionManager{
		Store:            &sessionShelf{shelf: w.Shelf, now: w.Now},
		Codec:            sessionCodec{},
		HashTokenInStore: true,
		Lifetime:         cmp.Or(w.SessionTime, defaultSession),
		Cookie: scs.SessionCookie{Name: w.cookieName("balansd"), Path: "/", HttpOnly: true, Persist: true,
			SameSite: http.SameSiteStrictMode, Secure: w.Secure},
		ErrorFunc: func(rw http.ResponseWriter, _ *http.Request, err error) {
			w.Log.Error().Err(err).Msg("a session cannot be kept")
			http.Error(rw, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
		},
	}
}

// defaultSession is how long a session lasts where nothing else is said.
const defaultSession = 12 * time.Hour

// cookieName is the name of a cookie. Under TLS its prefix has browsers take
// it from this very host alone, and over TLS alone.
func (w *Web) cookieName(name string) string {
	if w.Secure {
		return "__Host-" + name
	}
	return name
}

// recognise finds the person of a session. Who was kept out, or signed out
// everywhere, is nobody; so is who signed in in a way that is no longer in
// force.
func (v *visit) recognise() error {
	if v.route.bare {
		return nil
	}
	ctx := v.r.Context()
	key := v.sessions.GetString(ctx, sessionPerson)
	if key == "" {
		return nil
	}
	q, ok, err := v.People.find(ctx, key)
	if err != nil {
		return err
	}
	if !ok || q.Disabled || strconv.Itoa(q.Epoch) != v.sessions.GetString(ctx, sessionEpoch) || q.FromProvider() != (v.oidc != nil) {
		return v.sessions.Destroy(ctx)
	}
	v.person = q
	if own := v.tongues[q.Language]; own != nil {
		v.words = own
	}
	return nil
}

// signIn begins a session for a person. Its token is new, so that one which
// was planted in the browser before is worth nothing.
func (v *visit) signIn(q Person) error {
	ctx := v.r.Context()
	if err := v.sessions.RenewToken(ctx); err != nil {
		return err
	}
	if err := v.sessions.Clear(ctx); err != nil {
		return err
	}
	agent := v.r.UserAgent()
	for key, value := range map[string]string{
		sessionPerson: q.Key, sessionEpoch: strconv.Itoa(q.Epoch), sessionFrom: v.from(),
		sessionAgent: agent[:min(len(agent), 200)], sessionSince: v.Now().UTC().Format(time.RFC3339),
	} {
		v.sessions.Put(ctx, key, value)
	}
	v.person = q
	return sweepSessions(ctx, v.Shelf, certain(v.Now(), v.Confirmed))
}

// sessionState is a session as it lies on the shelf.
type sessionState struct {
	Deadline time.Time      `json:"deadline"`
	Values   map[string]any `json:"values"` // of text
}

// since is when the person signed in; the zero time where nobody has.
func (s sessionState) since() time.Time {
	text, _ := s.Values[sessionSince].(string)
	at, _ := time.Parse(time.RFC3339, text)
	return at
}

// holds tells whether the session is in force. One of a time that is still to
// come was begun while the clock was ahead, and would last for years.
func (s sessionState) holds(now time.Time) bool {
	return now.Before(s.Deadline) && !madeLater(s.since(), now)
}

// sessionCodec writes sessions as JSON.
type sessionCodec struct{}

// Encode is scs.Codec's.
func (sessionCodec) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	return json.Marshal(sessionState{deadline, values})
}

// Decode is scs.Codec's.
func (sessionCodec) Decode(text []byte) (time.Time, map[string]any, error) {
	var s sessionState
	err := json.Unmarshal(text, &s)
	if s.Values == nil {
		s.Values = map[string]any{}
	}
	return s.Deadline, s.Values, err
}

// sessionShelf keeps sessions on the shelf. It is scs.CtxStore.
type sessionShelf struct {
	shelf Shelf
	now   func() time.Time
}

var _ scs.CtxStore = (*sessionShelf)(nil)

// FindCtx is scs.CtxStore's. The visit remembers which session it found.
func (s *sessionShelf) FindCtx(ctx context.Context, token string) (text []byte, ok bool, err error) {
	err = s.shelf.View(ctx, func(r ShelfReader) error {
		text = append([]byte(nil), r.Get(shelfSessions, token)...)
		return nil
	})
	var state sessionState
	if err != nil || len(text) == 0 || json.Unmarshal(text, &state) != nil || !state.holds(s.now()) {
		return nil, false, err
	}
	if v, ok := ctx.Value(visitKey{}).(*visit); ok {
		v.session = token
	}
	return text, true, nil
}

// CommitCtx is scs.CtxStore's. The text holds the deadline already. A session
// that was ended while the visit went on stays ended: who has a copy of its
// cookie could bring it back with a request that takes long.
func (s *sessionShelf) CommitCtx(ctx context.Context, token string, text []byte, _ time.Time) error {
	return s.shelf.Update(ctx, func(w ShelfWriter) error {
		if v, ok := ctx.Value(visitKey{}).(*visit); ok && v.session == token && w.Get(shelfSessions, token) == nil {
			return nil
		}
		w.Put(shelfSessions, token, text)
		return nil
	})
}

// DeleteCtx is scs.CtxStore's.
func (s *sessionShelf) DeleteCtx(ctx context.Context, token string) error {
	return s.shelf.Update(ctx, func(w ShelfWriter) error {
		w.Delete(shelfSessions, token)
		return nil
	})
}

// Find is scs.Store's.
func (s *sessionShelf) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

// Commit is scs.Store's.
func (s *sessionShelf) Commit(token string, text []byte, end time.Time) error {
	return s.CommitCtx(context.Background(), token, text, end)
}

// Delete is scs.Store's.
func (s *sessionShelf) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

// mostSessions bounds the sessions that are kept.
const mostSessions = 1000

// sweepSessions forgets the sessions that surely are over, and beyond
// mostSessions those that end first. It runs at each sign-in: that is when they
// become more.
func sweepSessions(ctx context.Context, shelf Shelf, certain time.Time) error {
	return shelf.Update(ctx, func(w ShelfWriter) error {
		type one struct {
			key string
			end time.Time
		}
		var over []string
		var left []one
		for key, text := range w.Walk(shelfSessions, "") {
			var s sessionState
			if json.Unmarshal(text, &s) != nil || !certain.Before(s.Deadline) {
				over = append(over, key)
			} else {
				left = append(left, one{key, s.Deadline})
			}
		}
		slices.SortFunc(left, func(a, b one) int { return a.end.Compare(b.end) })
		for _, s := range left[:max(0, len(left)-mostSessions)] {
			over = append(over, s.key)
		}
		for _, key := range over {
			w.Delete(shelfSessions, key)
		}
		return nil
	})
}

// session is one sign-in of a person, for them to see.
type session struct {
	From, Agent string
	Since, End  time.Time
	This        bool
}

// sessionsOf lists the sessions of the person who visits, newest first.
func (v *visit) sessionsOf() (list []session, err error) {
	this := v.sessions.GetString(v.r.Context(), sessionSince)
	epoch := strconv.Itoa(v.person.Epoch)
	err = v.Shelf.View(v.r.Context(), func(r ShelfReader) error {
		list = nil
		for _, text := range r.Walk(shelfSessions, "") {
			var s sessionState
			if json.Unmarshal(text, &s) != nil || s.Values[sessionPerson] != v.person.Key ||
				s.Values[sessionEpoch] != epoch || !s.holds(v.Now()) {
				continue
			}
			one := session{End: s.Deadline, Since: s.since()}
			one.From, _ = s.Values[sessionFrom].(string)
			one.Agent, _ = s.Values[sessionAgent].(string)
			since, _ := s.Values[sessionSince].(string)
			one.This = since == this && one.From == v.from() && one.Agent == v.r.UserAgent()[:min(len(v.r.UserAgent()), 200)]
			list = append(list, one)
		}
		return nil
	})
	return list, err
}

// asWait makes of too many attempts a page that says how long to wait.
func asWait(err error) (time.Duration, bool) {
	w, ok := errors.AsType[waits](err)
	return w.left, ok
}

// outcomeOf is how the trail calls what came of a change.
func outcomeOf(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, context.Canceled):
		return string(problem.Stopped)
	}
	if no, ok := errors.AsType[denied](err); ok && no.why != "" {
		return no.why
	}
	if _, ok := errors.AsType[waits](err); ok {
		return "signin.wait"
	}
	return string(problem.Of(err).Code)
}
