{{/*
Everything is called logout-operator, whatever the release is called. A cluster has one operator: two would refuse each
other's statuses. Helm refuses a second release, because objects of these names belong to the first.
*/}}

{{/* Labels of all objects but the pods. */}}
{{- define "logout-operator.labels" -}}
app.kubernetes.io/name: logout-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}

{{/*
The objects of a file that make manifests has copied from config/, in the namespace of the release and with its labels.
Takes root, file and, if there are any, more labels and annotations. The file is data, never a template: descriptions
and alerts may contain braces.
*/}}
{{- define "logout-operator.objects" -}}
{{- $text := required (printf "the chart lacks %s" .file) (.root.Files.Get .file) }}
{{- range splitList "\n---\n" $text }}
{{- with fromYaml . }}
{{- if .Error }}{{ fail (printf "%s: %s" $.file .Error) }}{{ end }}
{{- $labels := mergeOverwrite (default dict .metadata.labels) (include "logout-operator.labels" $.root | fromYaml) (default dict $.labels) }}
{{- $annotations := mergeOverwrite (default dict .metadata.annotations) (default dict $.annotations) }}
{{- $_ := set .metadata "labels" $labels }}
{{- if $annotations }}{{ $_ = set .metadata "annotations" $annotations }}{{ end }}
{{- if .metadata.namespace }}{{ $_ = set .metadata "namespace" $.root.Release.Namespace }}{{ end }}
---
{{ toYaml . }}
{{- end }}
{{- end }}
{{- end }}

{{/* The image: a digest counts more than a tag. */}}
{{- define "logout-operator.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ default $.Chart.AppVersion .tag }}{{ end }}
{{- end }}
{{- end }}

{{/* The flags that are not the operator's own defaults. */}}
{{- define "logout-operator.flags" -}}
{{- $defaults := dict "workers" 50 "callTimeout" "10s" "visibilityTimeout" "30s" "leaderElectionLeaseDuration" "60s" "leaderElectionRenewDeadline" "40s" "leaderElectionRetryPeriod" "5s" "allowInsecureEndpoints" false "logLevel" "info" }}
{{- range $name, $default := $defaults }}
{{- $value := index $.Values $name }}
{{- if ne (toString $value) (toString $default) }}
- --{{ kebabcase $name }}={{ $value }}
{{- end }}
{{- end }}
{{- end }}

{{/* A duration such as 10s, as a number. */}}
{{- define "logout-operator.seconds" -}}
{{ trimSuffix "s" . }}
{{- end }}
