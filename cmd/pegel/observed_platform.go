package main

import (
	"fmt"
	"slices"
	"strings"

	"pegel/testenv"
)

// observing is the override that makes a scenario observe all resources of an embedded platform that are not hidden, on its page
// of metrics.
func observing(def testenv.Definition, page string) string {
	var list []string
	for _, r := range def.Resources {
		if r.Hidden {
			continue
		}
		read := func(key, metric string) string {
			return fmt.Sprintf(`%s: 'pegel_testenv_resource_%s{resource="%s"}'`, key, metric, r.Name)
		}
		fields := []string{"name: " + r.Name}
		if kind := observedKind(r.Kind); kind != "" {
			fields = append(fields, "kind: "+kind)
		}
		if r.Group != "" && (def.Balance == nil || !slices.Contains(def.Balance.Groups, r.Group)) {
			fields = append(fields, "group: "+r.Group)
		}
		fields = append(fields, read("in_use", "in_use"), read("limit", "limit"))
		if r.Memory == nil && r.Cache == nil {
			fields = append(fields, read("queue", "queue"), read("busy", "busy_seconds_total"), read("served", "served_total"),
				read("refused", "refused_total"), read("waited", "wait_seconds_total"), read("queue_limit", "queue_limit"))
			if !def.Visited(r, "imap.", "smtp.") {
				fields = append(fields, `actions: ["web.*", "caldav.*"]`)
			}
		}
		list = append(list, "{"+strings.Join(fields, ", ")+"}")
	}
	return fmt.Sprintf(`observe=[{name: platform, prometheus: "%s", resources: [%s]}]`, page, strings.Join(list, ", "))
}

// observedKind is what a scenario calls a platform's kind of resource; "" where it has no word for it.
func observedKind(kind string) string {
	switch kind {
	case "cores":
		return "cpu"
	case "slots", "workers", "pool", "disk", "cpu", "memory", "cache":
		return kind
	}
	return ""
}
