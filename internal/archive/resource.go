package archive

import (
	"encoding/json"
	"fmt"
)

// Resource is one that was found on a page of metrics while the run went on: what its points are about.
type Resource struct {
	Page     string `json:"page"`
	Name     string `json:"name"` // as in the points
	Kind     string `json:"kind,omitempty"`
	Group    string `json:"group,omitempty"`    // of shards
	Within   string `json:"within,omitempty"`   // the resource of the same page that it is a part of
	Unit     string `json:"unit,omitempty"`     // of what is in use
	Software string `json:"software,omitempty"` // in the catalogue
	// Labels are those that the name was made from.
	Labels map[string]string `json:"labels,omitempty"`
	Fields []string          `json:"fields,omitempty"` // that it can have
}

// maxResources bounds what is read of a run; whoever observes keeps fewer.
const maxResources = 1 << 16

// addResources takes in a row of resources.
func (r *Run) addResources(raw []byte) error {
	var list []Resource
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("resources: %w", err)
	}
	if len(r.Resources)+len(list) > maxResources {
		return fmt.Errorf("resources: %w", errRow)
	}
	r.Resources = append(r.Resources, list...)
	return nil
}
