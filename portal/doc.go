// Package portal serves the web pages of a running balansd.
//
// One handler, in middleware.go, checks every request: its host name, the site
// that sent it, its size, the session, and what the person may do. A page is
//
//   - a row of the route table: its method and path, who may use it, its handler,
//     and its name in the navigation (homeRoutes is an example; add a function
//     like it to Handler.routeTable);
//   - a handler func(*request) error, which reads rq.r, calls rq.API (a change is
//     recorded in the audit log; pass rq.person.Name as by), and ends with
//     rq.renderPage, rq.renderPart, rq.redirect or an error: a problem or an
//     accounts.Refusal, for which the error page is shown;
//   - templates/NAME.html with the templates "title" and "main". $ is a
//     layoutData, .Data what the handler passed. The functions in templates.go
//     write messages, dates and numbers in the reader's language; templates
//     contain no text of their own;
//   - messages in locale/, a file for each group of pages and language.
//
// A change is a POST, and ends with rq.flash and rq.redirect, so that reloading
// the page repeats nothing. Another site sends people back with a GET without the
// session cookie: such a callback is an open route that answers with
// rq.relayCallback, whose form posts the parameters to a route that has the
// session; rq.redirectExternal sends people to the other site. What a page needs
// again in a later request, such as the state of a sign-in to Silverfin, is saved
// in rq.sessions as text.
//
// People, sessions and the audit log are in package accounts.
//
// The package must not decide anything about social balances, open the state,
// contact any service, or treat what another system returned as anything but text.
package portal
