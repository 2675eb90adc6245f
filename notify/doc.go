// Package notify tells people what needs them: by mail, by webhook, and with a
// heartbeat after each good night, whose absence is noticed outside.
//
// What has to be told is kept in the state, for each recipient: what was told, and what
// is so now. The difference is the next message, so that one that cannot be sent holds
// nothing up, never tells what is over, and survives a kill. A message that a server
// accepted just before a kill is sent once more, under the same message id: SMTP knows no
// way to take it back.
//
// A message has no figure, no document, no secret, and the name of a client only where
// the configuration says so. The package knows nothing of the daemon.
package notify
