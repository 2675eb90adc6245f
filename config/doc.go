// Package config reads balansd's settings: one YAML file, read strictly, with
// environment variables that override single settings.
//
// Every mistake is reported at once, with its place and what would be right,
// so that a person corrects a file in one go. It must not open connections,
// write files, or let a secret out: secrets come from files or from the
// environment, and what is shown of them is a mask.
package config
