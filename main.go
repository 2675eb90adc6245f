// Balansd brings new social balances from SD Worx Finbox into Silverfin, each
// night, each exactly once. It runs on the accounting firm's own server.
package main

import (
	"context"
	_ "embed"
	"os"
	"os/signal"
	"syscall"

	"balansd/cli"
)

// The settings with their explanations, which "config init" writes. It stands
// at the root, where a person looks for it, and can be embedded only here.
//
//go:embed config.example.yaml
var example []byte

// version is set by the linker in a release.
var version string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first interrupt ends the work in good order; with the handler gone,
	// a second one ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(cli.Main(ctx, cli.Env{
		Args: os.Args[1:], Environ: os.Environ(),
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Example: example, Version: version,
	}))
}
