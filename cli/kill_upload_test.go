package cli

import (
	"sync/atomic"
	"testing"

	"balansd/balance"
	"balansd/ledger"
	"balansd/sandbox"
	"balansd/sandbox/faults"
)

// TestKillOfAnUpload kills balansd add at each of its calls to Silverfin, before and
// after the document was confirmed. What was confirmed is delivered by the next run,
// without the file; what was not leaves no entry.
func TestKillOfAnUpload(t *testing.T) {
	t.Parallel()
	f := newAddFixture(t)
	confirmed, before := 0, 0
	for at, one := range f.demo.Find(sandbox.SituationNew) {
		file := f.document(one.Name+".csv", balance.NBBCSV, one)
		for n := int64(1 + at); n < 40; n += 4 {
			var calls atomic.Int64
			reached, dead := make(chan struct{}), make(chan struct{})
			f.sandbox.Silverfin.Faults().OnCall(func(faults.Call) {
				switch c := calls.Add(1); {
				case c == n:
					close(reached)
					fallthrough
				case c > n:
					<-dead
				}
			})
			p := f.start(nil, "add", file, "--yes")
			ended := false
			select {
			case <-reached:
			case <-p.ended:
				ended = true
			}
			_ = p.cmd.Process.Kill()
			<-p.ended
			close(dead)
			f.sandbox.Silverfin.Faults().OnCall(nil)
			e, known := f.entries()[one.Name]
			if !known {
				before++
				continue
			}
			if !ended {
				confirmed++
			}
			f.want(0, "", "sync")
			if e = f.entries()[one.Name]; e.State != ledger.Done {
				t.Errorf("killed at call %d: entry %d is %s", n, e.Number, e.State)
			}
			break
		}
	}
	if confirmed == 0 || before == 0 {
		t.Errorf("%d were killed after they were confirmed, %d before", confirmed, before)
	}
	f.want(0, "", "check")
}
