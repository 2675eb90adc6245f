package localapi

import (
	"reflect"
	"strings"
)

// withEmptyLists returns v with each nil list and map replaced by an empty one, inside
// structs too: JSON would have null, which a program cannot iterate over. Fields with
// omitempty or omitzero stay as they are.
func withEmptyLists(v any) any {
	out := reflect.New(reflect.TypeOf(v)).Elem()
	out.Set(reflect.ValueOf(v))
	fillNilLists(out)
	return out.Interface()
}

func fillNilLists(v reflect.Value) {
	switch v.Kind() {
	case reflect.Slice:
		if v.IsNil() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
		for i := range v.Len() {
			if v.Index(i).Kind() == reflect.Struct {
				fillNilLists(v.Index(i))
			}
		}
	case reflect.Map:
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && !strings.Contains(f.Tag.Get("json"), ",omit") {
				fillNilLists(v.Field(i))
			}
		}
	}
}
