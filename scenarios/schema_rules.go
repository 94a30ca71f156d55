package scenarios

import (
	"fmt"
	"reflect"
	"slices"
)

// special are the keys whose form their type does not tell.
func special(name string, schema object) object {
	switch name {
	case "Target.url":
		return object{"type": "string", "pattern": urlPattern}
	case "Wave.batches":
		return object{"anyOf": []any{object{"type": "string"}, schema}}
	case "Stages.settle":
		return object{"anyOf": []any{object{"const": "auto"}, schema}}
	case "Day.hours":
		return object{"type": "object", "minProperties": 1, "propertyNames": object{"pattern": `^(1?[0-9]|2[0-3])$`}, "additionalProperties": ref("share")}
	case "Persona.name", "Resource.name", "Branch.name", "Batch.group":
		return ref("name")
	case "Scenario.seed", "Scenario.targets":
		return schema
	case "Scenario.personas", "Stages.users", "Step.choose", "Branch.steps", "Step.steps", "Step.else":
		schema["minItems"] = 1
	case "Step.parallel":
		schema["minItems"], schema["maxItems"] = 2, mostBranches
	case "Scenario.journeys":
		return object{"type": "object", "minProperties": 1, "propertyNames": object{"pattern": plainName.String()},
			"additionalProperties": object{"type": "array", "items": ref("Step"), "minItems": 1}}
	case "Scenario.data", "Step.save", "Choice.save":
		schema["propertyNames"] = object{"pattern": feederName.String()}
	case "Environment.nodes", "Environment.cores", "Transfer.nodes", "Transfer.cores", "Situation.less", "Persona.connections":
		return object{"type": "object", "additionalProperties": object{"type": "integer", "minimum": 1}}
	}
	return schema
}

// oneOf wants exactly one of the keys, anyKey at least one.
func oneOf(keys ...string) object { return object{"oneOf": wants(keys)} }

func anyKey(keys ...string) object { return object{"anyOf": wants(keys)} }

func wants(keys []string) []any {
	var list []any
	for _, key := range keys {
		list = append(list, object{"required": []string{key}})
	}
	return list
}

// rules say which keys of a mapping need or exclude each other.
func rules(t reflect.Type) object {
	switch t {
	case reflect.TypeFor[Secret]():
		return oneOf("env", "file")
	case reflect.TypeFor[Accounts]():
		return object{"oneOf": []any{object{"required": []string{"csv"}}, object{"required": []string{"pattern", "count"}}},
			"dependentRequired": object{"pattern": []string{"count"}, "count": []string{"pattern"}, "login": []string{"pattern"}}}
	case reflect.TypeFor[Arrivals]():
		return oneOf("per_second", "per_hour", "per_year", "csv")
	case reflect.TypeFor[Capture]():
		return oneOf("json", "regexp", "header", "cookie", "xml")
	case reflect.TypeFor[Feeder]():
		return object{"oneOf": wants([]string{"csv", "values", "pattern", "corpus"}),
			"dependentRequired": object{"pattern": []string{"count"}, "count": []string{"pattern"}, "first": []string{"pattern"}}}
	case reflect.TypeFor[Repeat]():
		return oneOf("times", "for")
	case reflect.TypeFor[LoadShape]():
		return oneOf("stages", "day", "soak")
	case reflect.TypeFor[AbortRule]():
		return oneOf("errors", "p50", "p95", "p99", "queue", "in_use")
	case reflect.TypeFor[Day]():
		return oneOf("hours", "shape")
	case reflect.TypeFor[Objective]():
		return anyKey("action", "errors")
	case reflect.TypeFor[Stages]():
		return object{"dependentRequired": object{"step": []string{"from", "to"}}}
	}
	return nil
}

// steps adds what the actions take, and which forms a step has.
func (s *schemer) steps(actions []ActionParams) {
	var names []string
	var with []any
	for _, a := range actions {
		names = append(names, a.Name)
		params := object{"type": "object", "additionalProperties": false}
		if a.Params != nil {
			v := reflect.ValueOf(a.Params).Elem()
			params = s.mapping(v.Type(), &v)
		}
		s.defs["with."+a.Name] = params
		with = append(with, object{
			"if":   object{"properties": object{"do": object{"const": a.Name}}, "required": []string{"do"}},
			"then": object{"properties": object{"with": ref("with." + a.Name)}},
		})
	}
	step, ok := s.defs["Step"].(object)
	choice, also := s.defs["Choice"].(object)
	if !ok || !also {
		s.err = fmt.Errorf("making the schema: there are no steps")
		return
	}
	for _, def := range []object{step, choice} {
		def["properties"].(object)["do"].(object)["$ref"] = "#/$defs/action"
	}
	s.defs["action"] = object{"type": "string", "pattern": actionForm.String()}
	if len(names) > 0 {
		slices.Sort(names)
		s.defs["action"] = object{"enum": names}
	}
	dependent := object{}
	for _, b := range belongs {
		if len(b.forms) == 1 {
			dependent[b.key] = b.forms
		}
	}
	for _, form := range []string{"repeat", "every", "if"} {
		dependent[form] = []string{"steps"}
	}
	alone := object{"required": []string{"think"}, "not": object{"anyOf": wants(stepForms)}}
	step["oneOf"] = append(wants(stepForms), alone)
	step["dependentRequired"] = dependent
	step["dependentSchemas"] = object{
		"steps": anyKey("repeat", "every", "if"),
		"think": object{"not": object{"anyOf": wants(slices.DeleteFunc(slices.Clone(stepForms), func(form string) bool { return form == "do" }))}},
	}
	step["allOf"] = with
	choice["oneOf"] = wants([]string{"do", "steps"})
	choice["dependentRequired"] = object{"target": []string{"do"}, "with": []string{"do"}, "think": []string{"do"}, "save": []string{"do"}, "tags": []string{"do"}}
	choice["allOf"] = with
}
