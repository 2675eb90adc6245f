package finbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// state is everything that a Finbox knows, in the form in which it is
// saved. Access tokens are not in it: a client asks for a new one.
type state struct {
	ClientID     string           `json:"client_id"`
	ClientSecret string           `json:"client_secret"`
	Keys         []string         `json:"keys,omitempty"` // PEM
	LastNumber   int              `json:"last_number"`
	Connections  []*connection    `json:"connections"`
	Balances     []*storedBalance `json:"balances"`
}

// Snapshot writes everything as JSON: environments, dossiers, balances, and
// how the client signs in. Ordered faults and the log of calls are not in it.
func (f *Finbox) Snapshot() ([]byte, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	st := state{
		ClientID: f.opt.ClientID, ClientSecret: f.opt.ClientSecret, Keys: f.keyPEMs, LastNumber: f.lastNumber,
	}
	for _, id := range slices.Sorted(maps.Keys(f.connections)) {
		st.Connections = append(st.Connections, f.connections[id])
	}
	for _, id := range slices.Sorted(maps.Keys(f.balances)) {
		st.Balances = append(st.Balances, f.balances[id])
	}
	return json.Marshal(&st)
}

// Restore replaces everything by what Snapshot wrote, and ends every access
// token. On an error nothing changes.
func (f *Finbox) Restore(data []byte) error {
	var st state
	if err := json.Unmarshal(data, &st); err != nil {
		return fmt.Errorf("the saved Finbox sandbox cannot be read: %w", err)
	}
	connections, balances, err := st.build()
	if err != nil {
		return fmt.Errorf("the saved Finbox sandbox cannot be used: %w", err)
	}
	var keys []registeredKey
	for _, p := range st.Keys {
		key, err := parsePublicKey([]byte(p))
		if err != nil {
			return fmt.Errorf("the saved Finbox sandbox cannot be used: %w", err)
		}
		keys = append(keys, key)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opt.ClientID, f.opt.ClientSecret = st.ClientID, st.ClientSecret
	f.keys, f.keyPEMs, f.lastNumber = keys, st.Keys, st.LastNumber
	f.connections, f.balances = connections, balances
	clear(f.tokens)
	return nil
}

// build puts the pieces together again and refuses those that point nowhere.
func (st *state) build() (map[string]*connection, map[string]*storedBalance, error) {
	connections, balances := map[string]*connection{}, map[string]*storedBalance{}
	for _, c := range st.Connections {
		if c == nil || c.ConnectionID == "" {
			return nil, nil, errors.New("a connection has no id")
		}
		if c.Tag == "" { // saved before listings had tags
			c.changed()
		}
		connections[c.ConnectionID] = c
	}
	for _, b := range st.Balances {
		if b == nil || connections[b.ConnectionID] == nil || len(b.Revisions) == 0 {
			return nil, nil, errors.New("a social balance belongs to no connection or has no revision")
		}
		c := connections[b.ConnectionID]
		if _, ok := c.dossier(b.DossierID); !ok {
			return nil, nil, errors.New("a social balance belongs to no dossier")
		}
		balances[b.ID] = b
		for i, r := range b.Revisions {
			if r == nil || len(r.Layouts) == 0 || r.Made == nil && r.Balance == nil {
				return nil, nil, errors.New("a revision says nothing")
			}
			c.list(b, i, r.Number)
			if r.Twice != 0 {
				c.list(b, i, r.Twice)
			}
		}
	}
	return connections, balances, nil
}
