package chart_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/diff"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/logout-operator/logout-operator/test/harness/operatortest"
)

// TestEveryValueIsDocumented: values.yaml, values.schema.json and the table in README.md have the same values and
// defaults, each with a comment, a description and its meaning.
func TestEveryValueIsDocumented(t *testing.T) {
	values := defaults(t)
	schema := schemaOf(t)
	table := tableOf(t)
	if len(values) < 20 {
		t.Fatalf("found %d values only", len(values))
	}
	for name, value := range values {
		if value.comment == "" {
			t.Errorf("values.yaml: %s has no comment", name)
		}
		if description, ok := schema[name]; !ok || description == "" {
			t.Errorf("values.schema.json lacks %s or its description", name)
		}
		switch row, ok := table[name]; {
		case !ok:
			t.Errorf("README.md lacks %s", name)
		case row.meaning == "":
			t.Errorf("README.md: %s has no meaning", name)
		case row.standard != "`"+value.standard+"`" && (value.standard != "" || row.standard != "see `values.yaml`"):
			t.Errorf("README.md: the default of %s is %s, in values.yaml %q", name, row.standard, value.standard)
		}
	}
	for name := range schema {
		if _, ok := values[name]; !ok {
			t.Errorf("values.schema.json has %s, values.yaml has not", name)
		}
	}
	for name := range table {
		if _, ok := values[name]; !ok {
			t.Errorf("README.md has %s, values.yaml has not", name)
		}
	}
	t.Logf("%d values", len(values))
}

type value struct{ comment, standard string }

// groups are the values of values.yaml that hold other values of the chart; other maps are values themselves.
var groups = []string{"image", "podDisruptionBudget", "serviceAccount", "crds", "metadataPolicy", "statusPolicy",
	"tenantRoles", "networkPolicy",
	"prometheus", "prometheus.serviceMonitor", "prometheus.rules"}

// defaults reads values.yaml. The default of a map or list that is not empty is left out.
func defaults(t *testing.T) map[string]value {
	t.Helper()
	var document yaml.Node
	if err := yaml.Unmarshal(readChart(t, "values.yaml"), &document); err != nil {
		t.Fatal(err)
	}
	isGroup := map[string]bool{}
	for _, name := range groups {
		isGroup[name] = true
	}
	values := map[string]value{}
	var walk func(prefix string, node *yaml.Node)
	walk = func(prefix string, node *yaml.Node) {
		for i := 0; i+1 < len(node.Content); i += 2 {
			key, val := node.Content[i], node.Content[i+1]
			name := prefix + key.Value
			switch {
			case isGroup[name]:
				walk(name+".", val)
			case val.Kind == yaml.ScalarNode && val.Value == "":
				values[name] = value{key.HeadComment, `""`}
			case val.Kind == yaml.ScalarNode:
				values[name] = value{key.HeadComment, val.Value}
			case len(val.Content) == 0 && val.Kind == yaml.MappingNode:
				values[name] = value{key.HeadComment, "{}"}
			case len(val.Content) == 0:
				values[name] = value{key.HeadComment, "[]"}
			default:
				values[name] = value{comment: key.HeadComment}
			}
		}
	}
	walk("", document.Content[0])
	return values
}

// schemaOf returns the descriptions of values.schema.json.
func schemaOf(t *testing.T) map[string]string {
	t.Helper()
	type node struct {
		Description          string          `json:"description"`
		Properties           map[string]node `json:"properties"`
		AdditionalProperties any             `json:"additionalProperties"`
	}
	var top node
	if err := json.Unmarshal(readChart(t, "values.schema.json"), &top); err != nil {
		t.Fatal(err)
	}
	delete(top.Properties, "global") // Helm's own
	found := map[string]string{}
	var walk func(prefix string, n node)
	walk = func(prefix string, n node) {
		if n.AdditionalProperties != false {
			t.Errorf("values.schema.json lets unknown values pass in %q", prefix)
		}
		for name, property := range n.Properties {
			if len(property.Properties) > 0 {
				walk(prefix+name+".", property)
			} else {
				found[prefix+name] = property.Description
			}
		}
	}
	walk("", top)
	return found
}

