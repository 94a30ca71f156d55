package scenarios

import (
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// ActionParams says what one action takes, for the schema.
type ActionParams struct {
	Name   string // protocol.verb
	Params any    // pointer to a struct with yaml tags that holds the defaults; nil: none
}

// dialect is the version of JSON Schema that Schema speaks.
const dialect = "https://json-schema.org/draft/2020-12/schema"

// object is a part of a schema.
type object = map[string]any

// Schema is the JSON Schema of scenario files, made from the types. It accepts whatever the loader accepts, and rejects what can
// be told without knowing the rest of the file: unknown keys and words, wrong forms and units, missing keys, unknown actions
// and parameters.
func Schema(actions []ActionParams) ([]byte, error) {
	s := &schemer{keys: keys(), defs: object{}}
	s.forms()
	root := s.mapping(reflect.TypeFor[Scenario](), nil)
	needed := root["required"]
	delete(root, "required")
	root["anyOf"] = []any{object{"required": needed}, object{"required": []string{"include"}}}
	s.steps(actions)
	out := object{"$schema": dialect, "title": "pegel scenario", "description": "What will hit a mail platform: docs/scenario.md explains it."}
	maps.Copy(out, root)
	out["$defs"] = s.defs
	if s.err != nil {
		return nil, s.err
	}
	raw, err := json.MarshalIndent(out, "", " ")
	return append(raw, '\n'), err
}

// schemer collects definitions.
type schemer struct {
	keys map[string]key
	defs object
	err  error
}

func ref(name string) object { return object{"$ref": "#/$defs/" + name} }

const (
	durationPattern = `^\s*([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+\s*$`
	sharePattern    = `^\s*(100(\.0*)?|[0-9]{1,2}(\.[0-9]+)?)\s*%\s*$`
	urlPattern      = `^(imaps?|smtps?|https?)://[^/@?#\s]+([/?#].*)?$`
	rangePattern    = `^[0-9]{1,9}(\s*-\s*[0-9]{1,9})?$`
	hoursPattern    = `^([0-9]{1,2}:[0-9]{2}\s*[-–]\s*[0-9]{1,2}:[0-9]{2}|[0-9]{4}-[0-9]{2}-[0-9]{2})$`
	somePattern     = `[1-9]` // a time span that is not 0
)

// forms are the values with a form of their own.
func (s *schemer) forms() {
	s.defs["duration"] = object{"type": "string", "pattern": durationPattern, "description": "a time span such as 250ms, 8s, 2m, 1h30m or 7d"}
	s.defs["share"] = object{"description": "a share: 20% or 0.2", "anyOf": []any{
		object{"type": "number", "minimum": 0, "maximum": 1}, object{"type": "string", "pattern": sharePattern}}}
	s.defs["range"] = object{"description": "a share, or a range of two: [15%, 30%]", "anyOf": []any{
		ref("share"), object{"type": "array", "items": ref("share"), "minItems": 2, "maxItems": 2}}}
	s.defs["text"] = object{"type": []string{"string", "number"}}
	s.defs["name"] = object{"type": []string{"string", "number"}, "pattern": plainName.String()}
	family := func(keys ...string) object {
		properties := object{}
		for _, key := range keys {
			properties[key] = ref("duration")
		}
		return object{"type": "object", "properties": properties, "required": keys, "additionalProperties": false}
	}
	s.defs["distribution"] = object{"description": "a time span, or a distribution of them", "anyOf": []any{ref("duration"), object{
		"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": false,
		"properties": object{"constant": ref("duration"), "uniform": family("min", "max"), "exponential": family("mean"), "lognormal": family("median", "p90"),
			"empirical": object{"type": "object", "properties": object{"csv": ref("text"), "column": ref("text")}, "required": []string{"csv"}, "additionalProperties": false}},
	}}}
}

// of is the schema of a type.
func (s *schemer) of(t reflect.Type) object {
	switch t {
	case reflect.TypeFor[Duration](), reflect.TypeFor[time.Duration]():
		return ref("duration")
	case reflect.TypeFor[Share]():
		return ref("range")
	case reflect.TypeFor[Dist]():
		return ref("distribution")
	case reflect.TypeFor[Targets]():
		return object{"type": "object", "minProperties": 1, "properties": object{"allow": s.described(object{"type": "array", "items": ref("text")}, "Targets.allow")},
			"additionalProperties": s.of(reflect.TypeFor[Target]()), "propertyNames": object{"pattern": plainName.String()}}
	case reflect.TypeFor[Activity]():
		return object{"type": "object", "properties": object{"source": s.described(ref("text"), "Activity.source")}, "additionalProperties": ref("range")}
	case reflect.TypeFor[Groups]():
		return object{"type": "object", "maxProperties": MostGroups, "propertyNames": object{"pattern": plainName.String()},
			"additionalProperties": object{"type": []string{"string", "number"}, "pattern": rangePattern}}
	case reflect.TypeFor[Profile]():
		return object{"type": "object"}
	case reflect.TypeFor[Params]():
		return object{"type": "object"}
	case reflect.TypeFor[Condition]():
		return object{"type": []string{"string", "number", "boolean"}}
	case reflect.TypeFor[Pass]():
		return object{"enum": []any{true, false, string(CorePass), string(DeferredPass)}}
	case reflect.TypeFor[Blackout]():
		return object{"type": "string", "pattern": hoursPattern}
	case reflect.TypeFor[Experiment]():
		s.define(t)
		return object{"anyOf": []any{object{"type": "boolean"}, ref("Experiment")}}
	}
	if t.Implements(reflect.TypeFor[Templated]()) || reflect.PointerTo(t).Implements(reflect.TypeFor[Templated]()) ||
		reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return ref("text")
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Struct:
		s.define(t)
		return ref(t.Name())
	case reflect.Slice:
		return object{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.String:
		return ref("text")
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint32, reflect.Uint64:
		return object{"type": "integer", "minimum": 0}
	case reflect.Float64:
		return object{"type": "number", "minimum": 0}
	}
	s.err = fmt.Errorf("making the schema: values of type %v have none", t)
	return object{}
}

// define adds the definition of a struct once.
func (s *schemer) define(t reflect.Type) {
	if _, done := s.defs[t.Name()]; done {
		return
	}
	s.defs[t.Name()] = object{} // it may hold itself
	s.defs[t.Name()] = s.mapping(t, nil)
}

// described adds the description of a key, and narrows its value to what it says.
func (s *schemer) described(schema object, name string) object {
	k, ok := s.keys[name]
	if !ok {
		s.err = fmt.Errorf("making the schema: %s is not described", name)
	}
	schema = maps.Clone(schema)
	schema["description"] = k.text
	if k.enum != nil {
		return object{"description": k.text, "enum": k.enum}
	}
	if k.over == nil {
		return schema
	}
	if schema["$ref"] == "#/$defs/duration" {
		schema["pattern"] = somePattern
	} else {
		delete(schema, "minimum")
		schema["exclusiveMinimum"] = *k.over
	}
	return schema
}

// mapping is the schema of a struct: its keys and no others. defaults, if valid, holds their defaults, and the keys need no
// description then.
func (s *schemer) mapping(t reflect.Type, defaults *reflect.Value) object {
	properties, required := object{}, []string{}
	s.fields(t, defaults, properties, &required)
	if t == reflect.TypeFor[Objective]() {
		for _, key := range []string{"p50", "p90", "p95", "p99", "p999"} {
			properties[key] = s.described(ref("duration"), "Objective."+key)
		}
	}
	out := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		slices.Sort(required)
		out["required"] = required
	}
	maps.Copy(out, rules(t))
	return out
}

