package administration

// NameKey returns what two spellings of a client's name have in common: without case,
// accents, punctuation and legal form.
func NameKey(name string) string {
	rest, _ := splitLegalForm(foldName(name))
	return rest
}
