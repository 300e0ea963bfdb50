import { gzipSync } from 'node:zlib'
import protobuf from 'protobufjs'
import { test } from 'tap'
import { batchOf } from '../../../../../tools/batches.js'
import { startCollector } from '../../../../../tools/collector.js'
import { startMockKafka } from '../../../../support/mock-kafka.js'
import { exportRequest, protobufType } from '../../../../support/protobuf.js'
import { readTopic } from '../../../../support/read-topic.js'

const requestType = exportRequest()
const responseType = protobufType(
  'opentelemetry/proto/collector/metrics/v1/metrics_service.proto',
  'opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceResponse',
)
/** google/rpc/status.proto, without its details. */
const statusType = protobuf
  .parse('syntax = "proto3"; message Status { int32 code = 1; string message = 2; }')
  .root.lookupType('Status')

const json = 'application/json'
const protobufMediaType = 'application/x-protobuf'

/** An export request with a gauge of so many points, numbered. */
function requestOf(points: number, { first = 0, name = 'orders' } = {}) {
  const dataPoints = Array.from({ length: points }, (_, n) => ({
    timeUnixNano: '1701878400000000000',
    asInt: String(first + n),
  }))
  const attributes = [{ key: 'service.name', value: { stringValue: 'shop' } }]
  return {
    resourceMetrics: [{ resource: { attributes }, scopeMetrics: [{ metrics: [{ name, gauge: { dataPoints } }] }] }],
  }
}

const inProtobuf = (request: object) => Buffer.from(requestType.encode(requestType.fromObject(request)).finish())
const inJson = (request: object) => Buffer.from(JSON.stringify(request))

test('what is answered 200 is in the topic, in either encoding, on either route', async (t) => {
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka })
  const post = (path: string, type: string, body: Buffer, headers = {}) =>
    collector.request('POST', path, { 'Content-Type': type, ...headers }, body)

  await t.test('protobuf', async (t) => {
    for (const [n, path] of ['/v1/metrics', '/otlp/v1/metrics'].entries()) {
      const { status, text, headers } = await post(path, protobufMediaType, inProtobuf(requestOf(2, { first: 2 * n })))
      t.equal(status, 200)
      t.equal(text, '')
      t.equal(headers.get('content-type'), protobufMediaType)
      t.equal(headers.get('x-vantage-durability'), 'kafka')
    }
  })
  await t.test('JSON', async (t) => {
    for (const [n, path] of ['/v1/metrics', '/otlp/v1/metrics'].entries()) {
      const { status, text, headers } = await post(path, json, inJson(requestOf(2, { first: 4 + 2 * n })))
      t.equal(status, 200)
      t.equal(text, '{}')
      t.equal(headers.get('content-type'), json)
      t.equal(headers.get('x-vantage-durability'), 'kafka')
    }
  })
  await t.test('gzip', async (t) => {
    const body = gzipSync(inProtobuf(requestOf(1, { first: 8 })))
    t.equal((await post('/v1/metrics', protobufMediaType, body, { 'Content-Encoding': 'gzip' })).status, 200)
    const text = gzipSync(inJson(requestOf(1, { first: 9 })))
    t.equal((await post('/v1/metrics', json, text, { 'Content-Encoding': 'gzip' })).status, 200)
  })
  await t.test('empty requests', async (t) => {
    t.equal((await post('/v1/metrics', protobufMediaType, Buffer.alloc(0))).status, 200)
    t.equal((await post('/otlp/v1/metrics', json, Buffer.from('{}'))).status, 200)
    t.equal((await post('/v1/metrics', json, inJson({ resourceMetrics: [] }))).status, 200)
  })
  await t.test('Vantage JSON beside it', async (t) => {
    t.equal((await collector.post(batchOf(1, { first: 10 }))).status, 202)
    t.equal((await post('/otlp/v1/metrics', json, inJson(batchOf(1)))).status, 200, 'unknown members are ignored')
  })
  await t.test('the topic', async (t) => {
    const records = await readTopic(kafka, 11)
    const values = records.filter(({ key }) => key === 'shop').map(({ value }) => JSON.parse(value).value)
    t.same(
      values.sort((a, b) => a - b),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    )
  })
})

