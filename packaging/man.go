package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// These pages do not use cobra/doc, which reads the help as Markdown: that drops the
// underscores of environment variables and the backslashes of Windows.

// manSection is the section of the man pages: 8 is system administration.
const manSection = "8"

// manName returns the name of a command's page, such as balansd-config-check.
func manName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// shown returns the sub-commands that a command's help lists.
func shown(c *cobra.Command) []*cobra.Command {
	var list []*cobra.Command
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			list = append(list, sub)
		}
	}
	return list
}

// manPage returns the page of a command in the format of man(7).
func manPage(c *cobra.Command, version string, at time.Time) string {
	c.InitDefaultHelpFlag()
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s %s %s %s %s\n", quoted(strings.ToUpper(manName(c))), manSection,
		quoted(at.Format(time.DateOnly)), quoted("balansd "+version), quoted("balansd"))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", escaped(manName(c)), escaped(c.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", escaped(strings.TrimSpace(c.UseLine())))
	fmt.Fprintf(&b, ".SH DESCRIPTION\n")
	long := c.Long
	if long == "" {
		long = c.Short + "."
	}
	writeText(&b, long)
	if subs := shown(c); len(subs) > 0 {
		fmt.Fprintf(&b, ".SH COMMANDS\n")
		for _, sub := range subs {
			fmt.Fprintf(&b, ".TP\n.B %s\n%s.\n", escaped(sub.Name()), escaped(sub.Short))
		}
	}
	writeFlags(&b, "OPTIONS", c.NonInheritedFlags())
	writeFlags(&b, "OPTIONS OF EVERY COMMAND", c.InheritedFlags())
	if c.Example != "" {
		fmt.Fprintf(&b, ".SH EXAMPLES\n")
		writeText(&b, c.Example)
	}
	fmt.Fprintf(&b, ".SH EXIT STATUS\n")
	for _, row := range exits {
		fmt.Fprintf(&b, ".TP\n.B %d\n%s\n", row.code, row.meaning)
	}
	writeSeeAlso(&b, c)
	return b.String()
}

// exits are the exit codes of each command, as package cli documents them.
var exits = []struct {
	code    int
	meaning string
}{
	{0, "All is well."},
	{1, "An error."},
	{2, "A mistake in the call or in the configuration."},
	{3, "The work is done, but something needs a person."},
}

func writeFlags(b *strings.Builder, title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	fmt.Fprintf(b, ".SH %s\n", title)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Deprecated != "" {
			return
		}
		kind, usage := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		fmt.Fprintf(b, ".TP\n.B %s", escaped(name))
		if kind != "" {
			fmt.Fprintf(b, " \\fI%s\\fR", escaped(kind))
		}
		fmt.Fprintf(b, "\n%s\n", escaped(usage))
	})
}

func writeSeeAlso(b *strings.Builder, c *cobra.Command) {
	var pages []string
	if c.HasParent() {
		pages = append(pages, manName(c.Parent()))
	}
	for _, sub := range shown(c) {
		pages = append(pages, manName(sub))
	}
	if len(pages) == 0 {
		return
	}
	for i, p := range pages {
		pages[i] = fmt.Sprintf("\\fB%s\\fR(%s)", escaped(p), manSection)
	}
	fmt.Fprintf(b, ".SH SEE ALSO\n%s\n", strings.Join(pages, ",\n"))
}

// writeText writes a help text. Paragraphs are filled, except those with a line that
// starts with a blank, such as lists and examples.
func writeText(b *strings.Builder, text string) {
	for _, paragraph := range strings.Split(strings.Trim(text, "\n"), "\n\n") {
		lines := strings.Split(paragraph, "\n")
		literal := false
		for i, l := range lines {
			literal = literal || strings.HasPrefix(l, " ")
			lines[i] = escaped(l)
		}
		body := strings.Join(lines, "\n")
		if literal {
			body = ".nf\n" + body + "\n.fi"
		}
		fmt.Fprintf(b, ".PP\n%s\n", body)
	}
}

// escaped escapes text for roff, so that no line of it is a request, no backslash an
// escape, and each hyphen can be copied.
func escaped(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n", " ").Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}

func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