type row struct{ standard, meaning string }

var tableRow = regexp.MustCompile("(?m)^\\| `([A-Za-z.]+)` \\| (.+?) \\| (.*?) \\|$")

// tableOf returns the rows of the table in README.md.
func tableOf(t *testing.T) map[string]row {
	t.Helper()
	rows := map[string]row{}
	for _, match := range tableRow.FindAllStringSubmatch(string(readChart(t, "README.md")), -1) {
		rows[match[1]] = row{match[2], match[3]}
	}
	return rows
}

func readChart(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(chart, file))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// notValues are the flags of the operator that the chart sets itself, or does not need.
var notValues = map[string]bool{
	"leader-elect": true, "namespace": true, // set by the chart
	"metrics-bind-address": true, "health-probe-bind-address": true, // the ports of the Service and the probes
	"kubeconfig": true, // for an operator outside a cluster
}

var flagOfHelp = regexp.MustCompile(`(?m)^  -([a-z-]+)(?: [a-z]+)?\n(.*)$`)
var defaultOfHelp = regexp.MustCompile(`\(default "?([^"]*?)"?\)$`)

// TestEveryFlagIsAValue: the chart has a value for every flag of the operator, with the same default.
func TestEveryFlagIsAValue(t *testing.T) {
	operator := filepath.Join(t.TempDir(), "logout-operator")
	if err := operatortest.Build(t.Context(), operator, false); err != nil {
		t.Fatal(err)
	}
	help, err := exec.CommandContext(t.Context(), operator, "--help").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	values, want := defaults(t), map[string]string{}
	for _, flag := range flagOfHelp.FindAllStringSubmatch(string(help), -1) {
		if notValues[flag[1]] {
			continue
		}
		standard := "false" // the help prints no default for it
		if match := defaultOfHelp.FindStringSubmatch(flag[2]); match != nil {
			standard = strings.ToLower(match[1]) // INFO and info are the same level
		}
		if d, err := time.ParseDuration(standard); err == nil { // the help prints 1m0s, the chart has 60s
			standard = fmt.Sprintf("%gs", d.Seconds())
		}
		want[camelCase(flag[1])] = standard
	}
	if len(want) < 5 {
		t.Fatalf("found the flags %v only in\n%s", want, help)
	}
	got := map[string]string{}
	for name := range want {
		if value, ok := values[name]; ok {
			got[name] = value.standard
		}
	}
	if d := diff.Diff(want, got); d != "" {
		t.Errorf("defaults of the operator (-) and of values.yaml (+)\n%s", d)
	}
	for name, value := range map[string]string{
		"workers": "51", "callTimeout": "9s", "visibilityTimeout": "31s",
		"leaderElectionLeaseDuration": "61s", "leaderElectionRenewDeadline": "41s", "leaderElectionRetryPeriod": "6s",
		"allowInsecureEndpoints": "true", "logLevel": "debug",
	} {
		delete(want, name)
		args := argsOf(t, render(t, "--set="+name+"="+value))
		if flag := fmt.Sprintf("--%s=%s", kebabCase(name), value); len(args) != 3 || args[2] != flag {
			t.Errorf("%s=%s: arguments %q, want two and %s", name, value, args, flag)
		}
	}
	for name := range want {
		t.Errorf("%s is not rendered by this test", name)
	}
}

func camelCase(flag string) string {
	words := strings.Split(flag, "-")
	for i := range words[1:] {
		words[i+1] = strings.ToUpper(words[i+1][:1]) + words[i+1][1:]
	}
	return strings.Join(words, "")
}

func kebabCase(name string) string {
	return strings.ToLower(regexp.MustCompile("[A-Z]").ReplaceAllString(name, "-$0"))
}
