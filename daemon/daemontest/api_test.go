package daemontest

import (
	"reflect"
	"testing"
	"time"

	"balansd/daemon"
	"balansd/ledger"
)

// TestFullSetsEveryField: a zero field would hide one that is lost.
func TestFullSetsEveryField(t *testing.T) {
	var zero func(path string, v reflect.Value)
	zero = func(path string, v reflect.Value) {
		if v.IsZero() {
			t.Errorf("%s is zero", path)
		}
		if v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]() {
			for i := range v.NumField() {
				zero(path+"."+v.Type().Field(i).Name, v.Field(i))
			}
		}
	}
	zero("Entry", reflect.ValueOf(Full[ledger.Entry]()))
	zero("Status", reflect.ValueOf(Full[daemon.Status]()))
	zero("Run", reflect.ValueOf(Full[ledger.Run]()))
	zero("EntryDetail", reflect.ValueOf(Full[daemon.EntryDetail]()))
}
