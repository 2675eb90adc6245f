package ledger

import "time"

// Throttle says how the calls to a firm are slowed down.
type Throttle struct {
	PerSecond float64       // how many calls the configuration allows; 0 for any number
	Waited    time.Duration // how long calls have waited for that
	Answered  time.Duration // how long Silverfin has taken to answer
	RestUntil time.Time     // Silverfin asked for no calls until then; zero if it did not
}
