package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestEveryModuleHasALicenceThatIsKnown checks the modules that are linked into the
// program for each system: each has a licence that the notices can quote and that permits
// distribution. It fails when a new module has none.
func TestEveryModuleHasALicenceThatIsKnown(t *testing.T) {
	for _, system := range []string{"linux", "windows"} {
		list := exec.Command("go", "list", "-deps", "-json=Module", "balansd")
		list.Env = append(os.Environ(), "GOOS="+system, "GOARCH=amd64", "CGO_ENABLED=0")
		list.Stderr = os.Stderr
		out, err := list.Output()
		if err != nil {
			t.Fatal(err)
		}
		dirs := map[string]string{}
		for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
			var p struct{ Module *struct{ Path, Dir string } }
			if err := d.Decode(&p); err != nil {
				t.Fatal(err)
			}
			if p.Module != nil && p.Module.Path != "balansd" {
				dirs[p.Module.Path] = p.Module.Dir
			}
		}
		if len(dirs) < 20 {
			t.Errorf("only %d modules are found", len(dirs))
		}
		for path, dir := range dirs {
			var text strings.Builder
			if err := addLicences(&text, path, dir); err != nil {
				t.Error(err)
			} else if licenceOf(text.String()) == "" {
				t.Errorf("%s has a licence that is not known here: look whether balansd may be handed out with it", path)
			}
		}
	}
}

// licenceOf returns the name of a licence that permits distribution with its text, or ""
// if text is none of those.
func licenceOf(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	for _, l := range []struct{ name, says string }{
		{"Apache-2.0", "Apache License Version 2.0"},
		{"MPL-2.0", "Mozilla Public License"},
		{"BSD", "Redistribution and use in source and binary forms"},
		{"MIT", "Permission is hereby granted, free of charge, to any person obtaining a copy"},
		{"ISC", "Permission to use, copy, modify, and/or distribute this software for any purpose"},
		{"ISC", "Permission to use, copy, modify, and distribute this software for any purpose"},
		{"Zlib", "This software is provided 'as-is', without any express or implied warranty."},
		{"Unlicense", "This is free and unencumbered software released into the public domain"},
	} {
		if strings.Contains(text, l.says) && !strings.Contains(text, "GNU GENERAL PUBLIC LICENSE") {
			return l.name
		}
	}
	return ""
}

// TestUnknownLicences checks that other texts, and licences that ask for more, are not
// recognised.
func TestUnknownLicences(t *testing.T) {
	for text, want := range map[string]string{
		"GNU GENERAL PUBLIC LICENSE Version 3": "",
		"All rights reserved.":                 "",
		"Permission is hereby granted, free of charge,\nto any person obtaining a copy": "MIT",
	} {
		if got := licenceOf(text); got != want {
			t.Errorf("%q is taken for %q, want %q", text, got, want)
		}
	}
}
