package reports

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// drawing is what a chart's element holds once the page is there.
type drawing struct {
	ID     string  `json:"id"`
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
	Marks  int     `json:"marks"` // SVG shapes; -1 for a canvas with pixels on it
}

const drawings = `[...document.querySelectorAll("[data-chart]")].map((e) => {
	const d = e.querySelector("canvas, svg"), r = d ? d.getBoundingClientRect() : {width: 0, height: 0};
	let marks = d && d.tagName === "svg" ? d.querySelectorAll("path, polyline, rect, text").length : 0;
	if (d && d.tagName === "CANVAS") {
		marks = d.getContext("2d").getImageData(0, 0, d.width, d.height).data.some((v) => v > 0) ? -1 : 0;
	}
	return {id: e.dataset.chart, width: r.width, height: r.height, marks: marks};
})`

// TestInBrowser opens the report in a real browser: nothing on the console, nothing requested, every chart drawn.
func TestInBrowser(t *testing.T) {
	var chromium string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			chromium = path
			break
		}
	}
	if chromium == "" {
		t.Skip("no Chromium is installed, so the report cannot be opened in it")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(chromium), chromedp.NoSandbox,
		chromedp.WindowSize(1280, 900))
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	defer stop()
	ctx, closeTab := chromedp.NewContext(ctx)
	defer closeTab()

	var mu sync.Mutex
	var complaints []string
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	if err := listen(ctx, func(text string) {
		mu.Lock()
		defer mu.Unlock()
		complaints = append(complaints, text)
	}); err != nil {
		t.Fatal(err)
	}
	// A page that does complain, so that silence below means something.
	if err := chromedp.Do(ctx, chromedp.Navigate("data:text/html,<script>console.error(1)</script>"), chromedp.WaitReady(chromedp.CSS("body"))); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	if len(complaints) == 0 {
		t.Fatal("an error on the console goes unnoticed")
	}
	complaints = nil
	mu.Unlock()
	for name, r := range map[string]string{"known": html(t, fixture(), Options{Truth: 8750}), "unknown": html(t, undetermined(), Options{Lang: "de"}),
		"everything": html(t, full(), Options{})} {
		path := filepath.Join(t.TempDir(), name+".html")
		if err := os.WriteFile(path, []byte(r), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := chromedp.Do(ctx, chromedp.Navigate("file://"+path), chromedp.WaitReady(chromedp.CSS("html[data-ready]"))); err != nil {
			t.Fatalf("%s: opening the report: %v", name, err)
		}
		charts, err := chromedp.Run(ctx, chromedp.Evaluate[[]drawing](drawings))
		if err != nil {
			t.Fatal(err)
		}
		if want := strings.Count(r, "data-chart="); len(charts) != want || want < 5 {
			t.Errorf("%s: %d charts drawn, %d in the page", name, len(charts), want)
		}
		for _, c := range charts {
			if c.Width < 100 || c.Height < 100 || c.Marks == 0 {
				t.Errorf("%s: chart %s is %v × %v with %d marks", name, c.ID, c.Width, c.Height, c.Marks)
			}
		}
		requested, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](`performance.getEntriesByType("resource").map((e) => e.name)`))
		if err != nil {
			t.Fatal(err)
		}
		if len(requested) > 0 {
			t.Errorf("%s: the page requested %v", name, requested)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for _, c := range complaints {
		t.Error(c)
	}
}

// listen reports errors and warnings of the console, of the page's log, and exceptions.
func listen(ctx context.Context, complain func(string)) error {
	return chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			complain("exception: " + e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
				complain("console " + string(e.Type))
			}
		case *log.EventEntryAdded:
			complain("log: " + e.Entry.Text)
		}
	})
}
