package accounts

import (
	"context"
	"encoding/json"

	"balansd/keyvalue"
	"balansd/problem"
)

// Remove takes a person off the list, with their sessions and the invitations that are for
// them or by them. The last admin stays. What the audit log has of the person stays, with
// the name. Somebody of the provider is added again when they sign in next.
func (p *People) Remove(ctx context.Context, key string) (q Person, err error) {
	err = p.KeyValue.Update(ctx, func(w keyvalue.Writer) error {
		var ok bool
		if q, ok, err = keyvalue.Get[Person](w, peopleNamespace, key); err != nil {
			return err
		}
		if !ok {
			return problem.New(problem.NotFound, "there is no such person", "See the list of people.")
		}
		gone := q
		gone.Disabled = true
		if err := lastAdmin(w, gone); err != nil {
			return err
		}
		if err := withdraw(w, invitationsOf(key)); err != nil {
			return err
		}
		deleteSessionsOf(w, key) // somebody who is invited by the same name must not have them
		w.Delete(peopleNamespace, key)
		return nil
	})
	if err == nil && p.Vault != nil {
		err = p.Vault.Delete(ctx, refreshName(key))
	}
	return q, err
}

// deleteSessionsOf deletes the sessions of a person.
func deleteSessionsOf(w keyvalue.Writer, key string) {
	var list []string
	for token, text := range w.Walk(sessionsNamespace, "") {
		var s sessionState
		if json.Unmarshal(text, &s) == nil && s.text(sessionPerson) == key {
			list = append(list, token)
		}
	}
	for _, token := range list {
		w.Delete(sessionsNamespace, token)
	}
}
