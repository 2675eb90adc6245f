package support

import "slices"

// isPlain reports whether the text of a field is a time, a word of balansd's own, or a
// sentence that is always the same. A field that is not listed here is left out.
func isPlain(key string) bool {
	return slices.Contains([]string{
		"level", "time", "message", "code", "reason", "fail_class", "state", "trigger", "night", "for", "start", "end", "since",
		"next_wake", "again", "found_at", "updated_at", "listed_at", "whole_at", "renewed_at", "linked_at", "activated_at",
		"made_at", "created_at", "start_date", "at", "until", "retry", "method", "route", "call", "doing", "version", "status", "role",
		"source", "waits_for", "step", "where", "restart", "changed", "model", "language", "act", "kind", "place", "media_types",
		"missed_cause", "problem_code", "problem_reason", "outcome", "well", "go", "system", "architecture", "built", "key", "crashed",
		"check", "next_try", "did", "troubles", "origin_kind", "layout",
	}, key)
}

// isSentence reports whether a field has a sentence for a person.
func isSentence(key string) bool {
	return slices.Contains([]string{
		"error", "detail", "problem", "problems", "about", "why", "next", "what", "clock", "text", "fault", "panic", "newest",
		"down", "missing", "stopped", "missed", "cause", "value", "host", "stack", "needs_relink", "dependency", "description",
	}, key)
}

// isNaming reports whether a field says that a log line or an object is about a client, a
// file or a person.
func isNaming(key string) bool {
	return slices.Contains([]string{
		"dossier", "dossier_id", "company", "file", "entry", "who", "account", "client", "group", "subject", "link",
	}, key)
}

// isFigure reports whether a field holds figures of a social balance, or something made
// of them.
func isFigure(key string) bool {
	return slices.Contains([]string{
		"differences", "findings", "doubts", "changes", "accepted", "values", "values_hash", "sha256", "place_figures", "params",
		"cursor", "settings", "stored", "tie", "link", "url", "readings",
	}, key)
}

// isNumber reports whether a field has a number of balansd's own, which the journal has as
// text.
func isNumber(key string) bool {
	return slices.Contains([]string{
		"subject", "entry", "run", "firm", "company", "new", "done", "waiting", "failed", "processed", "entries", "took_ms", "attempt", "count",
		"page", "event_id", "figures_written", "wait_ms", "found", "sending", "differs", "superseded", "ignored", "free", "room", "size",
	}, key)
}
