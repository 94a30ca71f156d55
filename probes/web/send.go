package web

import (
	"pegel/internal/corpus"
	"pegel/probes/probe"
)

// sendParams are the parameters of send.
type sendParams struct {
	Size probe.Text `yaml:"size"` // of the text: "mix" (default) or a size such as 4KiB
}

// send writes one mail to another account of the scenario. It is not repeated when the answer stays out: the mail may
// have been sent.
func send(decode func(any) error) (probe.Step, error) {
	var params sendParams
	if err := decode(&params); err != nil {
		return nil, err
	}
	sizes, err := probe.Parsed(params.Size, corpus.ParseSizes)
	if err != nil {
		return nil, err
	}
	return func(t *probe.Turn) error {
		size, err := sizes(t)
		if err != nil {
			return err
		}
		return perform(t, "send", asked{size: size.Draw(t.Draw(drawSize))})
	}, nil
}
