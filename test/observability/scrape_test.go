package observability

import (
	"context"
	"fmt"
	"slices"

	"github.com/prometheus/common/model"

	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// metrics are the served series, each with all its labels, by the name in queries: a histogram has three names.
type metrics map[string][]map[string]string

// scrape gets the metrics as Prometheus does: over TLS, with the token of a ServiceAccount that may read them.
func (s *stage) scrape(ctx context.Context) (metrics, error) {
	families, err := operatortest.Scrape(ctx, s.operator.Metrics, s.Scraper)
	if err != nil {
		return nil, err
	}
	found := metrics{}
	for name, family := range families {
		for _, m := range family.Metric {
			labels := map[string]string{}
			for _, l := range m.Label {
				labels[l.GetName()] = l.GetValue()
			}
			if m.Histogram == nil {
				found[name] = append(found[name], labels)
				continue
			}
			found[name+"_count"] = append(found[name+"_count"], labels)
			found[name+"_sum"] = append(found[name+"_sum"], labels)
			for _, b := range m.Histogram.Bucket {
				bucket := map[string]string{model.BucketLabel: fmt.Sprint(b.GetUpperBound())}
				for l, v := range labels {
					bucket[l] = v
				}
				found[name+"_bucket"] = append(found[name+"_bucket"], bucket)
			}
		}
	}
	return found, nil
}

// values of a label in the series of a metric; none if there is no such label.
func (m metrics) values(metric, label string) []string {
	var values []string
	for _, labels := range m[metric] {
		if v, ok := labels[label]; ok && !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	return values
}
