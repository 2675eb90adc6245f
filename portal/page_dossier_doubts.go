package portal

import (
	"bytes"
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"balansd/accounts"
	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

func (h *Handler) doubtRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/dossiers/{number}/original", access: staff, handle: showOriginal},
		{method: http.MethodPost, path: "/dossiers/{number}/accept", access: staff, handle: acceptReadings},
	}
}

// doubtView is one thing that a document leaves open, with what may be answered.
type doubtView struct {
	Code     string // a cell, or daemon.YearCode
	Label    string // empty for the financial year
	Where    string // in the document, in the language of the page
	Page     int    // of a PDF; 0 where it is not known
	Readings []readingView
	Typed    string // what the person typed
	Wrong    bool   // what the person typed cannot be
}

// IsYear reports whether the financial year is in doubt: it cannot be typed.
func (d doubtView) IsYear() bool { return d.Code == daemon.YearCode }

// readingView is one reading. Value is "=" and the reading, so that an empty cell is
// not the same as no answer.
type readingView struct {
	Value, Text string
	Chosen      bool
}

// typedAnswer is the value of the form for an amount that is none of the readings.
const typedAnswer = "typed"

// acceptedView is a person's word on what a document left open.
type acceptedView struct {
	ledger.AcceptedReading
	Label, Text string
}

// codeOf names what is in doubt in the form.
func codeOf(code string) string { return cmp.Or(code, daemon.YearCode) }

// readingText writes a reading as the page does: a figure as the form, an empty cell
// in words, the days of a financial year as people write them.
func (rq *request) readingText(code, reading string) (string, error) {
	if reading == "" {
		return rq.locale.t("entry.empty")
	}
	c, err := balance.ParseCell(code)
	if err != nil {
		days := strings.Split(reading, "/")
		for i, day := range days {
			if date, err := balance.ParseDate(day); err == nil {
				if days[i], err = rq.locale.day(date); err != nil {
					return "", err
				}
			}
		}
		return strings.Join(days, " – "), nil
	}
	return figureText(balance.Lang(rq.locale.Lang), c, reading), nil
}

// labelOf names a cell; it is empty for the financial year.
func (rq *request) labelOf(code string) string {
	c, err := balance.ParseCell(code)
	if err != nil {
		return ""
	}
	return c.Label(balance.Lang(rq.locale.Lang))
}

// doubts returns the views of what the document of an entry leaves open, with the
// answers of a form that was refused.
func (rq *request) doubts(e ledger.Entry, wrong map[string]bool) (list []doubtView, err error) {
	for _, d := range e.Doubts {
		v := doubtView{Code: codeOf(d.Code), Label: rq.labelOf(d.Code), Where: d.Where, Page: d.Page, Wrong: wrong[codeOf(d.Code)],
			Typed: rq.r.PostForm.Get("typed." + codeOf(d.Code))}
		switch {
		case d.Page > 0:
			v.Where, err = rq.locale.t("doubts.page", "Page", d.Page)
		case len(d.Lines) > 0:
			lines := make([]string, len(d.Lines))
			for i, n := range d.Lines {
				lines[i] = strconv.Itoa(n)
			}
			v.Where, err = rq.locale.t("doubts.lines", "Lines", strings.Join(lines, ", "))
		}
		if err != nil {
			return nil, err
		}
		for _, r := range d.Readings {
			text, err := rq.readingText(d.Code, r)
			if err != nil {
				return nil, err
			}
			chosen := rq.r.PostForm.Get("reading."+v.Code) == "="+r
			v.Readings = append(v.Readings, readingView{"=" + r, text, chosen})
		}
		list = append(list, v)
	}
	return list, nil
}

// acceptedReadings returns the views of what people said of the document.
func (rq *request) acceptedReadings(e ledger.Entry) (list []acceptedView, err error) {
	for _, a := range e.Accepted {
		text, err := rq.readingText(a.Code, a.Reading)
		if err != nil {
			return nil, err
		}
		list = append(list, acceptedView{a, rq.labelOf(a.Code), text})
	}
	return list, nil
}

