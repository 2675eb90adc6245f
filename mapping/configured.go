package mapping

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Origin says who decided a mapping.
type Origin string

// The origins.
const (
	FromDefault Origin = "default"
	FromConfig  Origin = "config" // the configuration file or the environment
	FromLearnt  Origin = "learnt" // the state, where a person saved it
)

// Configured are the mappings that the configuration names.
type Configured struct {
	All   *Written           // silverfin.target; nil where nobody wrote it
	Firms map[int64]*Written // silverfin.firms
}

// Written is a mapping of the configuration.
type Written struct {
	Target Target
	Where  string // it was written, as "balansd.yaml:12"
}

// Of returns the mapping of the configuration for a firm, nil for none.
func (c Configured) Of(firmID int64) *Written {
	if w := c.Firms[firmID]; w != nil {
		return w
	}
	return c.All
}

// For returns the mapping that is in force for a firm, for which learnt is saved in the
// state, nil for none: that of the configuration goes before what was learnt, and that
// before the default.
func (c Configured) For(firmID int64, learnt *Target) (Target, Origin) {
	switch w := c.Of(firmID); {
	case w != nil:
		return w.Target.WithDefaults(), FromConfig
	case learnt != nil:
		return learnt.WithDefaults(), FromLearnt
	default:
		return Target{}.WithDefaults(), FromDefault
	}
}

// Fingerprint identifies where a target puts figures, and how it writes them: two with one
// fingerprint are one mapping.
func (t Target) Fingerprint() string {
	text, _ := json.Marshal(t.WithDefaults()) // it has nothing that cannot be written
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}
