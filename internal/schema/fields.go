// Package schema checks whether the API server serves the kinds as this version
// of the operator needs them. If a CustomResourceDefinition is older than the
// operator, the API server silently drops the status fields it does not know,
// and the operator cannot remember what it has done.
package schema

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// fields maps the names of a JSON object's fields to the fields of their
// values, which are of this type again; nil means that the value is not
// examined. A type that is a map of itself would be shorter, but the linter of
// Kubernetes APIs follows it without end.
type fields map[string]any

var marshaler = reflect.TypeFor[json.Marshaler]()

// fieldsOf returns the fields that a Go type writes as JSON, by its tags. Types
// that marshal themselves, such as times, have none.
func fieldsOf(t reflect.Type) fields {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t.Implements(marshaler) || reflect.PointerTo(t).Implements(marshaler) {
		return nil
	}
	all := fields{}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case name == "" && f.Anonymous:
			maps.Copy(all, fieldsOf(f.Type))
		case name == "":
			all[f.Name] = fieldsOf(f.Type)
		default:
			all[name] = fieldsOf(f.Type)
		}
	}
	return all
}

// served holds the parts of an OpenAPI v3 schema that this package reads.
type served struct {
	Properties map[string]*served `json:"properties"`
	Items      *served            `json:"items"`
	Preserves  bool               `json:"x-kubernetes-preserve-unknown-fields"`
	Selectable []struct {
		FieldPath string `json:"fieldPath"`
	} `json:"x-kubernetes-selectable-fields"`
	Kinds []struct {
		Group   string `json:"group"`
		Version string `json:"version"`
		Kind    string `json:"kind"`
	} `json:"x-kubernetes-group-version-kind"`
}

// missing returns, in order, the paths of the fields that a schema lacks. A
// schema that lists no properties, or that preserves unknown ones, lacks none.
func missing(want fields, in *served, path string) (paths []string) {
	for in != nil && in.Items != nil {
		in = in.Items
	}
	if in == nil || in.Preserves || len(in.Properties) == 0 {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		is, ok := in.Properties[name]
		if !ok {
			paths = append(paths, path+name)
			continue
		}
		within, _ := want[name].(fields)
		paths = append(paths, missing(within, is, path+name+".")...)
	}
	return paths
}

// unselectable returns the fields that no field selector may use.
func unselectable(want []string, in *served) (fields []string) {
	for _, field := range want {
		selectable := false
		for _, is := range in.Selectable {
			selectable = selectable || is.FieldPath == field
		}
		if !selectable {
			fields = append(fields, "the selectable field "+field)
		}
	}
	return fields
}
