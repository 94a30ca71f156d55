package judge

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pegel/internal/archive"
	"pegel/internal/capacity"
)

// TestWhatIsSaid reads the sources: every code that is said is in a table, with as many values as its sentence has, and no
// sentence is left over.
func TestWhatIsSaid(t *testing.T) {
	all := Sentences()
	if want := len(sentences) + len(capacity.Sentences()); len(all) != want {
		t.Fatalf("%d messages with different codes, want %d", len(all), want)
	}
	said := map[string]bool{}
	for _, code := range []string{NoteCompressed, NoteBrowser, NoteNoBrowser, NoteBlind, noteMetricsBack, noteCapped, abortErrors, abortLogins, NoteBlackout, arrivalsNotStarted, noteUnopened, notePaused, noteResumed, abortWindow, abortSlow, abortMetric,
		noteSettled, noteUnsettled, notePrecise, noteUnprecise} {
		said[code] = true // by others, into the archive
	}
	var files []string
	for _, dir := range []string{".", "../capacity"} {
		found, err := filepath.Glob(dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 || !slices.Contains([]string{"Say", "say", "warn", "notDetermined"}, called(call)) {
				return true
			}
			code, ok := call.Args[0].(*ast.BasicLit)
			if !ok {
				return true
			}
			key, err := strconv.Unquote(code.Value)
			if err != nil {
				t.Fatal(err)
			}
			said[key] = true
			at := set.Position(call.Pos())
			if format, ok := all[key]; !ok {
				t.Errorf("%s: no sentence has the code %q", at, key)
			} else if want := strings.Count(format, "%s"); len(call.Args)-1 != want {
				t.Errorf("%s: %q is said with %d values, its sentence has %d", at, key, len(call.Args)-1, want)
			}
			return true
		})
	}
	for code := range all {
		if !said[code] {
			t.Errorf("nobody says %q", code)
		}
	}
}

func called(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// What the archive says in English is recognised, with its values; anything else is quoted, and both read as they were.
func TestNotesAreRecognised(t *testing.T) {
	meta := &archive.Meta{Notes: []string{Say(NoteCompressed, 8.0, 8.0).String(), Say(NoteBlind).String(), "the weather was fine (80 %)"}}
	events := []archive.Event{{Kind: archive.EventNote, Text: "metrics from web 1 are back after 1m5s"}, {Kind: archive.EventDone}}
	list := notes(meta, events)
	want := []struct {
		code string
		args []any
	}{{NoteCompressed, []any{8.0, 8.0}}, {NoteBlind, nil}, {"", nil}, {noteMetricsBack, []any{"web 1", 65 * time.Second}}}
	if len(list) != len(want) {
		t.Fatalf("notes %v", list)
	}
	for i, w := range want {
		if list[i].Code != w.code || !slices.Equal(list[i].Args, w.args) {
			t.Errorf("note %d is %q with %v, want %q with %v", i, list[i].Code, list[i].Args, w.code, w.args)
		}
	}
	for i, text := range append(slices.Clone(meta.Notes), events[0].Text) {
		if list[i].String() != text {
			t.Errorf("note %q reads %q", text, list[i])
		}
	}
	aborted := recognise("error share was above 2.5 % for 1m0s", abortErrors)
	if want := []any{capacity.Share(0.025), time.Minute}; !slices.Equal(aborted.Args, want) {
		t.Errorf("aborted with %v, want %v", aborted.Args, want)
	}
	refused := recognise("11 of the first 12 logins were refused; accounts would be locked out", abortErrors, abortLogins)
	if refused.Code != abortLogins || refused.String() != "11 of the first 12 logins were refused; accounts would be locked out" {
		t.Errorf("refused logins are read as %+v", refused)
	}
}
