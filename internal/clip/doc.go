// Package clip shortens text that others wrote before it is shown or recorded.
package clip
