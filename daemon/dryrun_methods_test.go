package daemon

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"
)

// looking are the methods of Store that only look.
var looking = map[string]bool{
	"Connections": true, "Firms": true, "Created": true, "WouldRecord": true, "Values": true, "Document": true,
	"History": true, "Counts": true, "Links": true, "Runs": true, "LastNight": true, "LastAlive": true, "Missed": true, "BackupsThere": true,
	"Check": true, "CheckSecrets": true,
}

// TestDryRunKeepsEveryMethodThatChanges: a method that Store gains and that
// changes something must be one of dryStore's own, which cannot write.
func TestDryRunKeepsEveryMethodThatChanges(t *testing.T) {
	files := token.NewFileSet()
	parse := func(name string) *ast.File {
		f, err := parser.ParseFile(files, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	own := map[string]bool{}
	for _, d := range parse("dryrun.go").Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil {
			if star, ok := fn.Recv.List[0].Type.(*ast.StarExpr); ok && star.X.(*ast.Ident).Name == "dryStore" {
				own[fn.Name.Name] = true
			}
		}
	}
	found := 0
	ast.Inspect(parse("ports.go"), func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != "Store" {
			return true
		}
		for _, m := range spec.Type.(*ast.InterfaceType).Methods.List {
			found++
			if name := m.Names[0].Name; !own[name] && !looking[name] {
				t.Errorf("a dry run would pass %s on to the state", name)
			}
		}
		return false
	})
	if found < 20 {
		t.Errorf("only %d methods were found in Store: was it moved?", found)
	}
}