func (s *schemer) fields(t reflect.Type, defaults *reflect.Value, properties object, required *[]string) {
	for i := range t.NumField() {
		f := t.Field(i)
		key, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		var value *reflect.Value
		if defaults != nil {
			v := defaults.Field(i)
			value = &v
		}
		switch {
		case (f.Anonymous || option == "inline" && f.IsExported()) && key == "" && f.Type.Kind() == reflect.Struct:
			s.fields(f.Type, value, properties, required)
			continue
		case key == "" || key == "-" || !f.IsExported():
			continue
		}
		schema := s.of(f.Type)
		if f.Tag.Get("unit") == "share" {
			schema = ref("share")
		}
		name := t.Name() + "." + key
		switch {
		case defaults != nil:
			schema = maps.Clone(schema)
			if d := value.Interface(); !value.IsZero() && plainDefault(f.Type) {
				schema["default"] = d
			}
		default:
			schema = s.described(special(name, schema), name)
			if s.keys[name].need {
				*required = append(*required, key)
			}
		}
		properties[key] = schema
	}
}

// plainDefault says whether values of a type read in JSON as they are written in YAML.
func plainDefault(t reflect.Type) bool {
	if t.PkgPath() != "" {
		return false
	}
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Uint32, reflect.Float64:
		return true
	}
	return false
}

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
