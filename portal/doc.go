// Package portal is the web pages of a running balansd.
//
// One handler, in middleware.go, checks every request: its host name, the site
// that sent it, its size, the session, and what the person may do. A page is
//
//   - a row of the route table: its method and path, who may use it, what
//     answers, and its name in the navigation (homeRoutes is an example; add a
//     function like it to Web.table);
//   - a func(*request) error, which reads rq.r, calls rq.API (a change is recorded
//     in the audit log; give rq.person.Name as by), and ends with rq.page, rq.part,
//     rq.redirect or an error: a problem or an accounts.Refusal, which have pages
//     of their own;
//   - templates/NAME.html with the templates "title" and "main". $ is a view,
//     .Data what the page gave. The functions in templates.go write messages,
//     dates and numbers in the reader's language; no text stands in a template;
//   - messages in locale/, a file for each group of pages and language.
//
// A change is a POST, and ends with rq.say and rq.redirect, so that loading the
// page again changes nothing. Another site sends people back with a GET that
// carries no session: such a callback is an open route that answers with
// rq.handBack, whose form brings what came to a route of ours that knows the
// person; rq.leave sends them there. What a page begins and later goes on with,
// such as the state of a sign-in to Silverfin, is saved in rq.sessions as text.
//
// Who may sign in, their sessions and the audit log are package accounts.
//
// The package must not decide anything about social balances, open the state,
// contact any service, or take what another system said for anything but text.
package portal
