import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Ajv, type ErrorObject } from 'ajv'
import Type, { type Static, type TSchema } from 'typebox'
import { messageOf } from '../shared/errors.js'
import { isSendable, parseApiKeys } from './api-keys.js'
import { serverMistakes } from './bootstrap-servers.js'
import { originsOf, wrongOrigins } from './origins.js'
import { parseProxies } from './proxies.js'
import { caMistakes, certificateExpiry, identityMistakes, type PemFile } from './tls-files.js'

const prefix = 'VANTAGE_'
/** Settings that are OpenTelemetry's have the names that it gave them, as every program that can be traced knows them. */
const sharedPrefix = 'OTEL_'
const propertyPrefix = `${prefix}KAFKA_PROPERTY_`
const fileSuffix = '_FILE'

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
    description: 'Comma-separated host:port list of Kafka brokers to start from.',
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
    description: 'Most metrics in one batch.',
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
    default: 'vantage-journal',
    description:
      'Directory on a local disk for batches that Kafka does not take at the moment; empty for no journal: they are answered 503. With --dev, none unless set.',
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

/** Settings that hold a secret: their values never reach a log, a message or an answer. */
const secrets: ReadonlySet<string> = new Set(['apiKey', 'apiKeys', 'kafkaSaslPassword', 'kafkaSaslToken'])

export type Config = Readonly<Static<typeof configSchema>> & {
  /** librdkafka properties passed through, by their own names such as `security.protocol`. */
  readonly kafkaProperties: Readonly<Record<string, string>>
}

export type ParsedConfig = { config: Config; warnings: string[]; mistakes: string[] }

/** librdkafka properties whose values are shown to nobody: those of its login and keys, and whatever is named like one. */
const secretProperty = /^(?:sasl|ssl)\.|password|secret|token|key/

/** Each setting by its environment variable, as it may be shown to anybody: of a secret only whether it is set. */
export function describeConfig(config: Config): Record<string, unknown> {
  const values: Readonly<Record<string, unknown>> = config
  const settings = Object.keys(schemas).map((member) => [
    variableOf(member),
    secrets.has(member) ? hidden(values[member]) : values[member],
  ])
  const properties = Object.entries(config.kafkaProperties).map(([name, value]) => [
    propertyPrefix + name.replaceAll('.', '_').toUpperCase(),
    secretProperty.test(name) ? hidden(value) : value,
  ])
  return Object.fromEntries([...settings, ...properties])
}

function hidden(value: unknown): string {
  return value === '' ? '' : '(set)'
}

/** A digest of the settings as they may be shown: collectors that are configured alike have the same. */
export function fingerprintOf(config: Config): string {
  const { VANTAGE_API_PORT: _, ...settings } = describeConfig(config)
  return createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 12)
}

type Setting = { value: unknown; text: string }
type Settings = Record<string, Setting>

const schemas: Record<string, TSchema> = configSchema.properties
const memberOfVariable = new Map(Object.keys(schemas).map((member) => [variableOf(member), member]))

/** The environment variable of a setting: `ackTimeoutMs` is `VANTAGE_ACK_TIMEOUT_MS`. */
export function variableOf(member: string): string {
  const name = member.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()
  return name.startsWith(sharedPrefix) ? name : prefix + name
}

