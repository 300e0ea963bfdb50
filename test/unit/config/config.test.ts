import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { parseConfig } from '../../../lib/config/config.js'
import { configSchema } from '../../../lib/config/schema.js'
import { variableOf } from '../../../lib/config/variables.js'

test('without variables the defaults hold, and they are frozen', async (t) => {
  const { config, warnings, mistakes } = parseConfig({ HOME: '/root' })
  t.same([warnings, mistakes], [[], []])
  t.match(config, { apiHost: '0.0.0.0', apiPort: 8000, kafkaTopic: 'metrics-raw', kafkaCompressionType: 'gzip' })
  t.match(config, { maxBatchSize: 1000, maxRequestSizeMb: 10, kafkaAcks: 'all', debug: false, corsEnabled: true })
  t.ok(Object.isFrozen(config) && Object.isFrozen(config.kafkaProperties))
})

test('variables set values of their type', async (t) => {
  const { config, mistakes } = parseConfig({
    VANTAGE_API_PORT: '9000',
    VANTAGE_DEBUG: 'TRUE',
    VANTAGE_CORS_ENABLED: '0',
    VANTAGE_KAFKA_LINGER_MS: '0.5',
    VANTAGE_KAFKA_ACKS: '1',
  })
  t.same(mistakes, [])
  t.match(config, { apiPort: 9000, debug: true, corsEnabled: false, kafkaLingerMs: 0.5, kafkaAcks: '1' })
})

const wrong: [variable: string, value: string, mistake: string][] = [
  ['VANTAGE_API_PORT', 'http', 'VANTAGE_API_PORT="http" is not allowed; it must be an integer from 0 to 65535'],
  ['VANTAGE_API_PORT', '70000', 'VANTAGE_API_PORT="70000" is not allowed; it must be an integer from 0 to 65535'],
  ['VANTAGE_API_PORT', '', 'VANTAGE_API_PORT="" is not allowed; it must be an integer from 0 to 65535'],
  ['VANTAGE_DEBUG', 'maybe', 'VANTAGE_DEBUG="maybe" is not allowed; it must be true or false'],
  ['VANTAGE_KAFKA_ACKS', '0', 'VANTAGE_KAFKA_ACKS="0" is not allowed; it must be one of all, 1'],
  [
    'VANTAGE_KAFKA_TOPIC',
    'a/b',
    'VANTAGE_KAFKA_TOPIC="a/b" is not allowed; it must be text matching ^[A-Za-z0-9._-]{1,249}$',
  ],
  [
    'VANTAGE_MAX_REQUEST_SIZE_MB',
    '0',
    'VANTAGE_MAX_REQUEST_SIZE_MB="0" is not allowed; it must be a number above 0 to 1024',
  ],
  ['VANTAGE_DEAD_LETTER_INVALID', 'true', 'VANTAGE_DEAD_LETTER_INVALID=true needs VANTAGE_KAFKA_DEAD_LETTER_TOPIC'],
  ['VANTAGE_MAX_AGE_HOURS', '-1', 'VANTAGE_MAX_AGE_HOURS="-1" is not allowed; it must be a number from 0'],
  [
    'VANTAGE_ENVIRONMENT',
    'x'.repeat(51),
    `VANTAGE_ENVIRONMENT="${'x'.repeat(51)}" is not allowed; it must be text of at most 50 characters`,
  ],
]

for (const [variable, value, mistake] of wrong) {
  test(`a wrong value is one line that says what is allowed: ${variable}=${value.slice(0, 10)}`, async (t) => {
    t.same(parseConfig({ [variable]: value }).mistakes, [mistake])
  })
}

test('white space around a value is no part of it, as where a Secret was made with echo', async (t) => {
  const { config, warnings, mistakes } = parseConfig({
    VANTAGE_API_PORT: ' 9000\r\n',
    VANTAGE_AUTH_ENABLED: 'true\n',
    VANTAGE_API_KEY: 'hush\n',
    VANTAGE_JOURNAL_DIR: '/journal\n',
    VANTAGE_KAFKA_ACKS: 'all\n',
    VANTAGE_KAFKA_TOPIC: '\tmetrics\n',
    VANTAGE_KAFKA_BOOTSTRAP_SERVERS: 'kafka:9092\n',
    VANTAGE_KAFKA_PROPERTY_SASL_PASSWORD: 'hush hush \n',
    OTEL_TRACES_SAMPLER: 'always_on\n',
  })
  t.same([warnings, mistakes], [[], []])
  t.match(config, { apiPort: 9000, apiKey: 'hush', journalDir: '/journal', kafkaAcks: 'all', kafkaTopic: 'metrics' })
  t.match(config, { kafkaBootstrapServers: 'kafka:9092', otelTracesSampler: 'always_on' })
  t.same(config.kafkaProperties, { 'sasl.password': 'hush hush' })
})

