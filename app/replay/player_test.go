package replay

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"testing"
)

// TestPlayerIsACall reads what the window wants of a call, without building
// the window.
func TestPlayerIsACall(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "../ui/engine.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	obj := f.Scope.Lookup("Call")
	if obj == nil {
		t.Fatal("the window has no Call")
	}
	player := reflect.TypeFor[*Player]()
	for _, m := range obj.Decl.(*ast.TypeSpec).Type.(*ast.InterfaceType).Methods.List {
		fn, ok := m.Type.(*ast.FuncType)
		if !ok || len(m.Names) != 1 {
			t.Fatal("a method of an unknown form")
		}
		got, ok := player.MethodByName(m.Names[0].Name)
		if !ok || got.Type.NumIn()-1 != fn.Params.NumFields() || got.Type.NumOut() != fn.Results.NumFields() {
			t.Errorf("%s is missing, or takes or gives something else", m.Names[0].Name)
		}
	}
}