/**
 * Reads the configuration from environment variables. Never throws on a wrong value: `mistakes` has one line for each,
 * and the caller must not use `config` unless it is empty. `warnings` name variables with the prefix that nothing
 * reads.
 */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): ParsedConfig {
  const warnings: string[] = []
  const mistakes: string[] = []
  const settings: Settings = {}
  const kafkaProperties: Record<string, string> = {}
  const names = new Map<string, string>()

  for (const [name, untrimmed] of Object.entries(env)) {
    const isOurs = name.startsWith(prefix) || memberOfVariable.has(name)
    // Of a value, as of a file, what stands around it is no part: what made it may have ended it with a newline.
    const text = untrimmed?.trim()
    // Compose files pass on what is not set as an empty text.
    const leftToFile = text === '' && env[name + fileSuffix] !== undefined
    if (!isOurs || text === undefined || leftToFile) continue
    const source = locate(name)
    if (source === undefined) {
      warnings.push(`${name} is not a setting of this version and is ignored; --help lists them all`)
      continue
    }
    const target = source.property ?? source.member
    const other = names.get(target)
    if (other !== undefined) mistakes.push(`${other} and ${name} set the same; only one of them may be there`)
    names.set(target, name)
    const value = source.fromFile ? readSecret(name, text, mistakes) : text
    if (value === undefined) continue
    if (source.property !== undefined) kafkaProperties[source.property] = value
    else if (!name.startsWith(sharedPrefix)) settings[source.member] = readSetting(source.member, value)
    else if (value !== '') readShared(name, source.member, value, settings, warnings)
  }

  const config = withDefaults(settings)
  mistakes.push(...check(config, settings), ...checkTogether(config, kafkaProperties))
  if (mistakes.length === 0) warnings.push(...doubtful(config, kafkaProperties))
  return {
    config: Object.freeze({ ...config, kafkaProperties: Object.freeze(kafkaProperties) }),
    warnings,
    mistakes,
  }
}

function readSetting(member: string, text: string): Setting {
  return { text, value: coerce(schemas[member], text) }
}

/** Such a variable is set for many programs, of which some may know values that this one does not: no reason not to start. */
function readShared(name: string, member: string, text: string, settings: Settings, warnings: string[]): void {
  const schema = schemas[member] ?? Type.Unknown()
  const setting = readSetting(member, text)
  if (ajv.validate(schema, setting.value)) settings[member] = setting
  else warnings.push(`${name}=${JSON.stringify(text)} is ignored; here it may be ${describeLimits(schema)}`)
}

type Source = { fromFile: boolean } & ({ property: string; member?: never } | { member: string; property?: never })

function locate(name: string): Source | undefined {
  const member = memberOfVariable.get(name)
  if (member !== undefined) return { member, fromFile: false }
  const fromFile = name.endsWith(fileSuffix)
  const base = fromFile ? name.slice(0, -fileSuffix.length) : name
  const fileMember = memberOfVariable.get(base)
  if (fileMember !== undefined) return { member: fileMember, fromFile }
  if (!base.startsWith(propertyPrefix) || base.length === propertyPrefix.length) return undefined
  return { property: base.slice(propertyPrefix.length).toLowerCase().replaceAll('_', '.'), fromFile }
}

function readSecret(name: string, path: string, mistakes: string[]): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (error) {
    mistakes.push(`${name}=${path} cannot be read: ${messageOf(error)}`)
    return undefined
  }
}

const booleans: Record<string, boolean> = {
  true: true,
  '1': true,
  yes: true,
  on: true,
  false: false,
  '0': false,
  no: false,
  off: false,
}

function coerce(schema: TSchema | undefined, text: string): unknown {
  const type = schema !== undefined && 'type' in schema ? schema.type : undefined
  if (type === 'boolean') return booleans[text.toLowerCase()] ?? text
  if ((type === 'integer' || type === 'number') && text !== '') {
    const number = Number(text)
    return Number.isNaN(number) ? text : number
  }
  return text
}

function withDefaults(settings: Settings): Static<typeof configSchema> {
  const members = Object.entries(schemas).map(([member, schema]) => [
    member,
    settings[member] === undefined ? defaultOf(schema) : settings[member].value,
  ])
  return Object.fromEntries(members)
}

/** The default of one setting's schema. */
export function defaultOf(schema: TSchema): unknown {
  return 'default' in schema ? schema.default : undefined
}

/** What one setting is for. */
export function descriptionOf(schema: TSchema): string {
  return 'description' in schema ? String(schema.description) : ''
}