// firstPage returns the page of the first doubt that has one; 0 for none, and then the
// original is not a PDF.
func firstPage(list []doubtView) int {
	i := slices.IndexFunc(list, func(d doubtView) bool { return d.Page > 0 })
	if i < 0 {
		return 0
	}
	return list[i].Page
}

// acceptReadings carries out a person's word on what a document leaves open, or on
// which of several balances counts.
func acceptReadings(rq *request) error {
	f, err := rq.loadEntry(rq.r.PathValue("number"))
	if err != nil {
		return err
	}
	r := daemon.AcceptRequest{Number: f.Entry.Number, By: rq.person.Name}
	if text := rq.r.PostForm.Get("seen"); text != "" {
		if r.Seen, err = strconv.ParseUint(text, 10, 64); err != nil {
			return accounts.Refusal{Status: http.StatusBadRequest}
		}
	}
	wrong := map[string]bool{}
	for _, d := range f.Entry.Doubts {
		text, given := rq.answerTo(codeOf(d.Code))
		if !given {
			continue
		}
		if _, _, err := d.ReadAnswer(text); err != nil {
			wrong[codeOf(d.Code)] = true
		}
		r.Readings = append(r.Readings, daemon.Answer{Code: codeOf(d.Code), Reading: text})
	}
	chooses := f.Entry.Reason == ledger.WhichCounts
	switch {
	case len(wrong) > 0:
		return rq.showDossier(http.StatusUnprocessableEntity, f, wrong)
	case len(r.Readings) == 0 && !chooses:
		rq.flashWarning("doubts.nothing")
		return rq.redirectBack(dossierPath(r.Number))
	}
	e, err := rq.API.Accept(rq.r.Context(), r)
	switch {
	case problem.Is(err, problem.Conflict), problem.Is(err, problem.NotAllowed):
		rq.flashWarning("doubts.changed")
	case err != nil:
		return err
	case len(e.Doubts) > 0:
		rq.flash("doubts.partly")
	default:
		rq.flash("doubts.accepted", "Name", rq.entry(e).Name())
	}
	return rq.redirectBack(dossierPath(r.Number))
}

// answerTo returns what the form says of one doubt, and whether it says anything.
func (rq *request) answerTo(code string) (text string, given bool) {
	chosen, typed := rq.r.PostForm.Get("reading."+code), strings.TrimSpace(rq.r.PostForm.Get("typed."+code))
	if reading, ok := strings.CutPrefix(chosen, "="); ok {
		return reading, true
	}
	return typed, typed != "" || chosen == typedAnswer
}

// originalPolicy is the policy of a document that the browser displays: it loads, runs,
// sends and embeds nothing, and only our own pages frame it. A browser's own viewer of
// PDF files needs no more.
const originalPolicy = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'self'"

// showOriginal answers with the document for the browser's own viewer when it is a PDF,
// else as a download. That somebody looked at it is recorded.
func showOriginal(rq *request) error {
	f, err := rq.loadEntry(rq.r.PathValue("number"))
	if err != nil {
		return err
	}
	d, err := rq.API.Document(rq.r.Context(), daemon.EntryRequest{Number: f.Entry.Number})
	if err == nil || !problem.Is(err, problem.NotFound) {
		rq.AuditLog.Record(rq.r.Context(), accounts.Record{Who: rq.person.Name, What: "view-document", On: "#" + strconv.FormatUint(f.Entry.Number, 10),
			From: rq.caller.Address, Outcome: accounts.OutcomeOf(err)})
	}
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(d.Data, []byte("%PDF-")) {
		return rq.sendAsDownload(f.Entry, d.Data)
	}
	h := rq.w.Header()
	h.Set("Content-Type", "application/pdf")
	h.Set("Content-Disposition", `inline; filename="`+documentName(f.Entry, d.Data)+`"`)
	h.Set("Content-Security-Policy", originalPolicy)
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Content-Length", strconv.Itoa(len(d.Data)))
	_, _ = rq.download().Write(d.Data)
	return nil
}
