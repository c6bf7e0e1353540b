package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/logout-operator/logout-operator/api/v1alpha1"
)

// tableWatch shows objects as kubectl get --watch does: the API server renders the rows, in the columns of the CRD.
type tableWatch struct {
	stream io.ReadCloser
	table  tablePrinter
}

// watch begins to watch a resource. An empty namespace means a cluster-scoped resource.
func (s *stage) watch(ctx context.Context, namespace, resource string) (*tableWatch, error) {
	config := rest.CopyConfig(s.plane.Config)
	config.APIPath, config.GroupVersion = "/apis", &v1alpha1.GroupVersion
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	client, err := rest.RESTClientFor(config)
	if err != nil {
		return nil, err
	}
	stream, err := client.Get().Namespace(namespace).Resource(resource).
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").
		Param("watch", "true").
		Param("includeObject", string(metav1.IncludeObject)).
		Stream(ctx)
	if err != nil {
		return nil, fmt.Errorf("watching %s: %w", resource, err)
	}
	return &tableWatch{stream: stream, table: tablePrinter{print: s.event}}, nil
}

func (w *tableWatch) close() { _ = w.stream.Close() }

// until prints the objects as they change until one of them is done, and returns that object.
func until[T any](ctx context.Context, w *tableWatch, done func(T) bool) (T, error) {
	var none T
	events := json.NewDecoder(w.stream)
	for {
		var event metav1.WatchEvent
		err := events.Decode(&event)
		switch {
		case ctx.Err() != nil:
			return none, context.Cause(ctx)
		case err != nil:
			return none, fmt.Errorf("watching: %w", err)
		case event.Type == string(watch.Error):
			var status metav1.Status
			err := json.Unmarshal(event.Object.Raw, &status)
			if err == nil {
				err = &errors.StatusError{ErrStatus: status}
			}
			return none, fmt.Errorf("watching: %w", err)
		}
		var table metav1.Table
		if err := json.Unmarshal(event.Object.Raw, &table); err != nil {
			return none, err
		}
		w.table.add(table)
		for _, row := range table.Rows {
			var obj T
			if err := json.Unmarshal(row.Object.Raw, &obj); err != nil {
				return none, err
			}
			if done(obj) {
				return obj, nil
			}
		}
	}
}
