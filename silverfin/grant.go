package silverfin

import "time"

// grant is what the Vault keeps of one firm, as JSON.
type grant struct {
	Generation   uint64    `json:"generation"` // counts renewals
	AccessToken  string    `json:"access_token"`
	RefreshToken string    `json:"refresh_token"`
	Expires      time.Time `json:"expires"` // of the access token
	RenewedAt    time.Time `json:"renewed_at"`
	FirmName     string    `json:"firm_name,omitempty"`
	// Spending is set before the refresh token is posted: a record that still
	// has it belongs to a renewal whose outcome is not known.
	Spending time.Time `json:"spending,omitzero"`
	// Lost says why the refresh token is dead. It is never posted again.
	Lost string `json:"lost,omitempty"`
}

// next is the grant after a reply of the token endpoint. A reply without a
// refresh token leaves the old one in force (RFC 6749, section 6).
func (g grant) next(r tokenReply, now time.Time) *grant {
	g.Generation++
	g.AccessToken = r.AccessToken
	if r.RefreshToken != "" {
		g.RefreshToken = r.RefreshToken
	}
	g.Expires, g.RenewedAt = now.Add(r.lifetime()), now
	g.Spending, g.Lost = time.Time{}, ""
	return &g
}
