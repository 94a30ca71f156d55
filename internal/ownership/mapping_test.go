package ownership

import (
	"strings"
	"testing"
)

const directoryCSV = "\ufeffaddress;name;alias\r\n" +
	"anke@new.test;Anke Müller;u1@old.test|mueller@new.test\r\n" +
	"berta@new.test;Berta Groß;u2@old.test\r\n" +
	"carl@new.test;Carl Voß;u3@old.test\r\n"

const coreCSV = "source,target,name,alias,room\n" +
	"u1@old.test,anke@new.test,anke  MÜLLER,mueller@new.test,1\n" +
	"u2@old.test,berta@new.test,Berta Groß,,2\n" +
	"U3@old.test,Carl@new.test,,,3\n"

func TestCheckMap(t *testing.T) {
	directory, err := ReadDirectory("dir.csv", strings.NewReader(directoryCSV))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, core, deferred string
		directory            string
		want                 []string // code place
	}{
		{name: "right", core: coreCSV, deferred: coreCSV},
		{name: "right, another order", core: coreCSV, deferred: "target,source\ncarl@new.test,u3@old.test\nberta@new.test,u2@old.test\nanke@new.test,u1@old.test\n"},
		{name: "swapped", core: "source,target\nu1@old.test,berta@new.test\nu2@old.test,anke@new.test\n",
			want: []string{"other-person core.csv:2:13", "other-person core.csv:3:13"}},
		{name: "one source, two targets", core: "source,target\nu1@old.test,anke@new.test\nU1@old.test,anke@new.test\n",
			want: []string{"source-twice core.csv:3:1", "target-twice core.csv:3:13"}},
		{name: "two sources, one target", core: "source,target\nu1@old.test,anke@new.test\nu2@old.test,anke@new.test\n",
			want: []string{"target-twice core.csv:3:13", "other-person core.csv:3:13"}},
		{name: "one person by two addresses", core: "source,target\nu1@old.test,anke@new.test\nu2@old.test,mueller@new.test\n",
			want: []string{"other-person core.csv:3:13", "person-twice core.csv:3:13"}},
		{name: "separator line, quotes, blank lines", core: "sep=;\r\nroom;\"name\";source;target\r\n\r\n1;\"Müller; \"\"A.\"\"\";u1@old.test;berta@new.test\r\n",
			want: []string{"other-person core.csv:4:32", "name core.csv:4:3"}},
		{name: "unknown", core: "source,target\nu9@old.test,anke@new.test\nu2@old.test,nobody@new.test\n",
			want: []string{"unknown core.csv:2:1", "unknown core.csv:3:13"}},
		{name: "name", core: "source,target,name\nu1@old.test,anke@new.test,Berta Groß\n", want: []string{"name core.csv:2:27"}},
		{name: "alias", core: "source,target,alias\nu1@old.test,anke@new.test,u2@old.test|mueller@new.test\n", want: []string{"alias core.csv:2:27"}},
		{name: "deferred swapped", core: coreCSV, deferred: "source,target\nu1@old.test,berta@new.test\nu2@old.test,anke@new.test\nu3@old.test,carl@new.test\n",
			want: []string{"deferred-differs deferred.csv:2:13", "deferred-differs deferred.csv:3:13"}},
		{name: "deferred others", core: coreCSV, deferred: "source,target\nu1@old.test,anke@new.test\nu7@old.test,berta@new.test\nu3@old.test,carl@new.test\n",
			want: []string{"deferred-extra deferred.csv:3:1", "deferred-missing core.csv:3:1"}},
		{name: "one address, two people", core: "source,target\nu1@old.test,anke@new.test\n",
			directory: "address,name,alias\nanke@new.test,Anke,u1@old.test\nberta@new.test,Berta,x|u1@old.test\n", want: []string{"ambiguous dir.csv:3:22"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			people := directory
			if c.directory != "" {
				if people, err = ReadDirectory("dir.csv", strings.NewReader(c.directory)); err != nil {
					t.Fatal(err)
				}
			}
			core, err := ReadBatch("core.csv", strings.NewReader(c.core))
			if err != nil {
				t.Fatal(err)
			}
			var deferred []Move
			if c.deferred != "" {
				if deferred, err = ReadBatch("deferred.csv", strings.NewReader(c.deferred)); err != nil {
					t.Fatal(err)
				}
			}
			var got []string
			for _, d := range CheckMap(core, deferred, people) {
				got = append(got, d.Code+" "+d.Place.String())
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestBadCSV(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "b.csv:1:1: the file is empty",
		"source,target\n":               "b.csv:1:1: the file has no rows",
		"quelle,target\na,b\n":          "b.csv:1:1: the column source is missing; there are quelle, target",
		"sep=,\nsource,target\na\n":     "b.csv:3:1: 1 cells where the head line has 2",
		"source,target\na\n":            "b.csv:2:1: 1 cells where the head line has 2",
		"source,target\nä,\n":           "b.csv:2:3: the target is empty",
		"source,target\na,\"b\n":        "b.csv:2:5: not valid CSV",
		"source,target\na,b\x01c\n":     "b.csv:2:3: the target has a control character",
		"source,Source,target\na,b,c\n": "b.csv:1:8: the column Source stands there twice",
		"source,target\na,\xff\n":       "b.csv:1:1: the file is not text in UTF-8",
		"source,target\ra,b\r":          "b.csv:1:1: the lines end with a carriage return alone",
	} {
		_, err := ReadBatch("b.csv", strings.NewReader(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add(coreCSV)
	f.Add(directoryCSV)
	f.Add("source;target;shared\n\"a\nb\",\"c\";d;e|f\n")
	f.Add("address,name,alias\na,,a|b\nb,x,\"c|\"\"\"\n")
	f.Fuzz(func(t *testing.T, text string) {
		moves, err := ReadBatch("b.csv", strings.NewReader(text))
		people, errPeople := ReadDirectory("d.csv", strings.NewReader(text))
		if err != nil && errPeople != nil {
			return
		}
		for _, d := range CheckMap(moves, moves, people) {
			if d.Place.Line < 1 || d.Place.Column < 1 || d.Text == "" {
				t.Errorf("%+v", d)
			}
			if strings.HasPrefix(d.Code, "deferred-differs") && !strings.Contains(text, "\n") {
				t.Errorf("one row differs from itself: %v", d)
			}
		}
	})
}
