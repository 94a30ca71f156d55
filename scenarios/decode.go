package scenarios

import (
	"encoding"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// decoder fills Go values from nodes. It goes on after an error, so that all of them are reported at once.
type decoder struct {
	file   *file
	errs   *Errors
	opts   Options
	failed map[string]bool // top-level keys with an error inside; checks that build on them are left out

	params  bool    // the parameters of a step: templates are refused where they are not possible
	resolve Resolve // names in templates; nil: none are known
}

// nodeDecoder is a type with a form of its own in the file.
type nodeDecoder interface {
	decodeNode(d *decoder, n *node)
}

func (d *decoder) fail(pos Pos, hint, format string, args ...any) {
	d.errs.Add(d.file.problem(pos, hint, fmt.Sprintf(format, args...)))
}

// want reports a value of the wrong type.
func (d *decoder) want(n *node, hint, what string) {
	d.fail(n.pos, hint, "expected %s, got %s", what, n.describe())
}

// path makes a path from the file relative to the scenario's directory.
func (d *decoder) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(d.file.dir, name)
}

// most bounds all whole numbers but seeds: no count of this tool is larger, and sums of them stay far from overflow.
const most = 1_000_000_000

// value fills v from n.
func (d *decoder) value(n *node, v reflect.Value) {
	if custom, ok := v.Addr().Interface().(nodeDecoder); ok {
		custom.decodeNode(d, n)
		return
	}
	if templated, ok := v.Addr().Interface().(Templated); ok {
		d.template(n, templated)
		return
	}
	if d.params {
		d.plain(n)
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		v.SetInt(int64(d.duration(n)))
		return
	}
	if text, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if !n.scalar() || n.kind == nullNode {
			d.want(n, "", "a plain value")
		} else if err := text.UnmarshalText([]byte(n.text)); err != nil {
			d.fail(n.pos, "", "%v", err)
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem())
	case reflect.Struct:
		d.object(n, v, nil)
	case reflect.Slice:
		d.list(n, v)
	case reflect.Map:
		d.named(n, v)
	case reflect.String:
		v.SetString(d.text(n))
	case reflect.Bool:
		if n.kind != boolNode {
			d.want(n, "write true or false", "true or false")
			return
		}
		v.SetBool(strings.EqualFold(n.text, "true"))
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(int64(d.whole(n)))
	case reflect.Uint, reflect.Uint32, reflect.Uint64:
		if n.kind != intNode || strings.HasPrefix(n.text, "-") {
			d.want(n, "", "a whole number from 0 up")
			return
		}
		bits := v.Type().Bits()
		u, err := strconv.ParseUint(strings.TrimPrefix(decimal(n.text), "+"), 10, bits)
		if err != nil {
			d.fail(n.pos, "write it in plain decimal digits", "%s is not a whole number below 2^%d", n.describe(), bits)
		}
		v.SetUint(u)
	case reflect.Float64:
		v.SetFloat(d.number(n))
	default:
		d.fail(n.pos, "", "values of type %v cannot be written in a scenario", v.Type())
	}
}

// object fills the fields of a struct by their yaml tags. Keys in special go to their functions instead; they may also
// stand for keys that no field has. A field Pos is set to the mapping's place. It reports whether n is a mapping.
func (d *decoder) object(n *node, v reflect.Value, special map[string]func(entry)) bool {
	if at := v.FieldByName("Pos"); at.IsValid() && at.Type() == reflect.TypeFor[Pos]() {
		at.Set(reflect.ValueOf(n.pos))
	}
	fields := map[string]reflect.Value{}
	shares := map[string]bool{}
	tagged(v, fields, shares)
	known := make([]string, 0, len(fields)+len(special))
	for key := range fields {
		known = append(known, key)
	}
	for key := range special {
		if _, both := fields[key]; !both {
			known = append(known, key)
		}
	}
	slices.Sort(known)
	if n.kind != mapNode {
		hint := ""
		if len(known) > 0 {
			hint = "known here: " + strings.Join(known, ", ")
		}
		d.want(n, hint, "a mapping")
		return false
	}
	_, root := v.Addr().Interface().(*Scenario)
	for _, e := range n.entries {
		before := len(d.errs.Problems)
		field, ok := fields[e.key]
		key := e.key
		switch {
		case special[e.key] != nil:
			special[e.key](e)
		case ok && shares[e.key]:
			d.shareField(e.value, field)
		case ok:
			d.value(e.value, field)
		default:
			key = Nearest(e.key, known)
			d.unknown(n, e, known)
		}
		if root && len(d.errs.Problems) > before {
			d.failed[key] = true
		}
	}
	return true
}

// unknown reports a key that is not known where it stands.
func (d *decoder) unknown(n *node, e entry, known []string) {
	if n.secret {
		d.fail(e.pos, "known here: "+strings.Join(known, ", "), "unknown key")
		return
	}
	name := e.key
	if len(name) > 60 {
		name = name[:60] + "…"
	}
	d.fail(e.pos, didYouMean(e.key, known), "unknown key %q", name)
}

