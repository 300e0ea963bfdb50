import Type, { type Static, type TSchema } from 'typebox'
import { automaticJournal } from './journal-places.js'

/**
 * Every setting, once: the environment variable's name is made from the member's (apiPort is VANTAGE_API_PORT); type,
 * limits, default and description serve validation, --help and docs/configuration.md alike.
 */
export const configSchema = Type.Object({
  apiHost: Type.String({ default: '0.0.0.0', minLength: 1, description: 'Address to listen on.' }),
  apiPort: Type.Integer({
    default: 8000,
    minimum: 0,
    maximum: 65535,
    description: 'Port to listen on; 0 takes a free one.',
  }),
  apiWorkers: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 256,
    description: 'Worker processes; 0 starts one for each CPU this process may use, container quota included.',
  }),
  tlsCertFile: Type.String({
    default: '',
    description:
      'Certificate in PEM, followed by those that lead from it to its CA: with it the collector speaks HTTPS only. Read again on SIGHUP, as are the next two.',
  }),
  tlsKeyFile: Type.String({ default: '', description: 'Private key of that certificate, in PEM, not encrypted.' }),
  tlsCaFile: Type.String({
    default: '',
    description:
      'CA certificates in PEM: clients must show a certificate that one of them has signed, for everything but /live, /ready, /health and /assets/.',
  }),
  environment: Type.String({
    default: 'development',
    minLength: 1,
    maxLength: 50,
    description: 'Where this collector runs, as shown in its answers. "production" refuses --dev and .env files.',
  }),
  serviceName: Type.String({
    default: 'vantage-collector',
    minLength: 1,
    maxLength: 255,
    description: 'Name of this collector, as shown in its answers and logs.',
  }),
  debug: Type.Boolean({ default: false, description: 'Log at debug level, one line a request included.' }),
  kafkaBootstrapServers: Type.String({
    default: 'localhost:9092',
    description: 'Comma-separated host:port list of Kafka brokers to start from; without a port, 9092.',
  }),
  kafkaTopic: Type.String({
    default: 'metrics-raw',
    pattern: '^[A-Za-z0-9._-]{1,249}$',
    description: 'Topic that receives the metrics.',
  }),
  kafkaSecurityProtocol: Type.Enum(['plaintext', 'ssl', 'sasl_plaintext', 'sasl_ssl'], {
    default: 'plaintext',
    description: 'How the brokers are spoken to: in clear or by TLS (ssl), without a login or with one (sasl).',
  }),
  kafkaSaslMechanism: Type.Enum(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'], {
    default: 'SCRAM-SHA-512',
    description: 'How to log in where the security protocol says sasl.',
  }),
  kafkaSaslUsername: Type.String({ default: '', description: 'User for PLAIN and SCRAM.' }),
  kafkaSaslPassword: Type.String({
    default: '',
    description: 'Password of that user. Prefer VANTAGE_KAFKA_SASL_PASSWORD_FILE, which is read again on SIGHUP.',
  }),
  kafkaSaslToken: Type.String({
    default: '',
    description:
      'Token for OAUTHBEARER. Prefer VANTAGE_KAFKA_SASL_TOKEN_FILE: whatever renews that file sends SIGHUP, too.',
  }),
  kafkaSslCaFile: Type.String({
    default: '',
    description: 'CA certificates in PEM of which one has signed those of the brokers; empty: those of the system.',
  }),
  kafkaSslCertFile: Type.String({
    default: '',
    description: 'Certificate in PEM to show to the brokers, followed by those that lead from it to its CA.',
  }),
  kafkaSslKeyFile: Type.String({ default: '', description: 'Private key of that certificate, in PEM.' }),
  kafkaCompressionType: Type.Enum(['none', 'gzip', 'snappy', 'lz4', 'zstd'], {
    default: 'gzip',
    description: 'Compression of record batches; gzip at level 1.',
  }),
  kafkaLingerMs: Type.Number({
    default: 0,
    minimum: 0,
    maximum: 900000,
    description:
      'How long librdkafka waits for more records before it sends. With 0, what arrives while it is sending goes together.',
  }),
  kafkaAcks: Type.Enum(['all', '1'], {
    default: 'all',
    description:
      'Which acknowledgement a 202 stands for: all in-sync replicas (idempotent), or 1, the partition leader only.',
  }),
  kafkaPartitionKey: Type.Enum(['service', 'series', 'none'], {
    default: 'service',
    description:
      "Record key: the batch's service_name, service_name + metric_name + tags, or none, for services too hot for one partition.",
  }),
  kafkaRecordFormat: Type.Enum(['metric', 'ndjson'], {
    default: 'metric',
    description:
      'One record a metric, or ndjson: one a batch, its accepted metrics a line each, in several records only where message.max.bytes asks for it.',
  }),
  maxBatchSize: Type.Integer({
    default: 1000,
    minimum: 1,
    maximum: 100000,
    description: 'Most metrics in one batch of Vantage JSON.',
  }),
  maxRequestSizeMb: Type.Number({
    default: 10,
    exclusiveMinimum: 0,
    maximum: 1024,
    description: 'Largest request body in MiB, before and after inflating.',
  }),
  maxAgeHours: Type.Number({
    default: 0,
    minimum: 0,
    description: 'Reject metrics older than this; 0 takes any age.',
  }),
  maxFutureHours: Type.Number({
    default: 0,
    minimum: 0,
    description: 'Reject metrics further in the future than this; 0 takes any.',
  }),
  histograms: Type.Enum(['whole', 'buckets'], {
    default: 'whole',
    description:
      'What becomes of histograms of OTLP: whole: a record of the count, with all of the histogram as a member, and one of the sum; buckets: beside these, a record for each bucket.',
  }),
  maxInflightMb: Type.Number({
    default: 64,
    exclusiveMinimum: 0,
    maximum: 65536,
    description:
      'Most MiB of records a worker holds until Kafka acknowledges them; over it, batches go to the journal, or get 503. Requests that are not answered yet may hold as much again, in bodies and records.',
  }),
  ackTimeoutMs: Type.Integer({
    default: 1000,
    minimum: 10,
    maximum: 300000,
    description: 'Longest wait for Kafka to acknowledge a batch before it goes to the journal, or is answered 503.',
  }),
  durability: Type.Enum(['kafka', 'journal', 'memory'], {
    default: 'kafka',
    description:
      'What a 202 waits for: kafka: the brokers, or the journal when they are slow or away; journal: always the journal, Kafka follows; memory: nothing, and a crash loses what is queued.',
  }),
  journalDir: Type.String({
    default: automaticJournal,
    description:
      'Directory on a local disk for batches that Kafka does not take at the moment; empty for no journal: they are answered 503. auto is $XDG_STATE_HOME/vantage-collector/journal where that is set, else /var/lib/vantage-collector/journal for root and where /var/lib/vantage-collector can be written, else ~/.local/state/vantage-collector/journal; with --dev, none.',
  }),
  journalMaxMb: Type.Number({
    default: 1024,
    minimum: 1,
    maximum: 1048576,
    description: 'Most MiB that the journal takes on disk; beyond it, batches are answered 503.',
  }),
  kafkaDeadLetterTopic: Type.String({
    default: '',
    pattern: '^[A-Za-z0-9._-]{0,249}$',
    description:
      'Topic for records that were answered 202 and that the brokers then refuse for good; empty: they stay on disk, in the dead space of the journal.',
  }),
  deadLetterInvalid: Type.Boolean({
    default: false,
    description:
      'Send metrics that failed validation to VANTAGE_KAFKA_DEAD_LETTER_TOPIC, too, with the reason; their answer stays the same.',
  }),
  shutdownTimeoutMs: Type.Integer({
    default: 10000,
    minimum: 100,
    maximum: 3600000,
    description: 'Longest time from SIGTERM to exit.',
  }),
  workerStuckAfterMs: Type.Integer({
    default: 10000,
    minimum: 1000,
    maximum: 3600000,
    description: 'A worker whose event loop has been silent for this long is killed and replaced.',
  }),
  corsEnabled: Type.Boolean({ default: true, description: 'Answer CORS requests of browsers.' }),
  corsOrigins: Type.String({
    default: '*',
    description: 'Comma-separated origins that CORS allows, such as https://pages.example, or * for any; empty: none.',
  }),
  corsCredentials: Type.Boolean({
    default: false,
    description:
      'Let pages of the origins of VANTAGE_CORS_ORIGINS, which must be named, send what the browser knows: a password, a client certificate.',
  }),
  authEnabled: Type.Boolean({
    default: false,
    description:
      'Require an API key, as X-API-Key or Authorization: Bearer, for everything but /live, /ready, /health and /assets/.',
  }),
  apiKey: Type.String({
    default: '',
    description:
      'An API key with all scopes, of ASCII without spaces. Prefer VANTAGE_API_KEY_FILE, or VANTAGE_API_KEYS_FILE.',
  }),
  apiKeys: Type.String({
    default: '',
    description:
      'API keys, a line each: name:sha256, or name:sha256:scopes with ingest, read or both. Prefer VANTAGE_API_KEYS_FILE; `vantage-collector key new NAME` makes a line.',
  }),
  rateLimitEnabled: Type.Boolean({
    default: false,
    description: 'Limit what each client may send: each API key, or where authentication is off each address.',
  }),
  rateLimitRequests: Type.Integer({
    default: 1000,
    minimum: 0,
    maximum: 1_000_000_000,
    description: 'Most batches of a client within a window; 0 is no limit.',
  }),
  rateLimitMetrics: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 1_000_000_000_000,
    description: 'Most metrics of a client within a window; 0 is no limit.',
  }),
  rateLimitWindow: Type.Integer({
    default: 60,
    minimum: 1,
    maximum: 86400,
    description: "Length of the window in seconds; it begins with a client's first batch.",
  }),
  maxConnections: Type.Integer({
    default: 10000,
    minimum: 1,
    maximum: 1_000_000,
    description:
      'Most connections a worker keeps open; further ones are closed at once. Fewer where a process may open few files.',
  }),
  trustedProxies: Type.String({
    default: '',
    description:
      'Comma-separated addresses and networks of proxies whose X-Forwarded-For is believed, such as 10.0.0.0/8.',
  }),
  otelExporterOtlpEndpoint: Type.String({
    default: '',
    pattern: '^(https?://.+)?$',
    description:
      'Where spans of batches and their stages are sent, by OTLP over HTTP, such as http://localhost:4318; empty: no tracing. OpenTelemetry itself reads OTEL_EXPORTER_OTLP_HEADERS and its like.',
  }),
  otelTracesSampler: Type.Enum(
    [
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ],
    {
      default: 'parentbased_traceidratio',
      description:
        "Which batches are traced: all, none or a share; with parentbased, those whose agent's traceparent says so, and of those without one all, none or a share.",
    },
  ),
  otelTracesSamplerArg: Type.Number({
    default: 0.01,
    minimum: 0,
    maximum: 1,
    description: 'The share of batches that traceidratio and parentbased_traceidratio trace.',
  }),
})

/** The value of each setting. */
export type ConfigValues = Static<typeof configSchema>

export type Config = Readonly<ConfigValues> & {
  /** librdkafka properties passed through, by their own names such as `security.protocol`. */
  readonly kafkaProperties: Readonly<Record<string, string>>
}

/** The schema of each setting, by its member. */
export const schemas: Readonly<Record<string, TSchema>> = configSchema.properties

/** Settings that hold a secret: their values never reach a log, a message or an answer. */
export const secrets: ReadonlySet<string> = new Set(['apiKey', 'apiKeys', 'kafkaSaslPassword', 'kafkaSaslToken'])

/** The default of one setting's schema. */
export function defaultOf(schema: TSchema): unknown {
  return 'default' in schema ? schema.default : undefined
}

/** What one setting is for. */
export function descriptionOf(schema: TSchema): string {
  return 'description' in schema ? String(schema.description) : ''
}