const ajv = new Ajv({ allErrors: true })
const validateConfig = ajv.compile(configSchema)

function check(config: object, settings: Settings): string[] {
  if (validateConfig(config)) return []
  return (validateConfig.errors ?? []).map((error) => {
    const member = error.instancePath.slice(1)
    const text = settings[member]?.text ?? ''
    const shown = secrets.has(member) ? '(secret)' : JSON.stringify(text)
    return `${variableOf(member)}=${shown} ${allowed(schemas[member], error)}${serviceLinkHint(member, text)}`
  })
}

/** Kubernetes tells a pod of each service around it, under names that begin as the service's does. */
function serviceLinkHint(member: string, text: string): string {
  if (!/^(?:tcp|udp|sctp):\/\//.test(text)) return ''
  const service = variableOf(member)
    .replace(/_PORT$/, '')
    .toLowerCase()
    .replaceAll('_', '-')
  return `; Kubernetes sets this variable where a service is named ${service}: set enableServiceLinks: false for the pod`
}

function allowed(schema: TSchema | undefined, error: ErrorObject): string {
  const limits = schema === undefined ? '' : describeLimits(schema)
  return limits === '' ? (error.message ?? 'is not allowed') : `is not allowed; it must be ${limits}`
}

/** What a setting's value may be, in words: "an integer from 0 to 65535". */
export function describeLimits(schema: TSchema): string {
  const limits: Record<string, unknown> = { ...schema }
  if (Array.isArray(limits.enum)) return `one of ${limits.enum.join(', ')}`
  if (limits.type === 'boolean') return 'true or false'
  if (limits.type === 'string') {
    if (limits.pattern !== undefined) return `text matching ${limits.pattern}`
    return limits.maxLength !== undefined ? `text of at most ${limits.maxLength} characters` : 'text'
  }
  const noun = limits.type === 'integer' ? 'an integer' : 'a number'
  const lower = limits.exclusiveMinimum !== undefined ? ` above ${limits.exclusiveMinimum}` : ` from ${limits.minimum}`
  return `${noun}${lower}${limits.maximum === undefined ? '' : ` to ${limits.maximum}`}`
}

const late = 'what librdkafka gave up would be sent twice; VANTAGE_ACK_TIMEOUT_MS says what is late'

/** librdkafka properties that would break the promise of a 202, and what to use instead. */
const reservedProperties: Record<string, string> = {
  'bootstrap.servers': 'use VANTAGE_KAFKA_BOOTSTRAP_SERVERS',
  'metadata.broker.list': 'use VANTAGE_KAFKA_BOOTSTRAP_SERVERS',
  'compression.type': 'use VANTAGE_KAFKA_COMPRESSION_TYPE',
  'compression.codec': 'use VANTAGE_KAFKA_COMPRESSION_TYPE',
  'linger.ms': 'use VANTAGE_KAFKA_LINGER_MS',
  'queue.buffering.max.ms': 'use VANTAGE_KAFKA_LINGER_MS',
  acks: 'use VANTAGE_KAFKA_ACKS',
  'request.required.acks': 'use VANTAGE_KAFKA_ACKS',
  'enable.idempotence': 'it follows VANTAGE_KAFKA_ACKS',
  'message.timeout.ms': late,
  'delivery.timeout.ms': late,
  'message.send.max.retries': late,
  retries: late,
  'delivery.report.only.error': 'delivery relies on it',
  debug: 'what librdkafka logs is not kept',
  'transactional.id': 'the collector does not use transactions',
}

/** The variable that passes a property of librdkafka through. */
export function propertyVariable(name: string): string {
  return propertyPrefix + name.replaceAll('.', '_').toUpperCase()
}

function checkTogether(config: Static<typeof configSchema>, properties: Record<string, string>): string[] {
  const mistakes = Object.keys(properties)
    .filter((name) => reservedProperties[name] !== undefined)
    .map((name) => `${propertyVariable(name)} may not be set: ${reservedProperties[name]}`)
  mistakes.push(
    ...serverMistakes('VANTAGE_KAFKA_BOOTSTRAP_SERVERS', config.kafkaBootstrapServers, protocolOf(config, properties)),
  )
  if (config.kafkaRecordFormat === 'ndjson' && config.kafkaPartitionKey === 'series') {
    mistakes.push(
      'VANTAGE_KAFKA_PARTITION_KEY=series needs VANTAGE_KAFKA_RECORD_FORMAT=metric: a batch has many series',
    )
  }
  if (config.durability === 'journal' && config.journalDir === '') {
    mistakes.push('VANTAGE_DURABILITY=journal needs VANTAGE_JOURNAL_DIR')
  }
  if (config.deadLetterInvalid === true && config.kafkaDeadLetterTopic === '') {
    mistakes.push('VANTAGE_DEAD_LETTER_INVALID=true needs VANTAGE_KAFKA_DEAD_LETTER_TOPIC')
  }
  if (config.kafkaDeadLetterTopic === config.kafkaTopic) {
    mistakes.push('VANTAGE_KAFKA_DEAD_LETTER_TOPIC must be another topic than VANTAGE_KAFKA_TOPIC')
  }
  for (const origin of wrongOrigins(config.corsOrigins)) {
    mistakes.push(
      `VANTAGE_CORS_ORIGINS="${origin}" is not allowed; it must be *, or origins as browsers send them: scheme://host:port in lower case, without the scheme's own port and without a path`,
    )
  }
  if (config.corsCredentials === true && originsOf(config.corsOrigins).includes('*')) {
    mistakes.push(
      'VANTAGE_CORS_CREDENTIALS=true needs origins by name in VANTAGE_CORS_ORIGINS: browsers refuse * with it',
    )
  }
  if (config.apiKey !== '' && !isSendable(config.apiKey)) {
    mistakes.push(
      'VANTAGE_API_KEY=(secret) is not allowed; it must be 1 to 1024 letters, digits and signs of ASCII without spaces: no other can be sent as a Bearer token',
    )
  }
  const { keys, mistakes: wrongKeys } = parseApiKeys(config.apiKeys)
  mistakes.push(...wrongKeys.map((mistake) => `VANTAGE_API_KEYS is not allowed: ${mistake}`))
  if (config.authEnabled === true && config.apiKey === '' && keys.length === 0 && wrongKeys.length === 0) {
    mistakes.push('VANTAGE_AUTH_ENABLED=true needs VANTAGE_API_KEY_FILE or VANTAGE_API_KEYS_FILE')
  }
  const { mistakes: wrongProxies } = parseProxies(config.trustedProxies)
  for (const entry of wrongProxies) {
    mistakes.push(`VANTAGE_TRUSTED_PROXIES="${entry}" is not allowed; it must be addresses or networks`)
  }
  if (config.rateLimitEnabled === true) mistakes.push(...checkRateLimits(config))
  mistakes.push(...checkTls(config), ...checkKafkaSecurity(config, properties))
  return mistakes
}

function checkRateLimits(config: Static<typeof configSchema>): string[] {
  const { rateLimitRequests, rateLimitMetrics, maxBatchSize } = config
  if (rateLimitRequests === 0 && rateLimitMetrics === 0) {
    return ['VANTAGE_RATE_LIMIT_ENABLED=true needs VANTAGE_RATE_LIMIT_REQUESTS or VANTAGE_RATE_LIMIT_METRICS above 0']
  }
  if (rateLimitMetrics > 0 && rateLimitMetrics < maxBatchSize) {
    return [
      `VANTAGE_RATE_LIMIT_METRICS=${rateLimitMetrics} is less than VANTAGE_MAX_BATCH_SIZE: a batch could never pass`,
    ]
  }
  return []
}

function checkTls(config: Static<typeof configSchema>): string[] {
  const { tlsCertFile, tlsKeyFile, tlsCaFile } = config
  if (tlsCaFile !== '' && tlsCertFile === '' && tlsKeyFile === '') {
    return ['VANTAGE_TLS_CA_FILE needs VANTAGE_TLS_CERT_FILE and VANTAGE_TLS_KEY_FILE']
  }
  const [cert, key, ca] = [pemFile('tlsCertFile', config), pemFile('tlsKeyFile', config), pemFile('tlsCaFile', config)]
  return [...identityMistakes(cert, key), ...caMistakes(ca)]
}

function pemFile<K extends string>(member: K, config: Record<K, string>): PemFile {
  return { variable: variableOf(member), path: config[member] }
}

function checkKafkaSecurity(config: Static<typeof configSchema>, properties: Record<string, string>): string[] {
  const cert = pemFile('kafkaSslCertFile', config)
  const key = pemFile('kafkaSslKeyFile', config)
  // Whose passphrase is passed through to librdkafka, only librdkafka can read.
  const identity = 'ssl.key.password' in properties ? [] : identityMistakes(cert, key)
  return [...identity, ...caMistakes(pemFile('kafkaSslCaFile', config)), ...checkSasl(config, properties)]
}

/** Properties that are passed through win. */
function protocolOf(config: Static<typeof configSchema>, properties: Record<string, string>): string {
  return (properties['security.protocol'] ?? config.kafkaSecurityProtocol).toLowerCase()
}

function checkSasl(config: Static<typeof configSchema>, properties: Record<string, string>): string[] {
  const { kafkaSecurityProtocol, kafkaSaslMechanism, kafkaSaslUsername, kafkaSaslPassword, kafkaSaslToken } = config
  // Who passes librdkafka's own properties through knows what he does.
  const passedThrough = Object.keys(properties).some((name) => /^(?:enable\.)?sasl\./.test(name))
  if (!kafkaSecurityProtocol.startsWith('sasl') || passedThrough) return []
  const needs = `VANTAGE_KAFKA_SECURITY_PROTOCOL=${kafkaSecurityProtocol} needs`
  if (kafkaSaslMechanism === 'OAUTHBEARER')
    return kafkaSaslToken === '' ? [`${needs} VANTAGE_KAFKA_SASL_TOKEN_FILE`] : []
  if (kafkaSaslUsername !== '' && kafkaSaslPassword !== '') return []
  return [`${needs} VANTAGE_KAFKA_SASL_USERNAME and VANTAGE_KAFKA_SASL_PASSWORD_FILE`]
}

/** Settings that do not do what whoever set them may believe. */
function doubtful(config: Static<typeof configSchema>, properties: Record<string, string>): string[] {
  const { authEnabled, apiKey, apiKeys, tlsCertFile } = config
  const doubts: string[] = []
  if (!authEnabled && (apiKey !== '' || apiKeys !== '')) {
    doubts.push('API keys are set, but nobody has to send one: VANTAGE_AUTH_ENABLED is false')
  }
  if (tlsCertFile !== '') {
    const expiry = certificateExpiry(tlsCertFile)
    if (expiry.getTime() < Date.now()) {
      doubts.push(`VANTAGE_TLS_CERT_FILE=${tlsCertFile} has expired: ${expiry.toISOString()}`)
    }
  }
  const protocol = protocolOf(config, properties)
  const unused = [
    ...(protocol.includes('sasl') ? [] : (['kafkaSaslUsername', 'kafkaSaslPassword', 'kafkaSaslToken'] as const)),
    ...(protocol.includes('ssl') ? [] : (['kafkaSslCaFile', 'kafkaSslCertFile'] as const)),
  ].filter((member) => config[member] !== '')
  for (const member of unused) {
    doubts.push(`${variableOf(member)} is set, but not used: VANTAGE_KAFKA_SECURITY_PROTOCOL is ${protocol}`)
  }
  return doubts
}
