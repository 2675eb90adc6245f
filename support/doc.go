// Package support takes the names of clients and folders, figures and secrets out of what
// is sent to whoever helps with an installation.
package support
