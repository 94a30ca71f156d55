package reports

import (
	"pegel/internal/capacity"
	"pegel/internal/judge"
)

// The types below are the part of forecast.json that answers questions: batches, situations, what-if and target.
type batchFile struct {
	Name          string          `json:"name,omitempty"`
	Date          string          `json:"date,omitempty"`
	Accounts      int             `json:"accounts"`
	AccountsAfter int             `json:"accounts_after"`
	UsersAfter    *int64          `json:"users_after"`
	POK           *float64        `json:"p_ok,omitempty"` // of the worst situation; left out where the capacity is not determined
	Situations    []situationFile `json:"situations"`
	Verdict       string          `json:"verdict"`
	Worst         string          `json:"worst_situation,omitempty"`
	Action        string          `json:"action,omitempty"`   // that breaks first in the worst situation
	Resource      string          `json:"resource,omitempty"` // that gives way first there
	Why           *warningFile    `json:"why,omitempty"`
}

type situationFile struct {
	Name    string   `json:"name"`
	POK     *float64 `json:"p_ok,omitempty"` // left out where the capacity is not determined
	Verdict string   `json:"verdict,omitempty"`
}

type estimateFile struct {
	Name       string        `json:"name,omitempty"`
	Determined bool          `json:"determined"`
	Capacity   *capacityFile `json:"capacity,omitempty"`
	Limit      *limitFile    `json:"limit,omitempty"`
	Why        *warningFile  `json:"why,omitempty"`    // where not determined
	Played     *playedFile   `json:"played,omitempty"` // what was measured where the situation was played
}

type playedFile struct {
	Users  int      `json:"users"`
	Held   bool     `json:"held"`   // every objective was shown to hold
	Broken []string `json:"broken"` // objectives
}

type planFile struct {
	Batches  int         `json:"batches"`
	Safe     int         `json:"safe"` // counted from the first
	Last     string      `json:"last_safe_batch,omitempty"`
	LastDate string      `json:"last_safe_date,omitempty"`
	Summary  string      `json:"summary"`
	Measure  *targetFile `json:"measure,omitempty"` // what carries all of them
}

type whatIfFile struct {
	Assumed    []string       `json:"assumed"`
	Before     estimateFile   `json:"before"`
	After      estimateFile   `json:"after"`
	Situations []estimateFile `json:"situations"` // after
	Batches    []batchFile    `json:"batches,omitempty"`
}

type targetFile struct {
	Accounts int          `json:"accounts,omitempty"`
	Users    *int64       `json:"users"`
	POK      *float64     `json:"p_ok,omitempty"` // as the platform is
	Enough   bool         `json:"enough"`         // with the changes, which may be none
	Changes  []changeFile `json:"changes"`
	After    *float64     `json:"p_ok_after,omitempty"`
	Limit    *limitFile   `json:"limit,omitempty"` // what stands in the way
	Why      *warningFile `json:"why,omitempty"`
}

type changeFile struct {
	Resource string  `json:"resource"`
	Kind     string  `json:"kind,omitempty"`
	From     float64 `json:"from"`
	To       float64 `json:"to"`
}

// answers fills in the questions' part.
func answers(out *forecastFile, f *judge.Forecast) {
	out.Transfer = f.Transferred
	if f.Batch != nil {
		b := batchOf(f.Batch)
		out.NextBatch = &b
	}
	for i := range f.Batches {
		out.Batches = append(out.Batches, batchOf(&f.Batches[i]))
	}
	out.Situations = estimates(f.Situations)
	if p := f.Plan; p != nil {
		out.Plan = &planFile{Batches: p.Batches, Safe: p.Safe, Summary: p.Summary.String(), Measure: targetOf(p.Measure)}
		if p.Last != nil {
			out.Plan.Last, out.Plan.LastDate = p.Last.Name, p.Last.Date
		}
	}
	if w := f.WhatIf; w != nil {
		out.WhatIf = &whatIfFile{Assumed: w.Assumed, Before: estimateOf("", w.Before), After: estimateOf("", w.After), Situations: estimates(w.Situations)}
		for i := range w.Batches {
			out.WhatIf.Batches = append(out.WhatIf.Batches, batchOf(&w.Batches[i]))
		}
	}
	out.Target = targetOf(f.Target)
}

func batchOf(v *judge.BatchVerdict) batchFile {
	b := batchFile{Name: v.Name, Date: v.Date, Accounts: v.Accounts, AccountsAfter: v.After, UsersAfter: rounded(v.Users), Verdict: v.Verdict,
		Worst: v.Situation, Action: v.Action, Resource: v.Resource, Why: messageOf(v.Why)}
	if !v.Unknown {
		b.POK = new(share(v.POK))
	}
	for _, s := range v.Situations {
		one := situationFile{Name: s.Name}
		if !s.Unknown {
			one.POK, one.Verdict = new(share(s.POK)), s.Verdict
		}
		b.Situations = append(b.Situations, one)
	}
	if len(b.Situations) == 0 {
		b.Situations = []situationFile{{Name: judge.BusyHour, POK: b.POK}}
	}
	return b
}

func estimates(list []judge.SituationForecast) []estimateFile {
	var files []estimateFile
	for _, s := range list {
		file := estimateOf(s.Name, s.Estimate)
		if p := s.Played; p != nil {
			file.Played = &playedFile{Users: p.Users, Held: p.Held(), Broken: []string{}}
			for _, text := range p.Broken() {
				file.Played.Broken = append(file.Played.Broken, text.String())
			}
		}
		files = append(files, file)
	}
	return files
}

func estimateOf(name string, e judge.Estimate) estimateFile {
	file := estimateFile{Name: name, Determined: e.Determined, Why: messageOf(e.Why)}
	if e.Determined {
		file.Capacity, file.Limit = capacityOf(e.Users, e.Accounts), limitOf(e.Limit)
	}
	return file
}

func capacityOf(users, accounts capacity.Interval) *capacityFile {
	file := &capacityFile{Users: whole(users)}
	if accounts.P50 > 0 {
		file.Accounts = new(whole(accounts))
	}
	return file
}

func limitOf(l judge.Limit) *limitFile {
	if l == (judge.Limit{}) {
		return nil
	}
	return &limitFile{l.Objective, l.Action, l.Resource, share(l.Probability)}
}

func targetOf(t *judge.Target) *targetFile {
	if t == nil {
		return nil
	}
	file := &targetFile{Accounts: t.Accounts, Users: rounded(t.Users), Enough: t.Enough, Changes: []changeFile{}, Limit: limitOf(t.Limit), Why: messageOf(t.Why)}
	if t.POK > 0 || t.After > 0 || t.Enough {
		file.POK, file.After = new(share(t.POK)), new(share(t.After))
	}
	for _, c := range t.Changes {
		file.Changes = append(file.Changes, changeFile(c))
	}
	return file
}

func messageOf(m judge.Message) *warningFile {
	if m.Empty() {
		return nil
	}
	return &warningFile{m.Code, m.String()}
}