test('a value of nothing but white space is an empty one', async (t) => {
  const { config, mistakes } = parseConfig({
    VANTAGE_JOURNAL_DIR: ' \n',
    VANTAGE_AUTH_ENABLED: 'true',
    VANTAGE_API_KEY: '\n',
  })
  t.equal(config.journalDir, '')
  t.same(mistakes, ['VANTAGE_AUTH_ENABLED=true needs VANTAGE_API_KEY_FILE or VANTAGE_API_KEYS_FILE'])
})

test('a variable that Kubernetes has set for a service of that name is a mistake that says so', async (t) => {
  const links = {
    VANTAGE_API_PORT: 'tcp://10.0.0.7:8000',
    VANTAGE_API_PORT_8000_TCP_PROTO: 'tcp',
    VANTAGE_API_SERVICE_HOST: '10.0.0.7',
  }
  t.same(parseConfig(links).mistakes, [
    'VANTAGE_API_PORT="tcp://10.0.0.7:8000" is not allowed; it must be an integer from 0 to 65535; ' +
      'Kubernetes sets this variable where a service is named vantage-api: set enableServiceLinks: false for the pod',
  ])
  t.notMatch(parseConfig({ VANTAGE_API_PORT: 'http://10.0.0.7' }).mistakes, [/Kubernetes/])
})

for (const servers of ['', ',,', 'kafka:9092,', 'http://kafka:9092', 'kafka:99999', 'kafka:0', 'kafka:', '::1:9092']) {
  test(`brokers that could not be found are a mistake: "${servers}"`, async (t) => {
    t.same(parseConfig({ VANTAGE_KAFKA_BOOTSTRAP_SERVERS: servers }).mistakes, [
      `VANTAGE_KAFKA_BOOTSTRAP_SERVERS="${servers}" is not allowed; it must be HOST:PORT,... with ports from 1 to 65535, IPv6 addresses in brackets`,
    ])
  })
}

test('brokers are named as librdkafka takes them', async (t) => {
  for (const servers of ['kafka', 'kafka-1:9092, kafka_2:9092', '[::1]:9092,[fe80::1]', 'PLAINTEXT://10.0.0.1:1']) {
    t.same(parseConfig({ VANTAGE_KAFKA_BOOTSTRAP_SERVERS: servers }).mistakes, [], servers)
  }
  const tls = { VANTAGE_KAFKA_BOOTSTRAP_SERVERS: 'kafka:9092,SSL://kafka:9093' }
  t.same(parseConfig({ ...tls, VANTAGE_KAFKA_SECURITY_PROTOCOL: 'ssl' }).mistakes, [])
  t.same(parseConfig(tls).mistakes, [
    'VANTAGE_KAFKA_BOOTSTRAP_SERVERS="kafka:9092,SSL://kafka:9093" needs VANTAGE_KAFKA_SECURITY_PROTOCOL=ssl',
  ])
})

test('every mistake is told at once', async (t) => {
  t.equal(parseConfig({ VANTAGE_API_PORT: 'x', VANTAGE_DEBUG: 'y', VANTAGE_AUTH_ENABLED: 'true' }).mistakes.length, 3)
})

test('an unknown variable with the prefix is a warning', async (t) => {
  const { warnings, mistakes } = parseConfig({ VANTAGE_KAFKA_TOPICS: 'a', VANTAGE_KAFKA_PROPERTY_: 'b' })
  t.same(mistakes, [])
  t.match(warnings, [/^VANTAGE_KAFKA_TOPICS is not a setting/, /^VANTAGE_KAFKA_PROPERTY_ is not a setting/])
})

test('librdkafka properties pass through by name, except those that would break the promise of a 202', async (t) => {
  const { config, mistakes } = parseConfig({
    VANTAGE_KAFKA_PROPERTY_security_protocol: 'ssl',
    VANTAGE_KAFKA_PROPERTY_BATCH_SIZE: '5',
    VANTAGE_KAFKA_PROPERTY_enable_idempotence: 'false',
    VANTAGE_KAFKA_PROPERTY_MESSAGE_TIMEOUT_MS: '500',
  })
  t.match(config.kafkaProperties, { 'security.protocol': 'ssl', 'batch.size': '5' })
  t.match(mistakes, [
    'VANTAGE_KAFKA_PROPERTY_ENABLE_IDEMPOTENCE may not be set: it follows VANTAGE_KAFKA_ACKS',
    /^VANTAGE_KAFKA_PROPERTY_MESSAGE_TIMEOUT_MS may not be set: what librdkafka gave up would be sent twice/,
  ])
})

