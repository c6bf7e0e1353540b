package operatortest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Scrape gets the operator's metrics, by name, as Prometheus does: over TLS, with the token of a ServiceAccount that
// may read them, such as a [Scraper]. It accepts any certificate, as the ServiceMonitor does, and keeps no connection
// open.
func Scrape(ctx context.Context, address, token string) (map[string]*dto.MetricFamily, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute) // the operator asks the API server to review the token
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	unverified := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
	resp, err := unverified.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("scraping %s: HTTP %s", address, resp.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(resp.Body)
}

// ErrNotServed means that the operator has no gauge with this name.
var ErrNotServed = errors.New("not served")

// Gauge returns the sum of the operator's gauges with this name and all of the labels, which are given as name, value,
// name, value.
func (p *Process) Gauge(ctx context.Context, token, name string, labels ...string) (sum float64, err error) {
	families, err := Scrape(ctx, p.Metrics, token)
	if err != nil {
		return 0, err
	}
	if families[name] == nil {
		return 0, fmt.Errorf("%s: %w", name, ErrNotServed)
	}
	for _, m := range families[name].GetMetric() {
		if hasLabels(m, labels) {
			sum += m.GetGauge().GetValue()
		}
	}
	return sum, nil
}

func hasLabels(m *dto.Metric, labels []string) bool {
	for pair := range slices.Chunk(labels, 2) {
		if !slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool {
			return l.GetName() == pair[0] && l.GetValue() == pair[1]
		}) {
			return false
		}
	}
	return true
}