/** An answer's message, whatever its encoding. */
function messageIn(type: protobuf.Type, { headers, text, bytes }: Raw): Record<string, unknown> {
  if (headers.get('content-type') === json) return JSON.parse(text)
  return type.toObject(type.decode(bytes), { longs: Number })
}

type Raw = { status: number; headers: Headers; text: string; bytes: Uint8Array }

async function post(
  url: string,
  type: string,
  body: Uint8Array | string,
  headers: Record<string, string> = {},
): Promise<Raw> {
  const response = await fetch(url, { method: 'POST', headers: { 'Content-Type': type, ...headers }, body })
  const bytes = new Uint8Array(await response.arrayBuffer())
  return { status: response.status, headers: response.headers, bytes, text: Buffer.from(bytes).toString() }
}

const encodings: [mediaType: string, encode: (request: object) => Buffer][] = [
  [protobufMediaType, inProtobuf],
  [json, inJson],
]

test('a request of which a part is wrong is answered 200, and the rest of it is in the topic', async (t) => {
  const kafka = await startMockKafka(t)
  const env = { VANTAGE_MAX_AGE_HOURS: '24', VANTAGE_API_WORKERS: '1' }
  const collector = await startCollector(t, { kafka, env })
  const now = () => `${Date.now()}000000`
  for (const [mediaType, encode] of encodings) {
    await t.test(mediaType, async (t) => {
      const good = { timeUnixNano: now(), asDouble: 1.5 }
      const old = { timeUnixNano: '1701878400000000000', asInt: '1' }
      const skipped = [
        { timeUnixNano: now(), asDouble: 'NaN' },
        { timeUnixNano: now(), flags: 1 },
        { timeUnixNano: now() },
      ]
      const dataPoints = [good, old, old, ...skipped]
      const request = {
        resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'g', gauge: { dataPoints } }] }] }],
      }
      const answer = await post(`${collector.url}/v1/metrics`, mediaType, encode(request))
      t.equal(answer.status, 200)
      t.equal(answer.headers.get('x-vantage-durability'), 'kafka')
      const { partialSuccess } = messageIn(responseType, answer) as { partialSuccess: Record<string, unknown> }
      t.equal(Number(partialSuccess.rejectedDataPoints), 2)
      t.equal(
        partialSuccess.errorMessage,
        '2 of 6 points rejected: point 1 (g): it is older than 24 hours; point 2 (g): it is older than 24 hours',
      )
    })
    await t.test(`${mediaType}: all of it is wrong`, async (t) => {
      const answer = await post(`${collector.url}/v1/metrics`, mediaType, encode(requestOf(7)))
      t.equal(answer.status, 200)
      t.equal(answer.headers.get('x-vantage-durability'), null)
      const { partialSuccess } = messageIn(responseType, answer) as { partialSuccess: Record<string, unknown> }
      t.equal(Number(partialSuccess.rejectedDataPoints), 7)
      t.match(partialSuccess.errorMessage, /^7 of 7 points rejected: point 0 \(orders\): .*; \.\.\.$/)
    })
  }
  const { ingestion, ledger } = await collector.stats()
  const counted = {
    batches_received: 2,
    metrics_received: 13,
    metrics_accepted: 1,
    metrics_rejected: 9,
    metrics_skipped: 3,
  }
  t.match(ingestion.formats, { 'otlp-protobuf': counted, 'otlp-json': counted, vantage: { batches_received: 0 } })
  t.same(ingestion.rejections, { 'timestamp.age': 18 })
  t.same(ingestion.skips, { not_finite: 2, no_recorded_value: 4 })
  t.match(ledger, { received: 26, rejected: 18, skipped: 6, acknowledged: 2, difference: 0 })
  t.equal((await readTopic(kafka, 2)).length, 2)
})