test('secrets come from files, too, and are never shown', async (t) => {
  const file = join(t.testdir(), 'key')
  writeFileSync(file, 'hush\n')
  const { config, mistakes } = parseConfig({
    VANTAGE_AUTH_ENABLED: 'true',
    VANTAGE_API_KEY_FILE: file,
    VANTAGE_KAFKA_PROPERTY_SASL_PASSWORD_FILE: file,
  })
  t.same(mistakes, [])
  t.equal(config.apiKey, 'hush')
  t.same(config.kafkaProperties, { 'sasl.password': 'hush' })
})

const twice: [one: string, other: string][] = [
  ['VANTAGE_API_KEY', 'VANTAGE_API_KEY_FILE'],
  ['VANTAGE_KAFKA_SASL_PASSWORD_FILE', 'VANTAGE_KAFKA_SASL_PASSWORD'],
  ['VANTAGE_KAFKA_PROPERTY_SASL_PASSWORD', 'VANTAGE_KAFKA_PROPERTY_SASL_PASSWORD_FILE'],
  ['VANTAGE_KAFKA_PROPERTY_batch_size', 'VANTAGE_KAFKA_PROPERTY_BATCH_SIZE'],
]

for (const [one, other] of twice) {
  test(`of two values for the same setting none is taken silently: ${one}, ${other}`, async (t) => {
    const file = join(t.testdir(), 'value')
    writeFileSync(file, '5\n')
    const mistake = `${one} and ${other} set the same; only one of them may be there`
    t.same(parseConfig({ [one]: file, [other]: file }).mistakes, [mistake])
  })
}

test('an empty value leaves a setting to its file, whichever comes first', async (t) => {
  const file = join(t.testdir(), 'key')
  writeFileSync(file, 'hush\n')
  for (const env of [
    { VANTAGE_API_KEY: '', VANTAGE_API_KEY_FILE: file },
    { VANTAGE_API_KEY_FILE: file, VANTAGE_API_KEY: '' },
  ]) {
    const { config, mistakes } = parseConfig(env)
    t.same(mistakes, [])
    t.equal(config.apiKey, 'hush')
  }
})

test('a file that cannot be read is a mistake that names it', async (t) => {
  const [mistake] = parseConfig({ VANTAGE_API_KEY_FILE: '/nowhere' }).mistakes
  t.match(mistake, /^VANTAGE_API_KEY_FILE=\/nowhere cannot be read: ENOENT/)
})

test('authentication without a key is a mistake', async (t) => {
  const { mistakes } = parseConfig({ VANTAGE_AUTH_ENABLED: 'true' })
  t.same(mistakes, ['VANTAGE_AUTH_ENABLED=true needs VANTAGE_API_KEY_FILE or VANTAGE_API_KEYS_FILE'])
})

const unsendable = {
  'that is not ASCII': 'schlüssel',
  'of another script': 'ключ',
  'with a space': 'open sesame',
  'with a tab': 'open\tsesame',
  'with a line break': 'open\nsesame',
  'with a control character': 'open\u007fsesame',
  'that is longer than headers may be': 'x'.repeat(1025),
}

for (const [what, key] of Object.entries(unsendable)) {
  test(`a key that no client can send is a mistake that does not show it: one ${what}`, async (t) => {
    const { mistakes } = parseConfig({ VANTAGE_AUTH_ENABLED: 'true', VANTAGE_API_KEY: key })
    t.equal(mistakes.length, 1)
    t.match(mistakes[0], /^VANTAGE_API_KEY=\(secret\) is not allowed; it must be 1 to 1024 letters/)
    t.notMatch(mistakes[0], key)
  })
}

test('a key may have any sign that a header may have', async (t) => {
  const signs = Array.from({ length: 94 }, (_, n) => String.fromCharCode(0x21 + n)).join('')
  t.same(parseConfig({ VANTAGE_AUTH_ENABLED: 'true', VANTAGE_API_KEY: signs }).mistakes, [])
})

const noOrigins = [
  'example.com',
  'https://a.example/',
  'https://a.example:443',
  'https://A.example',
  'https://*.example',
  'file://',
]

for (const origin of noOrigins) {
  test(`an origin that no browser sends is a mistake: ${origin}`, async (t) => {
    const { mistakes } = parseConfig({ VANTAGE_CORS_ORIGINS: `https://a.example, ${origin}` })
    t.equal(mistakes.length, 1)
    t.match(mistakes[0], `VANTAGE_CORS_ORIGINS="${origin}" is not allowed; it must be *, or origins`)
  })
}

