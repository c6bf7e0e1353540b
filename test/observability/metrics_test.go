package observability

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// ours is the prefix of the operator's own metrics.
const ours = "logout_operator_"

// TestPageOfMetrics: docs/metrics.md names exactly the operator's own metrics and their labels.
func TestPageOfMetrics(t *testing.T) {
	documented := map[string][]string{}
	rows := regexp.MustCompile("(?m)^\\| `("+ours+"[a-z_]+)` \\| [a-z]+ \\|([^|]*)\\|").FindAllStringSubmatch(
		string(read(t, "docs", "metrics.md")), -1)
	for _, row := range rows {
		labels := []string{}
		for _, l := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(row[2], -1) {
			labels = append(labels, l[1])
		}
		documented[row[1]] = labels
	}
	is := map[string][]string{}
	for name, series := range served {
		if base, histogram := strings.CutSuffix(name, "_bucket"); histogram {
			name = base
		} else if served[strings.TrimSuffix(strings.TrimSuffix(name, "_sum"), "_count")+"_bucket"] != nil {
			continue
		}
		if strings.HasPrefix(name, ours) {
			is[name] = slices.DeleteFunc(slices.Sorted(maps.Keys(series[0])), func(l string) bool { return l == "le" })
		}
	}
	for name, labels := range is {
		if d, ok := documented[name]; !ok {
			t.Errorf("%s is served, and not in docs/metrics.md", name)
		} else if slices.Sort(d); !slices.Equal(d, labels) {
			t.Errorf("%s has the labels %v, and %v in docs/metrics.md", name, labels, d)
		}
	}
	for name := range documented {
		if _, ok := is[name]; !ok {
			t.Errorf("%s is in docs/metrics.md, and not served", name)
		}
	}
}
