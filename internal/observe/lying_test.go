package observe

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pegel/scenarios"
)

// serve answers each scrape with a handler of the test.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

func TestPagesThatLie(t *testing.T) {
	text := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, s) }
	}
	for name, c := range map[string]struct {
		page http.HandlerFunc
		want string // part of the error; empty: no error
		use  map[string]float64
	}{
		"nan":              {text("busy NaN\nsize 5\n"), "", map[string]float64{"r.limit": 5}},
		"all nan":          {text("busy NaN\nsize NaN\n"), "", map[string]float64{}},
		"infinite":         {text("busy +Inf\nsize 5\n"), "", map[string]float64{"r.limit": 5}},
		"beyond a float":   {text("busy 1e999\nsize 5\n"), "", map[string]float64{"r.limit": 5}},
		"sum overflows":    {text("busy{a=\"1\"} 1e308\nbusy{a=\"2\"} 1e308\nbusy{a=\"3\"} 1e308\nsize 5\n"), "", map[string]float64{"r.limit": 5}},
		"one of two nan":   {text("busy{a=\"1\"} NaN\nbusy{a=\"2\"} 3\nsize 5\n"), "", map[string]float64{"r.limit": 5, "r.in_use": 3}},
		"html":             {text("<html><body>It works</body></html>\n"), "none of the 2 series", nil},
		"empty":            {text(""), "none of the 2 series", nil},
		"no value":         {text("busy\nsize 5\n"), "line 1", nil},
		"word for a value": {text("# TYPE busy gauge\nbusy many\nsize 5\n"), "line 2", nil},
		"open label":       {text("busy{a=\"1\nsize 5\n"), "does not end", nil},
		"bare label":       {text("busy{a=1} 5\n"), "not quoted", nil},
		"cut off":          {text("busy 12"), "cut off", nil},
		"garbage":          {text("busy{\x00\xff=\"\x80\"} \x01\n"), "label", nil},
		"server error": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			io.WriteString(w, "busy 1\n")
		}, "500", nil},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://192.0.2.1/", http.StatusFound)
		}, "302", nil},
		"shorter than announced": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, "busy 1\nsize 5\n")
		}, "unexpected EOF", nil},
		"hangs up": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF", nil},
		"endless": {func(w http.ResponseWriter, r *http.Request) {
			line := []byte(strings.Repeat("other_series{label=\"x\"} 1\n", 4000))
			for r.Context().Err() == nil {
				if _, err := w.Write(line); err != nil {
					return
				}
			}
		}, "", nil},
		"silent": {func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "deadline", nil},
		"stuck in the middle": {func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "busy 1\n")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, "deadline", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := onePage(t, serve(t, c.page), scenarios.Resource{Name: "r", InUse: "busy", Limit: "size"})
			m, err := p.scrape(context.Background(), clock())
			if c.use != nil {
				if err != nil {
					t.Fatal(err)
				}
				if got := values(m.Points); len(got) != len(c.use) || got["r.limit"] != c.use["r.limit"] || got["r.in_use"] != c.use["r.in_use"] {
					t.Errorf("points %v, want %v", got, c.use)
				}
				return
			}
			if err == nil || len(m.Points) > 0 {
				t.Fatalf("%d points, error %v; want an error and no points", len(m.Points), err)
			}
			if name == "endless" { // whichever bound a slow machine reaches first
				if !strings.Contains(err.Error(), "larger than 64 MiB") && !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v", err)
				}
				return
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q, want one with %q", err, c.want)
			}
		})
	}
}