test('origins are those of pages and of apps, and empty ones do not count', async (t) => {
  const listed = 'https://a.example,http://localhost:3000,http://[::1]:3000,capacitor://localhost,'
  t.same(parseConfig({ VANTAGE_CORS_ORIGINS: listed }).mistakes, [])
  t.same(parseConfig({ VANTAGE_CORS_ORIGINS: '' }).mistakes, [])
})

test('CORS with credentials for any origin is a mistake', async (t) => {
  const { mistakes } = parseConfig({ VANTAGE_CORS_CREDENTIALS: 'true' })
  t.match(mistakes, [/^VANTAGE_CORS_CREDENTIALS=true needs origins by name in VANTAGE_CORS_ORIGINS/])
  t.same(parseConfig({ VANTAGE_CORS_CREDENTIALS: 'true', VANTAGE_CORS_ORIGINS: 'https://a.example' }).mistakes, [])
})

test('rate limits that could not work are mistakes', async (t) => {
  const none = parseConfig({ VANTAGE_RATE_LIMIT_ENABLED: 'true', VANTAGE_RATE_LIMIT_REQUESTS: '0' })
  t.match(none.mistakes, [/needs VANTAGE_RATE_LIMIT_REQUESTS or VANTAGE_RATE_LIMIT_METRICS above 0$/])
  const few = parseConfig({ VANTAGE_RATE_LIMIT_ENABLED: 'true', VANTAGE_RATE_LIMIT_METRICS: '999' })
  t.match(few.mistakes, [/^VANTAGE_RATE_LIMIT_METRICS=999 is less than VANTAGE_MAX_BATCH_SIZE/])
})

test('keys that nobody has to send are a warning', async (t) => {
  const { warnings, mistakes } = parseConfig({ VANTAGE_API_KEY: 'hush' })
  t.same(mistakes, [])
  t.same(warnings, ['API keys are set, but nobody has to send one: VANTAGE_AUTH_ENABLED is false'])
})

test('a wrong line of the keys is a mistake that does not show it', async (t) => {
  const { mistakes } = parseConfig({ VANTAGE_AUTH_ENABLED: 'true', VANTAGE_API_KEYS: '# mine\nname:hush' })
  t.same(mistakes, ['VANTAGE_API_KEYS is not allowed: line 2: the SHA-256 must be 64 hexadecimal digits'])
})

test("OpenTelemetry's variables are read by its names, and what is not known here is a warning", async (t) => {
  const known = parseConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel:4318', OTEL_TRACES_SAMPLER_ARG: '0.5' })
  t.match(known.config, { otelExporterOtlpEndpoint: 'http://otel:4318', otelTracesSamplerArg: 0.5 })
  const others = {
    OTEL_TRACES_SAMPLER: 'jaeger_remote',
    OTEL_TRACES_SAMPLER_ARG: 'rate=1',
    OTEL_EXPORTER_OTLP_ENDPOINT: '',
  }
  const { config, warnings, mistakes } = parseConfig(others)
  t.same(mistakes, [])
  t.match(config, { otelTracesSampler: 'parentbased_traceidratio', otelTracesSamplerArg: 0.01 })
  t.match(warnings, [
    /^OTEL_TRACES_SAMPLER="jaeger_remote" is ignored; here it may be one of always_on/,
    /^OTEL_TRACES_SAMPLER_ARG="rate=1" is ignored; here it may be a number from 0 to 1/,
  ])
})

test('the variables have the names that the original service gave them', async (t) => {
  const variables = Object.keys(configSchema.properties).map(variableOf)
  for (const name of ['API_HOST', 'API_PORT', 'KAFKA_BOOTSTRAP_SERVERS', 'KAFKA_TOPIC', 'KAFKA_COMPRESSION_TYPE']) {
    t.ok(variables.includes(`VANTAGE_${name}`), name)
  }
  for (const name of ['MAX_BATCH_SIZE', 'MAX_REQUEST_SIZE_MB', 'CORS_ORIGINS', 'ACK_TIMEOUT_MS', 'SERVICE_NAME']) {
    t.ok(variables.includes(`VANTAGE_${name}`), name)
  }
})

test('a key a series cannot be had with a record a batch', async (t) => {
  const series = { VANTAGE_KAFKA_PARTITION_KEY: 'series' }
  t.same(parseConfig(series).mistakes, [])
  t.match(parseConfig({ ...series, VANTAGE_KAFKA_RECORD_FORMAT: 'ndjson' }).mistakes, [
    /^VANTAGE_KAFKA_PARTITION_KEY=series needs VANTAGE_KAFKA_RECORD_FORMAT=metric/,
  ])
})
