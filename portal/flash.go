package portal

import (
	"encoding/json"
)

// flashMessage is a message to show on the next page.
type flashMessage struct {
	ID   string         `json:"id"` // a message
	With map[string]any `json:"with,omitempty"`
	Bad  bool           `json:"bad,omitempty"`
}

// maxFlashMessages bounds the messages that wait: a program that posts may never
// load a page.
const maxFlashMessages = 5

// flashKey is the key of the messages in the session.
const flashKey = "said"

// flash shows a message once, on the next page. pairs are the names and values of
// its placeholders.
func (rq *request) flash(id string, pairs ...any) {
	rq.addFlash(flashMessage{ID: id, With: pairsOf(pairs)})
}

// flashWarning is flash for something that failed.
func (rq *request) flashWarning(id string, pairs ...any) {
	rq.addFlash(flashMessage{ID: id, With: pairsOf(pairs), Bad: true})
}

func (rq *request) addFlash(n flashMessage) {
	list := append(rq.flashMessages(false), n)
	list = list[max(0, len(list)-maxFlashMessages):]
	text, err := json.Marshal(list)
	if err == nil {
		rq.sessions.Put(rq.r.Context(), flashKey, string(text))
	}
}

// flashMessages returns the messages that were not shown yet; remove deletes them.
func (rq *request) flashMessages(remove bool) (list []flashMessage) {
	if rq.route.noSession || rq.person.Key == "" {
		return nil
	}
	ctx := rq.r.Context()
	text := rq.sessions.GetString(ctx, flashKey)
	if text == "" {
		return nil
	}
	if remove {
		rq.sessions.Remove(ctx, flashKey)
	}
	_ = json.Unmarshal([]byte(text), &list)
	return list
}
