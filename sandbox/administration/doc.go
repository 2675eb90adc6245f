// Package administration simulates the web services that know names and addresses of
// clients: AdminPulse, Adsolut and the National Bank. Paths, headers, paging and statuses
// are those that are public; what is made up, because nobody publishes it, says so.
package administration
