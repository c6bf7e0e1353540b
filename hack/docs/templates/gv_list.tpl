{{- define "gvList" -}}
<!-- Written by make api-docs from api/v1alpha1 and hack/docs/templates. Do not edit. -->

# API reference
{{ range . }}
{{- template "gvDetails" . }}
{{- end }}
{{- end -}}
