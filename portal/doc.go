// Package portal is the web pages of a running balansd.
//
// One handler wraps all of them, in
// web_guard.go: which host names, which sites, how large, who is signed in,
// what they may. A page is
//
//   - a row of the route table: its method and path, who may use it, what
//     answers, and its name in the navigation (homeRoutes is an example; add a
//     function like it to Web.table);
//   - a func(*visit) error, which reads v.r, asks v.API or, for a change,
//     v.changes (it records in the trail; give v.person.Name as by, and
//     v.r.Context() as the context), and ends with v.page, v.part, v.redirect or
//     an error: a problem or a denied, which have pages of their own;
//   - templates/NAME.html with the templates "title" and "main". $ is a view,
//     .Data what the page gave. The functions in web_sheets.go write messages,
//     dates and numbers in the reader's language; no text stands in a template;
//   - messages in locale/, a file for each group of pages and language.
//
// A change is a POST, and ends with v.say and v.redirect, so that loading the
// page again changes nothing. Another site sends people back with a GET that
// carries no session: such a callback is an open route that answers with
// v.handBack, whose form brings what came to a route of ours that knows the
// person; v.leave sends them there. What a page begins and later goes on with,
// such as the state of a sign-in to Silverfin, lies in v.sessions as text.
//
// Who may sign in, their sessions and the audit log are package accounts.
//
// The package must not decide anything about social balances, open the state,
// contact any service, or take what another system said for anything but text.
package portal
