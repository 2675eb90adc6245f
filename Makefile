.PHONY: demo test test-system torture lint fuzz build packages bench ci

# The whole journey on this machine, with made-up dossiers.
demo:
	go run . demo

# The tests that need nothing but Go.
test:
	go test ./...

# Those that need more as well: a browser, systemd, Wine, the tools of packages.
# .ci/run lists what to install. To ask for some of them, name them:
# make test-system REQUIRE=browser,wine
REQUIRE ?= all
test-system:
	BALANSD_TEST_REQUIRE=$(REQUIRE) go test -timeout 30m ./...

# Everything that can go wrong, in an order that each seed decides: about four
# minutes on two cores. One that failed again: make torture SEED=N SEEDS=1
SEEDS ?= 500
torture: SHELL := bash
torture:
	set -o pipefail; BALANSD_TEST_REQUIRE=torture BALANSD_TORTURE_SEEDS=$(SEEDS) BALANSD_TORTURE_SEED=$(SEED) \
		go test -count=1 -timeout 60m -v -run '^TestTorture$$' ./cli | grep -v '^ *=== \|^ *--- PASS'

# The figures that the project promises; ratios are taken within one run.
bench:
	go test -run '^$$' -bench . -benchtime 1x -timeout 60m ./daemon ./cli ./balance ./folder ./store

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
