package accounts

// The namespaces of the state. Their names are on disk.
const (
	peopleNamespace      = "people"
	invitationsNamespace = "invites"
	sessionsNamespace    = "sessions"
	recordsNamespace     = "trail"
	refusedNamespace     = "refused" // the part of the audit log that anybody can fill
)
