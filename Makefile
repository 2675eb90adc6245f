.PHONY: demo test lint fuzz build packages bench ci

# The whole journey on this machine, with made-up dossiers.
demo:
	go run . demo

test:
	go test ./...

# The figures that the project promises; ratios are taken within one run.
bench:
	go test -run '^$$' -bench . -benchtime 1x -timeout 60m ./daemon ./cli ./balance

lint:
	go vet ./...
	go tool -modfile=tools/go.mod golangci-lint run

# Every fuzz target for a while: make fuzz TIME=1m
TIME ?= 10s
fuzz:
	tools/fuzz $(TIME)

# Every system that balansd is delivered on, into dist/.
build:
	tools/build dist

# What people install, into dist/: deb, rpm, msi, archives, checksums. Needs wixl
# for the msi; .ci/run installs it. packaging/sign.go names the variables that
# make it sign.
packages:
	go run ./packaging -out dist

# All checks, as they run before a change goes in.
ci:
	.ci/run
