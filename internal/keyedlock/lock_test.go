package keyedlock

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestAcquire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Lock[string]
		release, err := l.Acquire(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		other, err := l.Acquire(t.Context(), "b")
		if err != nil {
			t.Fatal(err)
		}
		other()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.Acquire(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a key that is held: %v", err)
		}
		acquired := false
		go func() {
			release, err := l.Acquire(t.Context(), "a")
			if err != nil {
				t.Error(err)
				return
			}
			acquired = true
			release()
		}()
		synctest.Wait()
		if acquired {
			t.Error("two hold one key")
		}
		release()
		synctest.Wait()
		if !acquired {
			t.Error("a key that was released is not acquired")
		}
		if len(l.keys) != 0 {
			t.Errorf("%d keys remain", len(l.keys))
		}
	})
}
