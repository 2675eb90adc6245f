package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// The parts of a CycloneDX 1.5 document that are used. All values come from the build
// information in the program.
type bom struct {
	Format      string       `json:"bomFormat"`
	SpecVersion string       `json:"specVersion"`
	Serial      string       `json:"serialNumber"`
	Version     int          `json:"version"`
	Metadata    bomMetadata  `json:"metadata"`
	Components  []component  `json:"components"`
	Depends     []dependency `json:"dependencies"`
}

type bomMetadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Type    string    `json:"type"`
	Ref     string    `json:"bom-ref"`
	Name    string    `json:"name"`
	Version string    `json:"version"`
	PURL    string    `json:"purl"`
	Hashes  []bomHash `json:"hashes,omitempty"`
}

type bomHash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn"`
}

// billOfMaterials lists the modules linked into a program, and the version of Go that
// built it, as CycloneDX JSON. The hash of a module is that of go.sum.
func billOfMaterials(program string, v version, at time.Time) ([]byte, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return nil, err
	}
	file, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(file)
	main := golangComponent("application", info.Main.Path, v.String())
	main.Hashes = []bomHash{{"SHA-256", hex.EncodeToString(sum[:])}}
	doc := bom{Format: "CycloneDX", SpecVersion: "1.5", Version: 1,
		Serial:   "urn:uuid:" + strings.ToLower(uuidOf("sbom", filepath.Base(program), main.Hashes[0].Content)),
		Metadata: bomMetadata{at.Format(time.RFC3339), main},
		Components: []component{
			golangComponent("library", "std", strings.TrimPrefix(info.GoVersion, "go")),
		}}
	for _, m := range linked(info) {
		c := golangComponent("library", m.Path, m.Version)
		if raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:")); err == nil && len(raw) == sha256.Size {
			c.Hashes = []bomHash{{"SHA-256", hex.EncodeToString(raw)}}
		}
		doc.Components = append(doc.Components, c)
	}
	on := make([]string, len(doc.Components))
	for i, c := range doc.Components {
		on[i] = c.Ref
	}
	doc.Depends = []dependency{{main.Ref, on}}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err = e.Encode(doc)
	return out.Bytes(), err
}

// linked returns the modules of a program, with replacements applied.
func linked(info *debug.BuildInfo) []*debug.Module {
	var list []*debug.Module
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b *debug.Module) int { return strings.Compare(a.Path, b.Path) })
	return list
}

func golangComponent(kind, path, version string) component {
	// Some readers of package URLs take "+" for a blank.
	purl := "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B")
	return component{Type: kind, Ref: purl, Name: path, Version: version, PURL: purl}
}
