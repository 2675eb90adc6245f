package sandbox

import (
	"context"
	"testing"
)

// BenchmarkFill measures a sandbox of ten thousand dossiers.
func BenchmarkFill(b *testing.B) {
	for b.Loop() {
		s, err := Start(Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Fill(10_000); err != nil {
			b.Fatal(err)
		}
		if err := s.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
}
