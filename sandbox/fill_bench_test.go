package sandbox

import (
	"context"
	"testing"
)

// BenchmarkFill shows what a sandbox of ten thousand dossiers costs.
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

// BenchmarkDocument shows what one document costs.
func BenchmarkDocument(b *testing.B) {
	for _, layout := range layouts() {
		b.Run(string(layout), func(b *testing.B) {
			for b.Loop() {
				if _, err := Document(layout, (Recipe{Seed: 1, Model: "abbreviated", Year: 2025}).Make()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
