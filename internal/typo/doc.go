// Package typo measures how far two texts are apart by slips of typing.
package typo
