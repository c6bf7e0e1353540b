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
	// lookEvery is how often to look at the schema that is served, and lookAgain
	// while it is too old or could not be read.
	lookEvery = time.Minute
	lookAgain = 10 * time.Second
	// lookTimeout bounds one look, and maxSchema what is read, in bytes.
	lookTimeout = 10 * time.Second
	maxSchema   = 8 << 20
)

var outdated = prometheus.NewGaugeVec(prometheus.GaugeOpts{
	Name: "logout_operator_crd_outdated",
	Help: "1 while the CustomResourceDefinition of the kind is too old for the operator, which does nothing then.",
}, []string{"kind"})

func init() { metrics.Registry.MustRegister(outdated) }

// Kind that is needed, with the Go type that is written to it.
type Kind struct {
	// Name, such as UserLogout.
	Name string
	// Type of its objects; only their spec and status are looked at.
	Type any
	// Selectable fields that lists and watches select by, such as status.phase.
	Selectable []string
}

// need is what the schema of a kind has to have.
type need struct {
	fields     fields
	selectable []string
}

// Guard looks at the schema that the API server serves, and holds up the workers
// while a kind lacks fields. A nil one holds up nobody.
type Guard struct {
	read  func(context.Context) ([]byte, error)
	log   logr.Logger
	gv    schema.GroupVersion
	needs map[string]need // by kind

	suspect chan struct{}

	mu     sync.Mutex
	hold   chan struct{} // closed when work may go on; nil while it may
	looked bool
	gaps   []string // what is too old, for people
}

// New returns a guard for the kinds of a group version. It reads the OpenAPI
// schema by discovery, which every authenticated client may do. Until its first
// look, which Start takes, it holds up everybody.
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
		body, err := client.Get().AbsPath("/openapi/v3/apis/"+gv.String()).SetHeader("Accept", "application/json").Stream(ctx)
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

// NeedLeaderElection is false: a standby is ready, or not, for the same reason.
func (g *Guard) NeedLeaderElection() bool { return false }

// Start looks until ctx is done: seldom while all is well, more often while it is
// not, and at once when somebody has a doubt.
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

// Await returns when work may go on, or reports that ctx is done first.
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

// Suspect has the guard look at once, and everybody wait until it has: a write
// came back without what was written.
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

// Ready returns an error that says what is too old and what to do, or nil. It is
// a check of readiness.
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

// look compares once, and returns when to look again. While the schema cannot be
// read, what is known stands; and at first nothing is held up, since every claim
// is looked at when it comes back.
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

// compare returns what is too old in an OpenAPI document.
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
				gaps = append(gaps, fmt.Sprintf("the CustomResourceDefinition of %s is older than the operator and lacks %s; "+
					"apply the one of the operator's version", is.Kind, strings.Join(lacks, ", ")))
			}
		}
	}
	slices.Sort(gaps)
	return gaps, nil
}
