package daemontest

import (
	"fmt"
	"reflect"
	"time"

	"balansd/balance"

	"github.com/shopspring/decimal"
)

// Answer returns a full value, or the zero value with the error of a: what a method of
// API returns.
func Answer[T any](a *API) (T, error) {
	if a.Err != nil || a.Empty {
		var zero T
		return zero, a.Err
	}
	return Full[T](), nil
}

// Full returns a value of which every field is set, so that a test notices one
// that is lost.
func Full[T any]() T {
	var v T
	n := 0
	fill(reflect.ValueOf(&v).Elem(), &n)
	return v
}

func fill(v reflect.Value, n *int) {
	*n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 3, 29, 2, 30, *n, 123456789, time.UTC)))
		return
	case balance.Date:
		v.Set(reflect.ValueOf(balance.Date{Year: 2000 + *n, Month: time.December, Day: 31}))
		return
	case decimal.Decimal:
		v.Set(reflect.ValueOf(decimal.New(int64(*n), -1)))
		return
	case balance.Cell:
		v.Set(reflect.ValueOf(balance.Cell{Code: "1003", Previous: true}))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("json") != "-" { // which no client gets
				fill(v.Field(i), n)
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Map:
		key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, n)
		fill(elem, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, elem)
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d, with é and \"quotes\"", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Float64:
		v.SetFloat(float64(*n) + 0.5)
	case reflect.Uint8:
		v.SetUint(uint64(*n%255) + 1)
	case reflect.Uint64:
		v.SetUint(1<<63 + uint64(*n)) // beyond what a float64 holds
	default:
		panic("daemontest cannot set a " + v.Type().String())
	}
}
