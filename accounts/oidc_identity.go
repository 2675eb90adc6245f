package accounts

import (
	"net/http"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
)

// identify reads the person and their role from an ID token.
func (o *OIDC) identify(id *oidc.IDToken) (Identity, error) {
	var claims map[string]any
	if err := id.Claims(&claims); err != nil {
		return Identity{}, refuse(http.StatusBadGateway, "oidc.refused", err)
	}
	out := Identity{Subject: id.Issuer + " " + id.Subject, Name: id.Subject}
	for _, claim := range []string{"preferred_username", "email", "name"} {
		if claim == "email" && !emailVerified(claims) {
			continue // anybody may have typed it
		}
		if s, ok := claims[claim].(string); ok && CheckName(s) == nil {
			out.Name = s
			break
		}
	}
	groups, listed := stringsOf(claims[o.cfg.GroupsClaim])
	out.Role = o.role(claims, groups)
	if out.Role == "" && !listed && groupsOmitted(claims, o.cfg.GroupsClaim) {
		return out, Refusal{Status: http.StatusForbidden, Reason: "oidc.overage"}
	}
	if out.Role == "" {
		return out, Refusal{Status: http.StatusForbidden, Reason: "oidc.nobody"}
	}
	return out, nil
}

// role returns the role by the groups of a person or by their mail address, empty for
// none.
func (o *OIDC) role(claims map[string]any, groups []string) Role {
	if domain, _ := claims["hd"].(string); o.cfg.HostedDomain != "" && !strings.EqualFold(domain, o.cfg.HostedDomain) {
		return ""
	}
	address := ""
	if emailVerified(claims) {
		address, _ = claims["email"].(string)
	}
	in := func(wanted, users []string) bool {
		return slices.ContainsFunc(wanted, func(g string) bool { return slices.Contains(groups, g) }) ||
			slices.ContainsFunc(users, func(u string) bool { return address != "" && strings.EqualFold(u, address) })
	}
	switch {
	case in(o.cfg.AdminGroups, o.cfg.AdminUsers):
		return Admin
	case in(o.cfg.StaffGroups, o.cfg.StaffUsers):
		return Staff
	}
	return ""
}

// emailVerified reports whether the provider verified the e-mail address. Some providers
// write the claim as text.
func emailVerified(claims map[string]any) bool {
	ok := claims["email_verified"]
	return ok == true || ok == "true"
}

// groupsOmitted tells whether the provider left the groups out because they are too
// many for a token. Microsoft Entra ID does beyond 200, and names a place to
// ask instead (Access token claims reference, groups overage claim).
func groupsOmitted(claims map[string]any, claim string) bool {
	names, _ := claims["_claim_names"].(map[string]any)
	_, elsewhere := names[claim]
	has, _ := claims["hasgroups"].(bool)
	return elsewhere || has
}

// stringsOf reads a claim that holds one text or a list.
func stringsOf(claim any) ([]string, bool) {
	switch c := claim.(type) {
	case string:
		return []string{c}, true
	case []any:
		var list []string
		for _, one := range c {
			if s, ok := one.(string); ok {
				list = append(list, s)
			}
		}
		return list, true
	}
	return nil, false
}
