package recording

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"pegel/internal/site"
)

// asFlow is a part of a site as its file writes it, in one line; "" where nothing was written.
func asFlow(v reflect.Value) string {
	if !v.CanInterface() {
		return ""
	}
	switch x := v.Interface().(type) {
	case site.Text:
		if x.Empty() {
			return ""
		}
		return scalar(x.String())
	case time.Duration:
		if x == 0 {
			return ""
		}
		return x.String()
	}
	var list []string
	switch v.Kind() {
	case reflect.String:
		if v.String() == "" {
			return ""
		}
		return scalar(v.String())
	case reflect.Bool, reflect.Int, reflect.Float64:
		if v.IsZero() {
			return ""
		}
		return fmt.Sprint(v.Interface())
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		if v.Elem().Kind() == reflect.String { // a default that may be empty
			return scalar(v.Elem().String())
		}
		return asFlow(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			list = append(list, asFlow(v.Index(i)))
		}
		if len(list) == 0 {
			return ""
		}
		return "[" + strings.Join(list, ", ") + "]"
	case reflect.Map:
		for _, key := range v.MapKeys() {
			list = append(list, scalar(key.String())+": "+asFlow(v.MapIndex(key)))
		}
		slices.Sort(list)
	case reflect.Struct:
		for i := range v.NumField() {
			key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
			if text := asFlow(v.Field(i)); key != "" && key != "-" && text != "" {
				list = append(list, key+": "+text)
			}
		}
	}
	if len(list) == 0 {
		return ""
	}
	return "{" + strings.Join(list, ", ") + "}"
}

var (
	plainScalar = regexp.MustCompile(`^[A-Za-z/_][A-Za-z0-9/_.*-]*$`)
	wordScalar  = regexp.MustCompile(`(?i)^(?:true|false|null|yes|no|on|off|y|n)$`)
)

// scalar is a text as YAML, without quotes where it needs none.
func scalar(text string) string {
	if plainScalar.MatchString(text) && !wordScalar.MatchString(text) {
		return text
	}
	return quoted(text)
}

// quoted is a text in single quotes where it is one line, else in double quotes with the escapes of JSON, which are YAML's.
func quoted(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool {
		return r < ' ' || r == 0x7F || r == 0x85 || r == 0xA0 || r >= 0x2028 && r <= 0x2029 || r == 0xFEFF || r == 0xFFFD
	}) {
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		return "''" // a text can always be encoded
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func flow(pairs [][2]string) string {
	var list []string
	for _, p := range pairs {
		if p[1] != "" {
			list = append(list, p[0]+": "+scalar(p[1]))
		}
	}
	return "{" + strings.Join(list, ", ") + "}"
}

func flowList(list []string) string {
	var quotedList []string
	for _, s := range list {
		quotedList = append(quotedList, scalar(s))
	}
	return "[" + strings.Join(quotedList, ", ") + "]"
}
