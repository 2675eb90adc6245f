package silverfin

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// grant is the record of one firm in the Vault, as JSON.
type grant struct {
	Generation   uint64    `json:"generation"` // counts renewals
	AccessToken  string    `json:"access_token"`
	RefreshToken string    `json:"refresh_token"`
	Expires      time.Time `json:"expires"` // of the access token
	RenewedAt    time.Time `json:"renewed_at"`
	FirmName     string    `json:"firm_name,omitempty"`
	// SignIn is of the sign-in that the tokens go back to. Records of older
	// versions have none.
	SignIn string `json:"sign_in,omitempty"`
	// Others are refresh tokens of the same sign-in that were received too, and
	// may work when RefreshToken does not: by another client at the same time,
	// or before an answer that was incomplete.
	Others []string `json:"others,omitempty"`
	// Spending is set before the refresh token is posted: a record that still
	// has it belongs to a renewal whose outcome is not known. Spender is the
	// client that posts it, and Joined when one did while another was at it.
	Spending time.Time `json:"spending,omitzero"`
	Spender  string    `json:"spender,omitempty"`
	Joined   time.Time `json:"joined,omitzero"`
	// Lost says why the refresh token is dead. It is never posted again.
	Lost string `json:"lost,omitempty"`
	// Home is where the tokens were received, Accepted where a person said that
	// they may be renewed all the same.
	Home     Home `json:"home,omitzero"`
	Accepted Home `json:"accepted,omitzero"`
}

// maxOthers bounds grant.Others.
const maxOthers = 3

// next is the grant after a reply of the token endpoint. A reply without a
// refresh token leaves the old one in force (RFC 6749, section 6). One without
// an access token is incomplete: the old refresh token may still be the one that
// works.
func (g grant) next(r tokenReply, now time.Time) *grant {
	if r.accessToken == "" {
		g.Others = append([]string{g.RefreshToken}, g.Others...)
		g.Others = g.Others[:min(len(g.Others), maxOthers)]
	} else {
		g.Others = nil
	}
	g.Generation++
	g.AccessToken, g.RefreshToken = r.accessToken, cmp.Or(r.refreshToken, g.RefreshToken)
	g.Expires, g.RenewedAt = now.Add(r.life), now
	g.Spending, g.Spender, g.Joined, g.Lost = time.Time{}, "", time.Time{}, ""
	return &g
}

// addOther adds a refresh token that another client received for the same sign-in.
func (g *grant) addOther(refreshToken string) {
	if refreshToken != g.RefreshToken && !slices.Contains(g.Others, refreshToken) && len(g.Others) < maxOthers {
		g.Others = append(g.Others, refreshToken)
	}
}

// intend records that client is about to post the refresh token.
func (g *grant) intend(client string, now time.Time) {
	if g.Spending.IsZero() {
		g.Spending = now
	} else if g.Spender != client {
		g.Joined = now
	}
	g.Spender = client
}

const (
	// refreshBefore is how long before its end an access token is renewed.
	refreshBefore = time.Minute
	// shortestUse is the minimum time that an access token is used, even if it
	// expires earlier: a lifetime of seconds would cost a renewal for each call. A
	// token that has expired is refused, and renewed then.
	shortestUse = 10 * time.Second
)

// usableUntil is when the access token is to be renewed: a minute before its
// end, or after half its life where it lives hardly longer than that.
func (g *grant) usableUntil() time.Time {
	life := g.Expires.Sub(g.RenewedAt)
	return g.RenewedAt.Add(max(life-refreshBefore, life/2, shortestUse))
}

// Home is where a state is in use. Tokens that were received elsewhere may have
// another owner that renews them, and takes them from this one.
type Home struct {
	Machine  string    `json:"machine,omitempty"` // identifies the computer
	Name     string    `json:"name,omitempty"`    // of the computer, for people
	Restored time.Time `json:"restored,omitzero"` // when a backup was restored; zero for never
}

// is reports whether both are the same installation, as far as they are known.
func (h Home) is(other Home) bool { return !h.elsewhere(other) && h.Restored.Equal(other.Restored) }

// elsewhere reports whether both are known to be different computers.
func (h Home) elsewhere(other Home) bool {
	return h.Machine != "" && other.Machine != "" && h.Machine != other.Machine
}

// elsewhere says how a grant came to the installation here; empty if it was received
// there, or if an older version recorded it.
func (g *grant) elsewhere(here Home) string {
	switch {
	case g.Home == (Home{}) || here == (Home{}) || g.Home.is(here):
		return ""
	case g.Home.elsewhere(here):
		return fmt.Sprintf("the state was copied from another computer, %s, to this one, %s",
			cmp.Or(g.Home.Name, "of unknown name"), cmp.Or(here.Name, "of unknown name"))
	default:
		return fmt.Sprintf("the state was restored from a backup at %s", stamp(here.Restored))
	}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
