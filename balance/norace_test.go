//go:build !race

package balance_test

const underRace = false
