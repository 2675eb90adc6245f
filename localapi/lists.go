package localapi

import (
	"reflect"
	"strings"
)

// withLists gives v with an empty list in place of each that is nil, as deep as
// structs and pointers go: in JSON a list is a list, and null is nothing that a
// program can walk. Lists that are left out when empty stay as they are.
func withLists(v any) any {
	out := reflect.New(reflect.TypeOf(v)).Elem()
	out.Set(reflect.ValueOf(v))
	fillLists(out)
	return out.Interface()
}

func fillLists(v reflect.Value) {
	switch v.Kind() {
	case reflect.Slice:
		if v.IsNil() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
		for i := range v.Len() {
			if v.Index(i).Kind() == reflect.Struct {
				fillLists(v.Index(i))
			}
		}
	case reflect.Map:
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && !strings.Contains(f.Tag.Get("json"), ",omit") {
				fillLists(v.Field(i))
			}
		}
	}
}