test('what cannot be served is answered with a google.rpc.Status in the encoding of the request', async (t) => {
  const kafka = await startMockKafka(t)
  const env = { VANTAGE_AUTH_ENABLED: 'true', VANTAGE_API_KEY: 'secret', VANTAGE_MAX_REQUEST_SIZE_MB: '1' }
  const collector = await startCollector(t, { kafka, env: { ...env, VANTAGE_API_WORKERS: '1' }, ready: false })
  const key = { 'X-API-Key': 'secret' }
  const bomb = gzipSync(Buffer.alloc(2 ** 21))
  const cases: [
    name: string,
    body: string | Uint8Array,
    headers: Record<string, string>,
    status: number,
    code: number,
    text: string,
  ][] = [
    ['no key', '', {}, 401, 16, 'VANTAGE_API_KEY_REQUIRED'],
    ['too large', Buffer.alloc(2 ** 20 + 1), key, 413, 8, 'VANTAGE_BODY_TOO_LARGE'],
    ['a bomb', bomb, { ...key, 'Content-Encoding': 'gzip' }, 413, 8, 'VANTAGE_BODY_TOO_LARGE'],
    ['another encoding', '', { ...key, 'Content-Encoding': 'br' }, 415, 3, 'VANTAGE_UNSUPPORTED_ENCODING'],
    ['no gzip', 'x', { ...key, 'Content-Encoding': 'gzip' }, 400, 3, 'VANTAGE_INVALID_ENCODING'],
    ['what is no request', '[1', key, 400, 3, 'VANTAGE_INVALID_'],
  ]
  for (const mediaType of [protobufMediaType, json]) {
    for (const [name, body, headers, status, code, text] of cases) {
      await t.test(`${mediaType}: ${name}`, async (t) => {
        const answer = await post(`${collector.url}/otlp/v1/metrics`, mediaType, body, headers)
        t.equal(answer.status, status)
        t.equal(answer.headers.get('content-type'), mediaType)
        const found = messageIn(statusType, answer)
        t.equal(found.code, code)
        t.match(found.message, text)
        t.equal(answer.headers.get('retry-after'), null)
      })
    }
  }
  await t.test('a type that is not taken', async (t) => {
    const answer = await post(`${collector.url}/otlp/v1/metrics`, 'text/plain', '', key)
    t.equal(answer.status, 415)
    t.equal(answer.headers.get('accept'), `${json}, ${protobufMediaType}`)
    t.match(messageIn(statusType, answer), { code: 3, message: /VANTAGE_UNSUPPORTED_MEDIA_TYPE/ })
  })
})

test('429 and 503 carry Retry-After, so that exporters send again', async (t) => {
  const limits = { VANTAGE_RATE_LIMIT_ENABLED: 'true', VANTAGE_RATE_LIMIT_REQUESTS: '1', VANTAGE_API_WORKERS: '1' }
  const limited = await startCollector(t, { kafka: await startMockKafka(t), env: limits })
  const away = await startCollector(t, { kafka: '127.0.0.1:1', env: { VANTAGE_API_WORKERS: '1' }, ready: false })
  t.equal((await post(`${limited.url}/v1/metrics`, protobufMediaType, inProtobuf(requestOf(1)))).status, 200)
  for (const [mediaType, encode] of encodings) {
    const over = await post(`${limited.url}/otlp/v1/metrics`, mediaType, encode(requestOf(1)))
    t.equal(over.status, 429)
    t.ok(Number(over.headers.get('retry-after')) > 0)
    t.match(messageIn(statusType, over), { code: 8, message: /VANTAGE_RATE_LIMITED/ })
    const unavailable = await post(`${away.url}/otlp/v1/metrics`, mediaType, encode(requestOf(1)))
    t.equal(unavailable.status, 503)
    t.equal(unavailable.headers.get('retry-after'), '1')
    t.match(messageIn(statusType, unavailable), { code: 14, message: /VANTAGE_KAFKA_UNAVAILABLE/ })
  }
})
