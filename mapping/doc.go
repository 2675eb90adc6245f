// Package mapping says where the figures of a social balance land in Silverfin, and
// finds that out from dossiers that a person filled in. It is pure: it reads and
// writes nothing.
package mapping
