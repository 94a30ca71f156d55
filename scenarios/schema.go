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
	ratePattern     = `^\s*[0-9]+(\.[0-9]+)?\s*(kbit|Mbit|Gbit)/s\s*$`
	sourcePattern   = `^\s*[0-9A-Fa-f:.]*[:.][0-9A-Fa-f:.]*(/[0-9]{1,3}|\s*-\s*[0-9A-Fa-f:.]+)?\s*$`
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
	source := object{"type": "string", "pattern": sourcePattern}
	switch t {
	case reflect.TypeFor[Duration](), reflect.TypeFor[time.Duration]():
		return ref("duration")
	case reflect.TypeFor[Rate]():
		return object{"type": "string", "pattern": ratePattern}
	case reflect.TypeFor[Sources]():
		return object{"anyOf": []any{source, object{"type": "array", "items": source}}}
	case reflect.TypeFor[Behind]():
		return object{"anyOf": []any{object{"type": "string", "pattern": urlPattern}, object{"type": "array", "minItems": 1, "maxItems": mostBehind, "items": object{"type": "string", "pattern": urlPattern}}}}
	case reflect.TypeFor[Share]():
		return ref("range")
	case reflect.TypeFor[Dist]():
		return ref("distribution")
	case reflect.TypeFor[Targets]():
		return object{"type": "object", "minProperties": 1, "properties": object{"allow": s.described(object{"type": "array", "items": ref("text")}, "Targets.allow")},
			"additionalProperties": s.of(reflect.TypeFor[Target]()), "propertyNames": object{"pattern": plainName.String()}}
	case reflect.TypeFor[SiteRef]():
		return object{"type": "string"}
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
