// Package folder is a source of social balances: files in folders on the
// server, downloaded from Finbox by hand or made by another payroll bureau.
//
// Each dossier is a direct sub-folder of the source, and the sub-folder's name
// is its sync reference. Files may be of any layout that package balance
// reads and that says its financial year, which the National Bank's JSON does
// not. The package opens files for reading only: it must not move, change,
// mark or delete anything, follow links, or save anything across a restart.
package folder
