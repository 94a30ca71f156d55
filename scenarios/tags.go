package scenarios

import "fmt"

// Tags are dimensions of the results, so their number is bounded: a scenario may have so many names, each with so many
// values.
const (
	MostTagNames  = 8
	MostTagValues = 64
)

// tagUse are the values of each tag that the scenario has been seen to use.
type tagUse map[string]map[string]bool

// tags checks the tags of personas and steps.
func (c *checker) tags() {
	use := tagUse{}
	for _, p := range c.Personas {
		c.tagsOf(use, p.Tags, p.Pos)
	}
	if !c.read("journeys") {
		return
	}
	for _, name := range names(c.Journeys) {
		c.tagsIn(use, c.Journeys[name])
	}
}

func (c *checker) tagsIn(use tagUse, j Journey) {
	for i := range j {
		s := &j[i]
		c.tagsOf(use, s.Tags, s.Pos)
		for k := range s.Choose {
			choice := &s.Choose[k]
			c.tagsOf(use, choice.Tags, choice.Pos)
			c.tagsIn(use, choice.Steps)
		}
		for _, b := range s.Parallel {
			c.tagsIn(use, b.Steps)
		}
		c.tagsIn(use, s.Steps)
		c.tagsIn(use, s.Else)
	}
}

// tagsOf checks one mapping of tags. What is beyond the bounds is reported where it is first too much.
func (c *checker) tagsOf(use tagUse, tags map[string]string, pos Pos) {
	for _, name := range names(tags) {
		value := tags[name]
		switch {
		case !plainName.MatchString(name):
			c.failKey(plainNameRule, fmt.Sprintf("tag name %q", name), pos, "tags", name)
			continue
		case !plainName.MatchString(value):
			c.fail(plainNameRule, fmt.Sprintf("%q is no value of a tag", value), pos, "tags", name)
			continue
		}
		if use[name] == nil {
			if len(use) == MostTagNames {
				c.failKey("tags are dimensions of the results; name fewer of them", fmt.Sprintf("tag %q is one more than the %d that a scenario may have", name, MostTagNames), pos, "tags", name)
			}
			use[name] = map[string]bool{}
		}
		if !use[name][value] && len(use[name]) == MostTagValues {
			c.fail("tags are dimensions of the results; use fewer values", fmt.Sprintf("%q is one more than the %d values that a tag may have", value, MostTagValues), pos, "tags", name)
		}
		use[name][value] = true
	}
}
