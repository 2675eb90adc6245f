//go:build race

package balance_test

// underRace is true where the race detector is at work, which makes everything
// ten times as slow and takes memory of its own.
const underRace = true
