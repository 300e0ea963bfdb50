import { Ajv, type ErrorObject } from 'ajv'
import type { TSchema } from 'typebox'
import { isSendable, parseApiKeys } from './api-keys.js'
import { serverMistakes } from './bootstrap-servers.js'
import { describeLimits } from './describe.js'
import { originsOf, wrongOrigins } from './origins.js'
import { parseProxies } from './proxies.js'
import type { Reading } from './read.js'
import { type ConfigValues, configSchema, defaultOf, schemas, secrets } from './schema.js'
import { caMistakes, identityMistakes, type PemFile } from './tls-files.js'
import { isShared, propertyVariable, variableOf } from './variables.js'

type Properties = Readonly<Record<string, string>>

const ajv = new Ajv({ allErrors: true })
const isValid = ajv.compile<ConfigValues>(configSchema)

/**
 * The value of each setting, where it is set and allowed, and else its default: what this returns is valid whatever was
 * read. Each value that is not allowed is a mistake, or a warning where its variable is set for other programs, too.
 */
export function checkValues({ settings }: Pick<Reading, 'settings'>): {
  values: ConfigValues
  warnings: string[]
  mistakes: string[]
} {
  const values: Record<string, unknown> = {}
  for (const [member, schema] of Object.entries(schemas)) {
    values[member] = settings.has(member) ? settings.get(member)?.value : defaultOf(schema)
  }
  const warnings: string[] = []
  const mistakes: string[] = []
  const errors = isValid(values) ? [] : (isValid.errors ?? [])
  for (const error of errors) {
    const member = error.instancePath.slice(1)
    const schema = schemas[member] ?? configSchema
    const { variable = '', text = '' } = settings.get(member) ?? {}
    if (isShared(variable))
      warnings.push(`${variable}=${JSON.stringify(text)} is ignored; here it may be ${describeLimits(schema)}`)
    else mistakes.push(describeMistake(member, schema, text, error))
    values[member] = defaultOf(schema)
  }
  if (!isValid(values)) throw new Error('a default of the configuration is not allowed by its own schema')
  return { values, warnings, mistakes }
}

function describeMistake(member: string, schema: TSchema, text: string, error: ErrorObject): string {
  const shown = secrets.has(member) ? '(secret)' : JSON.stringify(text)
  return `${variableOf(member)}=${shown} ${allowed(schema, error)}${serviceLinkHint(member, text)}`
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

function allowed(schema: TSchema, error: ErrorObject): string {
  const limits = describeLimits(schema)
  return limits === '' ? (error.message ?? 'is not allowed') : `is not allowed; it must be ${limits}`
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

/** What settings that are allowed each by itself do not allow together; a line for each mistake. */
export function checkTogether(config: ConfigValues, properties: Properties): string[] {
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
  if (config.deadLetterInvalid && config.kafkaDeadLetterTopic === '') {
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
  if (config.corsCredentials && originsOf(config.corsOrigins).includes('*')) {
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
  if (config.authEnabled && config.apiKey === '' && keys.length === 0 && wrongKeys.length === 0) {
    mistakes.push('VANTAGE_AUTH_ENABLED=true needs VANTAGE_API_KEY_FILE or VANTAGE_API_KEYS_FILE')
  }
  const { mistakes: wrongProxies } = parseProxies(config.trustedProxies)
  for (const entry of wrongProxies) {
    mistakes.push(`VANTAGE_TRUSTED_PROXIES="${entry}" is not allowed; it must be addresses or networks`)
  }
  if (config.rateLimitEnabled) mistakes.push(...checkRateLimits(config))
  mistakes.push(...checkTls(config), ...checkKafkaSecurity(config, properties))
  return mistakes
}

function checkRateLimits(config: ConfigValues): string[] {
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

function checkTls(config: ConfigValues): string[] {
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

function checkKafkaSecurity(config: ConfigValues, properties: Properties): string[] {
  const cert = pemFile('kafkaSslCertFile', config)
  const key = pemFile('kafkaSslKeyFile', config)
  // Whose passphrase is passed through to librdkafka, only librdkafka can read.
  const identity = 'ssl.key.password' in properties ? [] : identityMistakes(cert, key)
  return [...identity, ...caMistakes(pemFile('kafkaSslCaFile', config)), ...checkSasl(config, properties)]
}

/** How the brokers are spoken to: properties that are passed through win. */
export function protocolOf(config: ConfigValues, properties: Properties): string {
  return (properties['security.protocol'] ?? config.kafkaSecurityProtocol).toLowerCase()
}

function checkSasl(config: ConfigValues, properties: Properties): string[] {
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
