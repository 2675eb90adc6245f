package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestDocsNameTestsThatExist checks that the tests named in the table of promises exist.
func TestDocsNameTestsThatExist(t *testing.T) {
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	tests := map[string]bool{}
	for _, text := range goFiles(t) {
		for _, m := range declared.FindAllSubmatch(text, -1) {
			tests[string(m[1])] = true
		}
	}
	docs, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, doc := range docs {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(string(text), -1) {
			named++
			if !tests[name] {
				t.Errorf("%s names %s, which is no test", doc, name)
			}
		}
	}
	if named == 0 {
		t.Error("the docs name no test: is the table of promises gone?")
	}
}
