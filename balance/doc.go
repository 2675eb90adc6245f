// Package balance knows the Belgian social balance (sociale balans, bilan
// social): its rubrics with their labels in four languages, the layouts in
// which it travels, exact figures, and checks on them.
//
// Read recognises a document by its content, and Stream reads one of any size
// in a few MB of memory. Documents are hostile until read: a reader has a bound
// on everything that it holds in memory, and a fuzz target. The rubrics, their labels,
// the sentences of the findings and the members of the CBSO taxonomy are data,
// in the .tsv files beside the code.
//
// The package does no I/O, keeps no state and imports no other package of the module. All its
// functions may be called from several goroutines at once.
package balance
