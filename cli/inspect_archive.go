package cli

import (
	"encoding/json"
	"fmt"

	"balansd/balance"
	"balansd/problem"
)

// inspectArchive shows the balances in an archive: all of the only one, else a
// line for each. What was skipped goes to the standard error stream, so that the
// output has balances alone.
func (app *App) inspectArchive(name string, c content, findingsOnly bool) error {
	lang := app.language()
	switch {
	case app.asJSON:
		if err := app.printArchive(c, findingsOnly); err != nil {
			return err
		}
	case len(c.readings) == 1 && c.readings[0].err == nil && !findingsOnly:
		app.printf("%s\n", app.styled(app.env.Stdout, bold, clean(c.readings[0].called())))
		app.showBalance(c.readings[0].balance, lang)
	case len(c.readings) > 0:
		app.showReadings(c.readings, findingsOnly)
	default:
		app.printf("%s\n", wordsOf[lang].none)
	}
	wrong := app.reportSkipped(name, c.skipped)
	bad := countBad(c.readings)
	switch {
	case len(c.readings) == 0 && wrong == 0:
		return shownError{holdsNone(name)}
	case bad+wrong > 0:
		return shownError{problem.New(problem.NeedsPerson, fmt.Sprintf("%d files in %s cannot be read, or not in one way", bad+wrong, name), "")}
	}
	return nil
}

// printArchive prints the balances in an archive as JSON, an object a line. Each
// begins with the path, and of a document that cannot be read there is the error.
func (app *App) printArchive(c content, findingsOnly bool) error {
	for _, r := range c.readings {
		var about any = r.balance
		switch findings := app.localizedFindings(r.balance); {
		case r.err != nil:
			about = map[string]string{"error": problem.Of(r.err).What}
		case findingsOnly:
			about = map[string][]balance.Finding{"findings": findings}
		}
		path, err := json.Marshal(r.path)
		if err != nil {
			return err
		}
		object, err := json.Marshal(about)
		if err != nil {
			return err
		}
		app.printf(`{"path":%s,%s`+"\n", path, object[1:])
	}
	return nil
}

// reportSkipped says on the standard error stream what was skipped in an archive,
// and returns how many files are among that which a person should look at.
func (app *App) reportSkipped(name string, skipped []balance.Skipped) int {
	wrong, others := balance.DescribeSkipped(skipped)
	for _, line := range wrong {
		_, _ = fmt.Fprintf(app.env.Stderr, "! in %s, %s\n", clean(name), clean(line))
	}
	if others != "" {
		_, _ = fmt.Fprintf(app.env.Stderr, "Skipped in %s, %s.\n", clean(name), clean(others))
	}
	return len(wrong)
}

// countBad counts the documents without a balance that can be read in one way.
func countBad(all []reading) (n int) {
	for _, r := range all {
		if len(r.balance.Values) == 0 || len(r.balance.Doubts) > 0 {
			n++
		}
	}
	return n
}

// holdsNone says that a file holds no social balance.
func holdsNone(name string) *problem.Problem {
	return problem.New(problem.NoSocialBalance, name+" holds no social balance", "")
}