// tagged collects the fields with a yaml key, those of embedded and inline structs included, and notes which of them are shares.
func tagged(v reflect.Value, fields map[string]reflect.Value, shares map[string]bool) {
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		key, option, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
		inline := sf.Anonymous || option == "inline" && sf.IsExported()
		switch {
		case inline && key == "" && sf.Type.Kind() == reflect.Struct:
			tagged(v.Field(i), fields, shares)
		case key != "" && key != "-" && sf.IsExported():
			fields[key] = v.Field(i)
			shares[key] = sf.Tag.Get("unit") == "share"
		}
	}
}

func (d *decoder) list(n *node, v reflect.Value) {
	if n.kind != listNode {
		d.want(n, "write [ … ], or one element a line beginning with a dash", "a list")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.items), len(n.items)))
	for i, item := range n.items {
		d.value(item, v.Index(i))
	}
}

func (d *decoder) named(n *node, v reflect.Value) {
	if n.kind != mapNode {
		d.want(n, "write name: value", "a mapping of names")
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.entries)))
	for _, e := range n.entries {
		value := reflect.New(v.Type().Elem()).Elem()
		d.value(e.value, value)
		v.SetMapIndex(reflect.ValueOf(e.key), value)
	}
}

// text takes any plain value but a truth value as its text: selectors and names may look like numbers.
func (d *decoder) text(n *node) string {
	switch {
	case n.kind == boolNode:
		d.want(n, fmt.Sprintf("write %q with the quotes", n.text), "text")
		return ""
	case !n.scalar() || n.kind == nullNode:
		d.want(n, "", "text")
		return ""
	}
	return n.text
}

func (d *decoder) whole(n *node) int {
	if n.kind != intNode {
		hint := ""
		if _, err := strconv.Atoi(n.text); err == nil && n.quoted && !n.secret {
			hint = "write " + n.text + " without quotes"
		}
		d.want(n, hint, "a whole number")
		return 0
	}
	i, err := strconv.ParseInt(decimal(n.text), 10, 64)
	switch {
	case err != nil && !isRange(err):
		d.fail(n.pos, "", "expected a whole number in plain decimal digits, got %s", n.describe())
		return 0
	case err != nil || i > most || i < -most:
		d.fail(n.pos, "", "%s is out of range: at most %d", n.describe(), most)
		return 0
	}
	return int(i)
}

func isRange(err error) bool {
	e, ok := err.(*strconv.NumError)
	return ok && e.Err == strconv.ErrRange
}

// decimal takes the underscores out of 40_000. A leading zero is spoilt on purpose: in YAML it may mean an octal number.
func decimal(text string) string {
	digits := strings.TrimLeft(text, "+-")
	if len(digits) > 1 && digits[0] == '0' {
		return "octal"
	}
	return strings.ReplaceAll(text, "_", "")
}

// number is any finite number. Whether it may be negative is for the checks.
func (d *decoder) number(n *node) float64 {
	if n.quoted || !n.scalar() || n.kind == boolNode || n.kind == nullNode {
		d.want(n, "", "a number")
		return 0
	}
	text := strings.ToLower(n.text)
	switch strings.TrimLeft(text, "+-.") {
	case "nan":
		d.fail(n.pos, "", "expected a number, got NaN")
		return 0
	case "inf", "infinity":
		d.fail(n.pos, "", "expected a finite number, got %s", n.describe())
		return 0
	}
	x, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	if err != nil {
		d.want(n, "", "a number")
		return 0
	}
	return x
}

// noSecrets refuses secrets that are written out in a step's parameters, which are archived and shown. A template is none.
func (d *decoder) noSecrets(n *node) {
	if n.secret && n.scalar() && n.kind != nullNode && !(strings.HasPrefix(n.text, "{{") && strings.HasSuffix(n.text, "}}")) {
		d.fail(n.pos, `write "{{account.password}}", or take it from data or from an answer`, "a secret must not be written in a scenario")
	}
	for _, e := range n.entries {
		d.noSecrets(e.value)
	}
	for _, item := range n.items {
		d.noSecrets(item)
	}
}

// decodeNode keeps the node of a step's parameters, because only the action knows what they mean.
func (p *Params) decodeNode(d *decoder, n *node) {
	if n.kind != mapNode {
		d.want(n, "write with: {name: value}", "a mapping of parameters")
		return
	}
	d.noSecrets(n)
	p.source = string(n.canonical(nil))
	f, opts := d.file, d.opts
	p.decode = func(into any, resolve Resolve) error {
		v := reflect.ValueOf(into)
		if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
			return fmt.Errorf("decoding parameters: want a pointer to a struct, got %T", into)
		}
		inner := &decoder{file: f, errs: NewErrors(), opts: opts, failed: map[string]bool{}, params: true, resolve: resolve}
		inner.object(n, v.Elem(), nil)
		return inner.errs.Err()
	}
}
