package judge

import (
	"maps"
	"slices"

	"pegel/internal/archive"
)

// BrowserView is what real browsers told beside times. Nil: none took part.
type BrowserView struct {
	Actions  []BrowserAction
	PSS, CPU float64  // the most at any time: bytes, percent of one core
	Contexts int      // at the same time
	Exhibits []string // files beside the run that show failures

	// Beside is what was done at HTTP level as well, in the stage of the highest load that has both, of Users users; nil: nothing.
	Beside []Beside
	Users  int
}

// BrowserAction is one action: how often it was done, and how often of that while the generator's CPU was short; what the page
// loaded and what went wrong in it; and how long after the address was asked for a page that was opened was painted first, and
// its largest part, in seconds; 0: never.
type BrowserAction struct {
	Name                            string
	Count, Short                    int
	Verb                            string
	Requests, Failed, Bytes, Errors float64
	LongTasks, LongTaskSeconds      float64
	FirstPaintP75, LargestPaintP75  float64
}

// browser reads the last values of what browsers have counted since the run began.
func (r *reading) browser() error {
	view := BrowserView{}
	actions, light := map[string]*BrowserAction{}, map[string]*sending{}
	for k, s := range r.series {
		if k.page != archive.PageGenerator || len(s.value) == 0 {
			continue
		}
		last, most := s.value[len(s.value)-1], slices.Max(s.value)
		switch k.resource {
		case archive.GeneratorBrowserPSS:
			view.PSS = most
		case archive.GeneratorBrowserCPU:
			view.CPU = most
		case archive.GeneratorBrowserContexts:
			view.Contexts = int(most)
		}
		name, value, ok := archive.BrowserFigure(k.resource)
		if !ok {
			continue
		}
		if light := lightly(light, name, value); light != nil {
			*light += last
			continue
		}
		a := actions[name]
		if a == nil {
			a = &BrowserAction{Name: name, Verb: verbOf(name)}
			actions[name] = a
		}
		switch value {
		case "count":
			a.Count = int(last)
		case "cpu_short":
			a.Short = int(last)
		case "requests":
			a.Requests = last
		case "failed_requests":
			a.Failed = last
		case "bytes":
			a.Bytes = last
		case "js_errors":
			a.Errors = last
		case "long_tasks":
			a.LongTasks = last
		case "long_task_seconds":
			a.LongTaskSeconds = last
		case "first_paint_p75_seconds":
			a.FirstPaintP75 = last
		case "largest_paint_p75_seconds":
			a.LargestPaintP75 = last
		}
	}
	if len(actions) == 0 && view.PSS == 0 {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(actions)) {
		view.Actions = append(view.Actions, *actions[name])
	}
	view.beside(r.out.Stages, light)
	var err error
	view.Exhibits, err = r.run.Exhibits()
	r.out.Browser = &view
	return err
}
