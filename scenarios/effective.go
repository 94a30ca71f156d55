package scenarios

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Included are the files that the scenario takes sections from, in the order in which they were read.
func (s *Scenario) Included() []Included { return s.included }

// SiteFile is a site file that a scenario names, as it was read.
type SiteFile struct {
	Name  string // of the copy that Effective names; it lies beside the effective scenario
	Bytes []byte
}

// SiteFiles are the site files of the scenario's targets, each once, by the names of their targets.
func (s *Scenario) SiteFiles() []SiteFile {
	var list []SiteFile
	for _, target := range slices.Sorted(maps.Keys(s.Targets.ByName)) {
		if at := s.Targets.ByName[target].Site; at.Text != nil && !slices.ContainsFunc(list, func(f SiteFile) bool { return f.Name == copyName(at) }) {
			list = append(list, SiteFile{copyName(at), at.Text})
		}
	}
	return list
}

// copyName is the name of a site file's copy: that of its content, so that files of the same name stay apart.
func copyName(r SiteRef) string {
	sum := sha256.Sum256(r.Text)
	return fmt.Sprintf("site-%s-%x.yaml", r.Site.Name, sum[:6])
}

// Effective is the scenario as it is driven, as YAML: with all that it includes, after profiles and overrides, and with the
// batches of a CSV file written out. It means the same as the original and needs no other files than SiteFiles, certificate
// authorities, and CSV files of accounts and data; secrets are not in it.
func (s *Scenario) Effective() []byte {
	var b strings.Builder
	b.WriteString("# The scenario as it was driven: includes, profiles and overrides are applied.\n")
	for _, in := range s.included {
		fmt.Fprintf(&b, "# Includes %s, sha256 %x.\n", strconv.QuoteToGraphic(in.Name), sha256.Sum256(in.Bytes))
	}
	root := *s.file.root
	root.entries = slices.DeleteFunc(slices.Clone(root.entries), func(e entry) bool { return e.key == "include" || e.key == "profiles" })
	for i, e := range root.entries {
		if e.key == "targets" {
			root.entries[i].value = s.targetsWithCopies(e.value)
		}
		if at := e.value.value("batches"); e.key == "wave" && at != nil && at.kind == textNode {
			root.entries[i].value = e.value.clone()
			*root.entries[i].value.value("batches") = *batchNodes(s.Wave.Batches)
		}
	}
	printBlock(&b, &root, 0)
	return []byte(b.String())
}

// targetsWithCopies are the targets with the names of the copies of their site files.
func (s *Scenario) targetsWithCopies(n *node) *node {
	n = n.clone()
	for _, e := range n.entries {
		if at := s.Targets.ByName[e.key].Site; at.Text != nil && e.value.value("site") != nil {
			*e.value.value("site") = node{kind: textNode, text: copyName(at), quoted: true}
		}
	}
	return n
}

// batchNodes are batches as a list of mappings.
func batchNodes(batches []Batch) *node {
	list := &node{kind: listNode}
	for _, batch := range batches {
		one := &node{kind: mapNode}
		add := func(key string, value *node) { one.entries = append(one.entries, entry{key: key, value: value}) }
		add("name", &node{kind: textNode, text: batch.Name, quoted: true})
		if batch.Date != "" {
			add("date", &node{kind: textNode, text: batch.Date, quoted: true})
		}
		add("accounts", &node{kind: intNode, text: strconv.Itoa(batch.Accounts)})
		if batch.Group != "" {
			add("group", &node{kind: textNode, text: batch.Group, quoted: true})
		}
		list.items = append(list.items, one)
	}
	return list
}

// widestFlow is how long a mapping or list on one line may get, in bytes.
const widestFlow = 120

// printBlock prints a mapping or list that is not empty, one entry a line, and everything else on one line.
func printBlock(b *strings.Builder, n *node, indent int) {
	margin := strings.Repeat(" ", indent)
	switch {
	case n.kind == mapNode && len(n.entries) > 0:
		for _, e := range n.entries {
			b.WriteString(margin + printKey(e.key) + ":")
			printInside(b, e.value, indent)
		}
	case n.kind == listNode && len(n.items) > 0:
		for _, item := range n.items {
			b.WriteString(margin + "-")
			printInside(b, item, indent)
		}
	default:
		b.WriteString(margin + printFlow(n) + "\n")
	}
}

// printInside prints what follows a key or a dash.
func printInside(b *strings.Builder, n *node, indent int) {
	if flow := printFlow(n); n.scalar() || len(n.entries)+len(n.items) == 0 || indent > 0 && len(flow) <= widestFlow {
		b.WriteString(" " + flow + "\n")
		return
	}
	b.WriteString("\n")
	printBlock(b, n, indent+2)
}

// printFlow prints a value on one line.
func printFlow(n *node) string {
	var parts []string
	switch n.kind {
	case mapNode:
		for _, e := range n.entries {
			parts = append(parts, printKey(e.key)+": "+printFlow(e.value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case listNode:
		for _, item := range n.items {
			parts = append(parts, printFlow(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case nullNode:
		return "null"
	case textNode:
		if n.secret && !strings.HasPrefix(n.text, "{{") { // a template is no secret
			return `"(secret)"`
		}
		return printText(n.text)
	}
	if n.secret {
		return `"(secret)"`
	}
	return n.text
}

var (
	plainText     = regexp.MustCompile(`^(?:[A-Za-z][A-Za-z0-9_./@%+*-]*|[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d|%|KB|MB))$`)
	plainKey      = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*$`)
	readOtherwise = regexp.MustCompile(`(?i)^(?:null|true|false|yes|no|on|off|y|n|nan|inf)$`)
)

func printKey(key string) string {
	if plainKey.MatchString(key) && !readOtherwise.MatchString(key) {
		return key
	}
	return printQuoted(key)
}

func printText(text string) string {
	if plainText.MatchString(text) && !readOtherwise.MatchString(text) {
		return text
	}
	return printQuoted(text)
}

// printQuoted prints text with the escapes that YAML's double quotes share with JSON.
func printQuoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x10000 && !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
