// Packaging makes the packages of balansd: .deb, .rpm and
// .tar.gz for Linux, .msi and .zip for Windows, a list of what each program is
// made of, and the checksums of all. It is run by "make packages" and is no part
// of the program.
//
// The same commit gives the same bytes. Nothing here may therefore depend on the
// clock, at the order of a map, or at who builds it and where; a signature that
// carries its own time is the one exception.
//
// The texts that the packages carry come from their only source: the
// unit from package service, commands and flags from package cli.
package main
