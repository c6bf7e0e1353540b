{{- define "kind" -}}
## {{ .Name }}

{{ .Doc }}
{{ template "members" . -}}
{{- end -}}

{{- define "type" -}}
### {{ .Name }}

{{ .Doc }}
{{- if .Members }}
{{ template "members" . -}}
{{- else if .EnumValues }}
{{ template "values" . -}}
{{- end }}
{{- end -}}

{{- /* A value's own documentation begins with the name it has in Go. */ -}}
{{- define "values" }}
| Value | Meaning |
|---|---|
{{- range .EnumValues }}
| `{{ .Name }}` | {{ regexReplaceAll "^[A-Z]\\w+ " .Doc "" | trim | replace "\n" " " | default "the only one so far" }} |
{{- end }}
{{ end -}}

{{- define "members" }}
| Field | Meaning | Default | Rules |
|---|---|---|---|
{{- if .GVK }}
| `apiVersion` string | `{{ .GVK.Group }}/{{ .GVK.Version }}` | | required |
| `kind` string | `{{ .GVK.Kind }}` | | required |
{{- end }}
{{- $type := . }}
{{- range .Members }}
| `{{ .Name }}` {{ markdownRenderType .Type }} | {{ template "text" .Doc }} | {{ template "default" . }} | {{ template "rules" dict "type" $type "field" . }} |
{{- end }}
{{ range index .Markers "kubebuilder:validation:XValidation" }}
{{- if not (contains "oldSelf" .Rule) }}
Rule: {{ .Message }}.
{{ end }}
{{- end }}
{{- end -}}

{{- /* The text of a comment as the cell of a table: no line ends, and nothing that is Markdown by accident. */ -}}
{{- define "text" }}
{{- . | trim | replace "\n" " " | replace "\\" "\\\\" | replace "|" "\\|" | replace "*" "\\*" | replace "{" "\\{" | replace "}" "\\}" }}
{{- end -}}

{{- define "default" }}
{{- with .Default }}`{{ . | replace "{ " "{" | replace " }" "}" | replace ":" ": " }}`{{ end }}
{{- end -}}

{{- /* The rules of a field: its own, and those of its type that name it. Those of what it consists of are told there. */ -}}
{{- define "rules" }}
{{- $rules := list }}
{{- range .field.Validation | reverse }}
{{- if hasPrefix "Enum: " . }}
{{- $rules = . | trimPrefix "Enum: [" | trimSuffix "]" | replace " " ", " | print "one of " | append $rules }}
{{- else if not (or (eq . "Required: {}") (eq . "Optional: {}")) }}
{{- $rules = . | replace "items:" "each: " | replace "MinLength: " "length ≥ " | replace "MaxLength: " "length ≤ "
  | replace "Minimum: " "≥ " | replace "Maximum: " "≤ " | replace "MinItems: " "items ≥ " | replace "MaxItems: " "items ≤ "
  | append $rules }}
{{- end }}
{{- end }}
{{- if not .field.Type.Members }}
{{- range index .field.Markers "kubebuilder:validation:XValidation" }}
{{- $rules = append $rules .Message }}
{{- end }}
{{- end }}
{{- $path := print "." .field.Name }}
{{- range index .type.Markers "kubebuilder:validation:XValidation" }}
{{- if and (eq .FieldPath $path) (contains "oldSelf" .Rule) }}
{{- $rules = prepend $rules "**immutable**" }}
{{- end }}
{{- end }}
{{- if has "Required: {}" .field.Validation }}
{{- $rules = prepend $rules "**required**" }}
{{- end }}
{{- $rules | uniq | join "; " | replace "\\" "\\\\" | replace "|" "\\|" | replace "{" "\\{" | replace "}" "\\}" }}
{{- end -}}
