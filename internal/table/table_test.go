package table

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// first is the nearest word for tests: the one with the same letters but for one.
func first(word string, among []string) string {
	for _, w := range among {
		if len(w) == len(word)+1 && strings.HasSuffix(w, word[1:]) || len(word) == len(w)+1 && strings.Contains(word, w[1:]) {
			return w
		}
	}
	return ""
}

func read(text string, hand map[Column]string) (*Table, error) {
	return Read("t.csv", strings.NewReader(text), Options{Columns: hand, Nearest: first})
}

func TestRead(t *testing.T) {
	for name, text := range map[string]string{
		"comma":      "users,throughput,p95,errors\n100,10,0.25,0.001\n200,19.5,0.5,0.5%\n",
		"semicolon":  "users;throughput;p95;errors\n100;10;0.25;0.001\n200;19.5;0.5;0.005\n",
		"tab":        "users\tthroughput\tp95\terrors\n100\t10\t0.25\t0.001\n200\t19.5\t0.5\t0.005\n",
		"windows":    "\ufeffusers,throughput,p95,errors\r\n100,10,0.25,0.001\r\n\r\n200,19.5,0.5,0.005\r\n",
		"said":       "SEP=|\r\nusers|throughput|p95|errors\r\n100|10|0.25|0.001\r\n200|19.5|0.5|0.005\r\n",
		"said tab":   "sep=\t\nusers\tthroughput\tp95\terrors\n100\t10\t0.25\t0.001\n200\t19.5\t0.5\t0.005\n",
		"quoted":     "\"users\",\"throughput\",\"p95\",errors\n\"100\",10,\"0.25\", 0.001\n200,19.5,0.5,0.005",
		"units":      "Users,TPS,p95 (ms),errors_percent\n100,10,250,0.1\n200,19.5,500,0.5\n",
		"underlined": "vus,throughput_per_min,p95_ms,Errors\n100,600,250,0.1%\n200,1170,500,0.5 %\n",
		"surplus":    "note,users,throughput,p95,errors\n\"a, b\",100,10,0.25,0.001\nx,200,19.5,0.5,0.005\n",
	} {
		got, err := read(text, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := [][]float64{{100, 10, 0.25, 0.001}, {200, 19.5, 0.5, 0.005}}
		for i, row := range got.Rows {
			for k, c := range []Column{Users, Throughput, P95, ErrorShare} {
				if v := row.Of(c); math.Abs(v-want[i][k]) > 1e-12 {
					t.Errorf("%s: row %d: %s is %g, want %g", name, i, c, v, want[i][k])
				}
			}
		}
		if len(got.Rows) != 2 || !got.Has(P95) || got.Has(Mean) || got.Load() != Users {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestResources(t *testing.T) {
	got, err := read("n,x,Web.used,Web.limit,db.pool.limit,db.pool.used\n1,5,2,8,40,3\n2,9,4,8,40,6\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Resources, []string{"Web", "db.pool"}) || !slices.Equal(got.Rows[1].Use, []Use{{4, 8}, {6, 40}}) {
		t.Errorf("%v %v", got.Resources, got.Rows)
	}
}

func TestWarnings(t *testing.T) {
	got, err := read("processors,tput,error_rat,colour\n1,5,1,red\n2,9,1,blue\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprint(got.Warnings)
	for _, want := range []string{`"processors" is read as concurrency`, `"tput" is read as throughput`, `not used: "error_rat", "colour"`} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in %s", want, all)
		}
	}
	if got, err = read("users,throughput,sers,mean\n100,10,1,1200\n200,20,1,1300\n", nil); err != nil {
		t.Fatal(err)
	}
	all = fmt.Sprint(got.Warnings)
	if !strings.Contains(all, `did you mean "users"`) || !strings.Contains(all, "mean_ms") {
		t.Error(all)
	}
}

func TestColumnsByHand(t *testing.T) {
	const text = "timestamp,db_time,call_rate,txn_rate,took_ms\n1,0.5,9,2,100\n2,1.5,9,5,200\n"
	got, err := read(text, map[Column]string{Concurrency: "db_time", Throughput: "Call_Rate", P95: "took_ms"})
	if err != nil {
		t.Fatal(err)
	}
	if r := got.Rows[1]; r.Of(Concurrency) != 1.5 || r.Of(Throughput) != 9 || r.Of(P95) != 0.2 {
		t.Errorf("%+v", r)
	}
	_, err = read(text, map[Column]string{Concurrency: "db_tim", Throughput: "txn_rate"})
	if err == nil || !strings.Contains(err.Error(), `t.csv:1:1: there is no column "db_tim"`) {
		t.Error(err)
	}
	if _, err = read(text, map[Column]string{Concurrency: "db_time", Throughput: "db_time"}); err == nil || !strings.Contains(err.Error(), "cannot be both") {
		t.Error(err)
	}
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "t.csv:1:1: the file is empty"},
		{"\n\n", "t.csv:1:1: the file is empty"},
		{",,\n", "the head line is empty"},
		{"users,throughput\n", "t.csv:1:1: the file has no rows below its head line\n  hint: each line below the head is the measurement"},
		{"users,p95\n1,2\n2,3\n", "t.csv:1:1: the column throughput is missing"},
		{"throughput\n1\n2\n", "the column users or concurrency is missing"},
		{"users,hroughput\n1,2\n2,3\n", `is it "hroughput"?`},
		{"users,throughput\n1,NaN\n2,3\n", `t.csv:2:3: throughput is not a number: "NaN"`},
		{"users,throughput\n1,inf\n2,3\n", `not a number: "inf"`},
		{"users,throughput\n1,0x1p4\n2,3\n", "not a number"},
		{"users,throughput\n1,-2\n2,3\n", "t.csv:2:3: throughput is below 0: -2"},
		{"users,throughput\n1,0\n2,3\n", "t.csv:2:3: throughput must be above 0"},
		{"users,throughput\n1,\n2,3\n", "t.csv:2:3: throughput is empty"},
		{"users,throughput\n1,12ms\n2,3\n", "units belong into the head line"},
		{"users,throughput\n1,1e400\n2,3\n", "beyond all reason"},
		{"users;throughput\n1;1,5\n2;3\n", `t.csv:2:3: throughput has a comma: "1,5"`},
		{"users,throughput\n\"1,200\",5\n2,3\n", `t.csv:2:1: users has a comma: "1,200"`},
		{"users,throughput\n1,1,5\n2,3\n", "t.csv:2:1: 3 cells where the head line has 2\n  hint: numbers have a decimal point"},
		{"users,throughput\n1\n2,3\n", "t.csv:2:1: 1 cells where the head line has 2"},
		{"users,throughput,Users\n1,2,3\n2,3,4\n", `t.csv:1:18: the columns "users" and "Users" mean the same`},
		{"n,size,x\n1,2,3\n2,3,4\n", `the columns "n" and "size" mean the same`},
		{"n,x,a.used\n1,2,3\n2,3,4\n", `t.csv:1:5: "a.used" has no column "a.limit" beside it`},
		{"n,x,a.used,a.limit\n1,2,3,2\n2,3,1,2\n", "t.csv:2:5: a.used is above its limit: 3 of 2"},
		{"n,x,a.used,a.limit\n1,2,0,0\n2,3,1,2\n", "t.csv:2:5: a.used is above its limit: 0 of 0"},
		{"n,x,errors\n1,2,0.1\n2,3,5\n", "t.csv:3:5: errors is above 1: 5"},
		{"n,x,p50,p95\n1,2,0.3,0.2\n2,3,1,2\n", "t.csv:2:9: p95 is below p50"},
		{"n,x\n1,2\n", "t.csv:2:1: the table has one row"},
		{"n,x\n5,2\n5,3\n", "t.csv:2:1: all rows have the same load: 5 concurrency"},
		{"users;throughput\n1;2;5\n2;3\n", "t.csv:2:1: 3 cells where the head line has 2\n  hint: quote cells"},
		{"sep=;\nusers;throughput\n1;2,5\n2;3\n", "t.csv:3:3: throughput has a comma"},
		{"sep=\"\nusers,throughput\n1,2\n", "t.csv:1:5: not valid CSV"},
		{"n,x\n1,\"2\n", "t.csv:2:5: not valid CSV"},
		{"n,x\r1,2\r", "carriage return"},
		{"n,x\n1,\xff\n", "not text in UTF-8"},
		{"n,x\n1,\x00\n", "not text in UTF-8"},
		{"ä,n,x\nöö,1,-1\nö,2,3\n", "t.csv:2:6: x is below 0"},
		{strings.Repeat("ä,", 1<<20) + "n\n", "at most 500 are read"},
		{strings.Repeat("a,", 600) + "n\n", "at most 500 are read"},
		{"n,x\n" + strings.Repeat("1,2\n", mostRows+1), "more than 100000 rows"},
		{"n,x\n" + strings.Repeat(strings.Repeat("1", 300)+",2\n", mostBytes/300), "larger than 16 MiB"},
	} {
		_, err := read(c.text, nil)
		if wrong, ok := errors.AsType[Errors](err); !ok || !strings.Contains(wrong.Error(), c.want) {
			t.Errorf("%.60q: got %v, want %s", c.text, err, c.want)
		}
	}
}

func TestManyMistakesAreBounded(t *testing.T) {
	_, err := read("n,x\n"+strings.Repeat("a,b\n", 5000), nil)
	wrong, ok := errors.AsType[Errors](err)
	if !ok || len(wrong) != mostKept || !strings.HasSuffix(wrong.Error(), "and 980 more problems") {
		t.Errorf("%d problems, ends %q", len(wrong), err.Error()[len(err.Error())-40:])
	}
}

func TestReadObserved(t *testing.T) {
	got, err := ReadObserved("o.csv", strings.NewReader("Date,users,ok,environment\n2026-03-02,400,yes,production\n2026-03-03 09:30,500,no,\n"))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || !got[0].OK || got[0].Environment != "production" || got[1].OK || got[1].At.Hour() != 9 || got[1].Users != 500 || !got[1].Known {
		t.Errorf("%+v", got)
	}
	got, err = ReadObserved("o.csv", strings.NewReader("time;active users;p95_ms\n2026-03-02T10:00:00Z;400;250\n"))
	if err != nil || got[0].Known || math.Abs(got[0].P95-0.25) > 1e-12 {
		t.Errorf("%+v, %v", got, err)
	}
	for text, want := range map[string]string{
		"date,users\n2026-03-02,4\n":                 "the column ok or p95 is missing",
		"users,ok\n4,yes\n":                          "the column time is missing",
		"date,users,ok\n2.3.26,4,yes\n":              `o.csv:2:1: "2.3.26" is no time`,
		"date,users,ok\n2026-03-02,4,perhaps\n":      `o.csv:2:14: ok is neither yes nor no: "perhaps"`,
		"date,time,users,ok\n2026-03-02,4,perhaps\n": "stands there twice",
	} {
		if _, err := ReadObserved("o.csv", strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// Whatever is read, a table that passes has what models rely on.
func FuzzRead(f *testing.F) {
	f.Add("users,throughput,mean,p95,errors,a.used,a.limit\n1,2,3,4,5%,6,7\n2,2,3,4,0.5,6,7\n")
	f.Add("\ufeffn;x\n1;2\n\"3\";4\n")
	f.Add("n\tx\n1\t1,5\n")
	f.Add("n,x\n\"1\n\",2\n")
	f.Add(".used,.limit,a.used\n,,\n")
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = ReadObserved("o.csv", strings.NewReader(text))
		got, err := read(text, nil)
		if err != nil {
			if wrong, ok := errors.AsType[Errors](err); ok && (len(wrong) == 0 || wrong[0].At.Line < 1 || wrong[0].At.Column < 1) {
				t.Errorf("no place: %+v", wrong)
			}
			return
		}
		if len(got.Rows) < 2 || len(got.Rows) > mostRows {
			t.Errorf("%d rows", len(got.Rows))
		}
		for _, row := range got.Rows {
			for c := range columns {
				v := row.Of(c)
				if math.IsNaN(v) || v < 0 || v > mostValue || (c == got.Load() || c == Throughput) && v == 0 || c == ErrorShare && v > 1 {
					t.Errorf("%s is %g", c, v)
				}
			}
			for _, u := range row.Use {
				if !(u.Limit > 0) || u.Used < 0 || u.Used > u.Limit*1.000001 {
					t.Errorf("use %+v", u)
				}
			}
		}
	})
}
