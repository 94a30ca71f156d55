package scenarios

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func readSchema(t testing.TB, raw []byte) *schemaChecker {
	c := &schemaChecker{patterns: map[string]*regexp.Regexp{}}
	if err := json.Unmarshal(raw, &c.root); err != nil {
		t.Fatal(err)
	}
	return c
}

// schemaChecker validates against as much of JSON Schema as ours uses; a keyword that it does not know is an error.
type schemaChecker struct {
	root     map[string]any
	patterns map[string]*regexp.Regexp
}

// check is empty where v is valid, else the first reason.
func (c *schemaChecker) check(v any) string { return c.against(c.root, v, "") }

func (c *schemaChecker) matches(pattern, text string) bool {
	re, ok := c.patterns[pattern]
	if !ok {
		re = regexp.MustCompile(pattern)
		c.patterns[pattern] = re
	}
	return re.MatchString(text)
}

func typeOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		if v == math.Trunc(v) {
			return "integer"
		}
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}

func list(v any) []string {
	if one, ok := v.(string); ok {
		return []string{one}
	}
	var out []string
	for _, x := range v.([]any) {
		out = append(out, x.(string))
	}
	return out
}

func (c *schemaChecker) against(schema map[string]any, v any, at string) string {
	object, isObject := v.(map[string]any)
	array, isArray := v.([]any)
	number, isNumber := v.(float64)
	text, isText := v.(string)
	ok := func(s any) bool { return c.against(s.(map[string]any), v, at) == "" }
	count := func(all any) (n int) {
		for _, s := range all.([]any) {
			if ok(s) {
				n++
			}
		}
		return n
	}
	for keyword, arg := range schema {
		bad := ""
		switch keyword {
		case "$schema", "$defs", "title", "description", "default", "then":
		case "$ref":
			name := strings.TrimPrefix(arg.(string), "#/$defs/")
			bad = c.against(c.root["$defs"].(map[string]any)[name].(map[string]any), v, at)
		case "type":
			got := typeOf(v)
			if types := list(arg); !slices.Contains(types, got) && !(got == "integer" && slices.Contains(types, "number")) {
				bad = fmt.Sprintf("%s: %v is %s, not %v", at, v, got, types)
			}
		case "enum":
			if !slices.ContainsFunc(arg.([]any), func(x any) bool { return reflect.DeepEqual(x, v) }) {
				bad = fmt.Sprintf("%s: %v is none of %v", at, v, arg)
			}
		case "const":
			if !reflect.DeepEqual(arg, v) {
				bad = fmt.Sprintf("%s: %v is not %v", at, v, arg)
			}
		case "pattern":
			if isText && !c.matches(arg.(string), text) {
				bad = fmt.Sprintf("%s: %q does not match %s", at, text, arg)
			}
		case "minimum":
			if isNumber && number < arg.(float64) {
				bad = at + ": too small"
			}
		case "maximum":
			if isNumber && number > arg.(float64) {
				bad = at + ": too large"
			}
		case "exclusiveMinimum":
			if isNumber && number <= arg.(float64) {
				bad = at + ": too small"
			}
		case "required":
			for _, key := range list(arg) {
				if _, have := object[key]; isObject && !have {
					bad = fmt.Sprintf("%s: %s is missing", at, key)
				}
			}
		case "properties":
			for key, s := range arg.(map[string]any) {
				if inner, have := object[key]; have && bad == "" {
					bad = c.against(s.(map[string]any), inner, at+"/"+key)
				}
			}
		case "additionalProperties":
			known, _ := schema["properties"].(map[string]any)
			for key, inner := range object {
				if _, have := known[key]; have || bad != "" {
					continue
				}
				if s, isSchema := arg.(map[string]any); isSchema {
					bad = c.against(s, inner, at+"/"+key)
				} else {
					bad = fmt.Sprintf("%s: unknown key %s", at, key)
				}
			}
		case "propertyNames":
			for key := range object {
				if bad == "" {
					bad = c.against(arg.(map[string]any), key, at+"/"+key)
				}
			}
		case "minProperties":
			if isObject && float64(len(object)) < arg.(float64) {
				bad = at + ": too few keys"
			}
		case "maxProperties":
			if isObject && float64(len(object)) > arg.(float64) {
				bad = at + ": too many keys"
			}
		case "items":
			for i, item := range array {
				if bad == "" {
					bad = c.against(arg.(map[string]any), item, at+"/"+strconv.Itoa(i))
				}
			}
		case "minItems":
			if isArray && float64(len(array)) < arg.(float64) {
				bad = at + ": too few elements"
			}
		case "maxItems":
			if isArray && float64(len(array)) > arg.(float64) {
				bad = at + ": too many elements"
			}
		case "anyOf":
			if count(arg) == 0 {
				bad = fmt.Sprintf("%s: %v fits none of the forms", at, v)
			}
		case "oneOf":
			if n := count(arg); n != 1 {
				bad = fmt.Sprintf("%s: fits %d of the forms", at, n)
			}
		case "allOf":
			for _, s := range arg.([]any) {
				if bad == "" {
					bad = c.against(s.(map[string]any), v, at)
				}
			}
		case "not":
			if ok(arg) {
				bad = at + ": fits what it must not"
			}
		case "if":
			if ok(arg) {
				bad = c.against(schema["then"].(map[string]any), v, at)
			}
		case "dependentRequired":
			for key, needs := range arg.(map[string]any) {
				for _, need := range list(needs) {
					if _, have := object[key]; have {
						if _, have := object[need]; !have {
							bad = fmt.Sprintf("%s: %s needs %s", at, key, need)
						}
					}
				}
			}
		case "dependentSchemas":
			for key, s := range arg.(map[string]any) {
				if _, have := object[key]; have && bad == "" {
					bad = c.against(s.(map[string]any), v, at)
				}
			}
		default:
			panic("keyword " + keyword)
		}
		if bad != "" {
			return bad
		}
	}
	return ""
}
