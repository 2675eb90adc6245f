package main

import (
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"balansd/cli"
)

// TestManPage writes a page with text that roff could take for requests.
func TestManPage(t *testing.T) {
	c := &cobra.Command{Use: "tool FILE", Short: "Do it", Long: `Reads %ProgramData%\tool and BALANSD_NIGHT_AT.
.SH is no heading
'tis no request

  a list
  - of two`, Example: "  tool a-b", Run: func(*cobra.Command, []string) {}}
	c.Flags().String("out", "", "where it `goes`")
	c.Flags().Bool("secret", false, "not shown")
	_ = c.Flags().MarkHidden("secret")
	sub := &cobra.Command{Use: "sub", Short: "Less", Run: func(*cobra.Command, []string) {}}
	c.AddCommand(sub, &cobra.Command{Use: "hidden", Hidden: true, Run: func(*cobra.Command, []string) {}})

	page := manPage(c, "1.2.3", time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC))
	for _, want := range []string{
		`.TH "TOOL" 8 "2026-01-02" "balansd 1.2.3" "balansd"`, "tool \\- Do it\n",
		"Reads %ProgramData%\\etool and BALANSD_NIGHT_AT.\n\\&.SH is no heading\n\\&'tis no request\n",
		".nf\n  a list\n  \\- of two\n.fi\n", ".B \\-\\-out \\fIgoes\\fR\nwhere it goes\n", ".B sub\nLess.\n", "tool a\\-b", `\fBtool\-sub\fR(8)`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("it lacks %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "secret") || strings.Contains(page, "hidden") {
		t.Errorf("it shows what is hidden:\n%s", page)
	}
	if page := manPage(sub, "1", time.Time{}); !strings.Contains(page, "tool\\-sub \\- Less") || !strings.Contains(page, `\fBtool\fR(8)`) {
		t.Errorf("the page of a sub-command is wrong:\n%s", page)
	}
}

// TestEveryCommandHasAPage checks each command of balansd.
func TestEveryCommandHasAPage(t *testing.T) {
	seen := 0
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		seen++
		if c.Short == "" || c.HasParent() && c.Example == "" {
			t.Errorf("%s lacks a short text or an example", c.CommandPath())
		}
		for _, sub := range shown(c) {
			walk(sub)
		}
	}
	walk(cli.Root(cli.Env{Stdin: strings.NewReader("")}))
	if seen < 20 {
		t.Errorf("only %d commands were found", seen)
	}
}
