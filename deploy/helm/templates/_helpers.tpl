{{- define "collector.name" -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "collector.selector" -}}
app.kubernetes.io/name: vantage-collector
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "collector.labels" -}}
{{ include "collector.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "collector.pod" -}}
metadata:
  labels:
    {{- include "collector.selector" . | nindent 4 }}
  {{- with .Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  automountServiceAccountToken: false
  # Kubernetes would set VANTAGE_API_PORT to the address of a service that is named vantage-api.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ add .Values.shutdown.preStopSeconds .Values.shutdown.drainSeconds .Values.shutdown.marginSeconds }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 1000
    runAsGroup: 1000
    fsGroup: 1000
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: topology.kubernetes.io/zone
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "collector.selector" . | nindent 10 }}
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "collector.selector" . | nindent 10 }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: collector
      image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      env:
        - name: VANTAGE_KAFKA_BOOTSTRAP_SERVERS
          value: {{ .Values.kafka.bootstrapServers | quote }}
        - name: VANTAGE_KAFKA_TOPIC
          value: {{ .Values.kafka.topic | quote }}
        - name: VANTAGE_API_WORKERS
          value: {{ .Values.workers | quote }}
        - name: VANTAGE_SHUTDOWN_TIMEOUT_MS
          value: {{ mul .Values.shutdown.drainSeconds 1000 | quote }}
        - name: VANTAGE_JOURNAL_DIR
          value: {{ ternary "/var/lib/vantage-collector/journal" "" .Values.journal.enabled | quote }}
        {{- if .Values.journal.enabled }}
        - name: VANTAGE_JOURNAL_MAX_MB
          value: {{ int .Values.journal.maxMb | quote }}
        {{- end }}
        {{- if .Values.tls.secretName }}
        - name: VANTAGE_TLS_CERT_FILE
          value: /run/secrets/tls/tls.crt
        - name: VANTAGE_TLS_KEY_FILE
          value: /run/secrets/tls/tls.key
        {{- if .Values.tls.clientCa }}
        - name: VANTAGE_TLS_CA_FILE
          value: /run/secrets/tls/ca.crt
        {{- end }}
        {{- end }}
        {{- range $name, $key := .Values.secrets.files }}
        - name: {{ $name }}
          value: /run/secrets/collector/{{ $key }}
        {{- end }}
        {{- range $name, $value := .Values.env }}
        - name: {{ $name }}
          value: {{ $value | quote }}
        {{- end }}
      ports:
        - name: http
          containerPort: 8000
      # While the workers start, which waits at most 3 s for Kafka.
      startupProbe:
        httpGet:
          path: /live
          port: http
          {{- if .Values.tls.secretName }}
          scheme: HTTPS
          {{- end }}
        periodSeconds: 1
        failureThreshold: 60
        timeoutSeconds: 2
      # The process answers. While Kafka is away a restart helps nobody, so it must not be asked for here.
      livenessProbe:
        httpGet:
          path: /live
          port: http
          {{- if .Values.tls.secretName }}
          scheme: HTTPS
          {{- end }}
        periodSeconds: 10
        failureThreshold: 6
        timeoutSeconds: 5
      # A batch posted now would get 202.
      readinessProbe:
        httpGet:
          path: /ready
          port: http
          {{- if .Values.tls.secretName }}
          scheme: HTTPS
          {{- end }}
        periodSeconds: 2
        failureThreshold: 2
        timeoutSeconds: 2
      {{- if gt (int .Values.shutdown.preStopSeconds) 0 }}
      lifecycle:
        preStop:
          exec:
            command: [sleep, {{ .Values.shutdown.preStopSeconds | quote }}]
      {{- end }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      {{- if or .Values.journal.enabled .Values.secrets.name .Values.tls.secretName }}
      volumeMounts:
        {{- if .Values.journal.enabled }}
        - name: journal
          mountPath: /var/lib/vantage-collector
        {{- end }}
        {{- if .Values.secrets.name }}
        - name: secrets
          mountPath: /run/secrets/collector
          readOnly: true
        {{- end }}
        {{- if .Values.tls.secretName }}
        - name: tls
          mountPath: /run/secrets/tls
          readOnly: true
        {{- end }}
      {{- end }}
  {{- if or .Values.secrets.name .Values.tls.secretName }}
  volumes:
    {{- if .Values.secrets.name }}
    - name: secrets
      secret:
        secretName: {{ .Values.secrets.name }}
        defaultMode: 0440
    {{- end }}
    {{- if .Values.tls.secretName }}
    - name: tls
      secret:
        secretName: {{ .Values.tls.secretName }}
        defaultMode: 0440
    {{- end }}
  {{- end }}
{{- end }}
