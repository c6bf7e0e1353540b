{{- define "gvDetails" }}
{{- $gv := . }}
Group and version: `{{ .GroupVersionString }}`.

| Kind | Scope | Short name | Field selectors beside those of all kinds |
|---|---|---|---|
{{- range .SortedKinds }}
{{- with $gv.TypeForKind . }}
{{- $resource := index (index .Markers "kubebuilder:resource") 0 }}
| [{{ .Name }}](#{{ .Name | lower }}) | {{ $resource.Scope | default "Namespaced" }} | `{{ $resource.ShortName | join "`, `" }}` |
{{- range $i, $field := index .Markers "kubebuilder:selectablefield" }}{{ if $i }},{{ end }} `{{ $field.JSONPath | trimPrefix "." }}`{{ end }} |
{{- end }}
{{- end }}

- **required** fields have to be set, all others may be left out.
- **immutable** fields are set when the object is created. The API server refuses to change them, and says what to do instead.
- Every rule below is in the schema of the CRD: the API server itself refuses what breaks one, whether or not the operator
  runs. `kubectl explain userlogout.spec` shows the fields on a cluster.
- Everything under `status` is written by the operator only.

{{ template "conditions" . -}}
{{- $shown := list }}
{{- range $kind := .SortedKinds }}
{{ template "kind" ($gv.TypeForKind $kind) -}}
{{- range $part := list "Spec" "Status" }}
{{- with $gv.TypeForKind (print $kind $part) }}
{{ template "type" . -}}
{{- $shown = append $shown .Name }}
{{- end }}
{{- end }}
{{- end }}
## What they consist of
{{ range .SortedTypes }}
{{- if and (not .GVK) (markdownShouldRenderType .) (not (has .Name $shown)) }}
{{ template "type" . -}}
{{- end }}
{{- end }}
{{- end -}}
