package schema

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

const (
	// lookEvery is how often to look at the schema that is served, and
	// lookAgain how often while it is too old or could not be read.
	lookEvery = time.Minute
	lookAgain = 10 * time.Second
	// lookTimeout limits one look, and maxSchema how much is read, in bytes.
	lookTimeout = 10 * time.Second
	maxSchema   = 8 << 20
)

var outdated = prometheus.NewGaugeVec(prometheus.GaugeOpts{
	Name: "logout_operator_crd_outdated",
	Help: "1 while the CustomResourceDefinition of the kind is too old; the operator is paused until you update it.",
}, []string{"kind"})

func init() { metrics.Registry.MustRegister(outdated) }

// Kind is a kind that the operator needs, with the Go type that it writes.
type Kind struct {
	// Name, such as UserLogout.
	Name string
	// Type of its objects. Only spec and status are examined.
	Type any
	// Selectable are the fields that lists and watches select by, such as
	// status.phase.
	Selectable []string
}

// need lists what the schema of a kind must have.
type need struct {
	fields     fields
	selectable []string
}

// Guard looks at the schema that the API server serves, and blocks the workers
// while a kind lacks fields. A nil Guard blocks nobody.
type Guard struct {
	read  func(context.Context) ([]byte, error)
	log   logr.Logger
	gv    schema.GroupVersion
	needs map[string]need // by kind

	suspect chan struct{}

	mu     sync.Mutex
	hold   chan struct{} // closed when work may resume; nil while it is not blocked
	looked bool
	gaps   []string // what is too old, in words for people
}

// New returns a guard for the kinds of a group version. It reads the OpenAPI
// schema by discovery, which every authenticated client may do. It blocks all
// workers until its first look, which Start takes.
func New(
	config *rest.Config, httpClient *http.Client, log logr.Logger, gv schema.GroupVersion, kinds ...Kind,
) (*Guard, error) {
	config = rest.CopyConfig(config)
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	client, err := rest.UnversionedRESTClientForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, err
	}
	g := &Guard{log: log, gv: gv, needs: map[string]need{}, suspect: make(chan struct{}, 1), hold: make(chan struct{})}
	for _, kind := range kinds {
		g.needs[kind.Name] = kind.need()
		outdated.WithLabelValues(kind.Name).Set(0)
	}
	g.read = func(ctx context.Context) ([]byte, error) {
		body, err := client.Get().AbsPath("/openapi/v3/apis/"+gv.String()).
			SetHeader("Accept", "application/json").Stream(ctx)
		if err != nil {
			return nil, err
		}
		defer body.Close()
		text, err := io.ReadAll(io.LimitReader(body, maxSchema+1))
		if len(text) > maxSchema {
			return nil, errors.New("the OpenAPI schema is too large")
		}
		return text, err
	}
	return g, nil
}

func (k Kind) need() need {
	all := fieldsOf(reflect.TypeOf(k.Type))
	return need{fields{"spec": all["spec"], "status": all["status"]}, k.Selectable}
}

// NeedLeaderElection is false, because a standby is ready under the same
// conditions as the leader.
func (g *Guard) NeedLeaderElection() bool { return false }

// Start looks until ctx is done: every lookEvery while the schema is complete,
// every lookAgain while it is not, and at once after Suspect.
func (g *Guard) Start(ctx context.Context) error {
	for {
		next := time.NewTimer(g.look(ctx))
		select {
		case <-ctx.Done():
			next.Stop()
			return nil
		case <-next.C:
		case <-g.suspect:
			next.Stop()
		}
	}
}

// Await blocks until work may go on and returns true, or false if ctx is done
// first.
func (g *Guard) Await(ctx context.Context) bool {
	for g != nil {
		g.mu.Lock()
		hold := g.hold
		g.mu.Unlock()
		if hold == nil {
			return true
		}
		select {
		case <-hold:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// Suspect makes the guard look at once, and blocks all workers until it has. It
// is called when a write comes back without the fields that were written.
func (g *Guard) Suspect() {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.hold == nil {
		g.hold = make(chan struct{})
	}
	select {
	case g.suspect <- struct{}{}:
	default:
	}
}

// Ready returns an error that says what is too old and what to do, or nil. It
// is a readiness check.
func (g *Guard) Ready(*http.Request) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case len(g.gaps) > 0:
		return errors.New(strings.Join(g.gaps, "; "))
	case !g.looked:
		return errors.New("the schema of the CustomResourceDefinitions has not been read yet")
	}
	return nil
}

// look compares once, and returns how long to wait until the next look. If it
// cannot read the schema, the last result stands. If the first look fails, it
// blocks nobody: every claim is checked when it comes back.
func (g *Guard) look(ctx context.Context) (next time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	text, err := g.read(ctx)
	var gaps []string
	if err == nil {
		gaps, err = g.compare(text)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil {
		g.log.Error(err, "cannot read the schema of the CustomResourceDefinitions")
		gaps = g.gaps
	} else if !slices.Equal(gaps, g.gaps) {
		g.log.Info("the CustomResourceDefinitions have changed", "tooOld", gaps)
	}
	g.gaps, g.looked = gaps, true
	if len(gaps) == 0 && g.hold != nil {
		close(g.hold)
		g.hold = nil
	}
	if len(gaps) > 0 && g.hold == nil {
		g.hold = make(chan struct{})
	}
	if err != nil || len(gaps) > 0 {
		return lookAgain
	}
	return lookEvery
}

// compare returns a message for each kind that is too old in an OpenAPI
// document.
func (g *Guard) compare(text []byte) (gaps []string, err error) {
	var document struct {
		Components struct {
			Schemas map[string]*served `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("OpenAPI: %w", err)
	}
	for _, s := range document.Components.Schemas {
		for _, is := range s.Kinds {
			want, needed := g.needs[is.Kind]
			if !needed || is.Group != g.gv.Group || is.Version != g.gv.Version {
				continue
			}
			lacks := append(missing(want.fields, s, ""), unselectable(want.selectable, s)...)
			outdated.WithLabelValues(is.Kind).Set(float64(min(len(lacks), 1)))
			if len(lacks) > 0 {
				gaps = append(gaps, fmt.Sprintf(
					"the CustomResourceDefinition of %s is too old: it lacks %s; "+
						"apply the CRD of this operator's version", is.Kind, strings.Join(lacks, ", ")))
			}
		}
	}
	slices.Sort(gaps)
	return gaps, nil
}
