import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { batchOf, metricOf } from '../../../tools/batches.js'
import { startCollector } from '../../../tools/collector.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { headOf, sendRaw } from '../../support/raw-client.js'
import { readTopic } from '../../support/read-topic.js'

test('what is answered 202 is in the topic, and nothing else is', async (t) => {
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka })

  await t.test('a good batch', async (t) => {
    const { status, body } = await collector.post(batchOf(3))
    t.equal(status, 202)
    t.same(body, {
      status: 'accepted',
      durability: 'kafka',
      metrics_received: 3,
      metrics_accepted: 3,
      metrics_rejected: 0,
      message: '3 metrics acknowledged by Kafka',
      errors: [],
    })
  })

  await t.test('the good metrics of a batch with bad ones', async (t) => {
    const { metrics, ...envelope } = batchOf(2, { first: 3 })
    const { status, body } = await collector.post({ metrics: [metrics[0], { bad: 1 }, metrics[1]], ...envelope })
    t.equal(status, 202)
    t.match(body, { status: 'partial', metrics_received: 3, metrics_accepted: 2, metrics_rejected: 1 })
    t.same(body.errors, [
      'metrics[1].timestamp is required; .service_name is required; .metric_name is required; .metric_type is required; .value is required',
    ])
  })

  await t.test('gzip', async (t) => {
    const { status } = await collector.post(gzipSync(JSON.stringify(batchOf(1, { first: 5 }))), {
      'Content-Encoding': 'gzip',
    })
    t.equal(status, 202)
  })

  await t.test('a body in many chunks', async (t) => {
    const long = { ...metricOf(6), note: 'x'.repeat(3_000_000) }
    const { status } = await collector.post({ ...batchOf(1), metrics: [long] })
    t.equal(status, 422, 'over what librdkafka takes as one record, it is refused for good')
    const { status: accepted } = await collector.post({
      ...batchOf(1),
      metrics: [{ ...long, note: 'x'.repeat(900_000) }],
    })
    t.equal(accepted, 202)
  })

  await t.test('the published example of 2023, without Content-Type', async (t) => {
    const example = `{"metrics":[{"timestamp":1701878400000,"service_name":"api-gateway","metric_name":"http.request.duration",
      "metric_type":"histogram","value":123.45,"id":7}],"service_name":"api-gateway"}`
    const { status } = await collector.request('POST', '/v1/metrics', { 'Content-Type': '' }, Buffer.from(example))
    t.equal(status, 202)
  })

  const refused: [name: string, status: number, code: string, body: unknown, headers?: Record<string, string>][] = [
    ['an empty body', 400, 'VANTAGE_EMPTY_BODY', ''],
    ['broken JSON', 400, 'VANTAGE_INVALID_JSON', '{"metrics":['],
    ['a body that is not UTF-8', 400, 'VANTAGE_INVALID_UTF8', Buffer.from([0x7b, 0xff, 0x7d])],
    ['broken gzip', 400, 'VANTAGE_INVALID_ENCODING', 'no gzip', { 'Content-Encoding': 'gzip' }],
    [
      'truncated gzip',
      400,
      'VANTAGE_INVALID_ENCODING',
      gzipSync('{"metrics":[]}').subarray(0, 20),
      { 'Content-Encoding': 'gzip' },
    ],
    ['another encoding', 415, 'VANTAGE_UNSUPPORTED_ENCODING', '{}', { 'Content-Encoding': 'br' }],
    ['another type', 415, 'VANTAGE_UNSUPPORTED_MEDIA_TYPE', '{}', { 'Content-Type': 'text/plain' }],
    ['a body over the limit', 413, 'VANTAGE_BODY_TOO_LARGE', Buffer.alloc(10 * 2 ** 20 + 1, ' ')],
    [
      'a bomb over the limit once inflated',
      413,
      'VANTAGE_BODY_TOO_LARGE',
      gzipSync(Buffer.alloc(2 ** 26)),
      { 'Content-Encoding': 'gzip' },
    ],
    ['a batch that is none', 422, 'VANTAGE_INVALID_BATCH', '[]'],
    ['a batch that is too large', 422, 'VANTAGE_INVALID_BATCH', batchOf(1001)],
    ['no good metric', 422, 'VANTAGE_NO_VALID_METRICS', { ...batchOf(1), metrics: [{}, 1] }],
  ]
  for (const [name, status, code, body, headers] of refused) {
    await t.test(`${name}: ${status}`, async (t) => {
      const reply = await collector.post(body, headers)
      t.equal(reply.status, status)
      t.equal(reply.headers.get('content-type'), 'application/problem+json')
      t.match(reply.body, {
        code,
        status,
        type: `urn:vantage-collector:problem:${code}`,
        title: String,
        detail: String,
      })
    })
  }

  await t.test('a problem with a batch counts its metrics', async (t) => {
    const { body } = await collector.post({ ...batchOf(1), metrics: [{}, 1] })
    t.match(body, {
      metrics_received: 2,
      metrics_rejected: 2,
      errors: [
        'metrics[0].timestamp is required; .service_name is required; .metric_name is required; .metric_type is required; .value is required',
        'metrics[1] must be object',
      ],
    })
  })

  await t.test('no answer has half a character in it, wherever a text is cut', async (t) => {
    const names = Array.from({ length: 12 }, (_, n) => `${'x'.repeat(88 + n)}😀😀😀`)
    const bad = [...names, '\ud83d', '\ude00', '\ude00\ud83d'].map((name) => ({ ...metricOf(1), tags: { [name]: 1 } }))
    const partial = await collector.post({ ...batchOf(1, { first: 9 }), metrics: [metricOf(9), ...bad] })
    const rejected = await collector.post({ ...batchOf(1), metrics: bad })
    const replies = [
      partial,
      rejected,
      await collector.post('{}', { 'Content-Type': `text/${'x'.repeat(90)}é${'y'.repeat(200)}` }),
      await collector.post('{}', { 'Content-Encoding': `${'x'.repeat(99)}é${'y'.repeat(200)}` }),
      await collector.post('[\u{1f600}]'),
      await collector.get(`/${'x'.repeat(300)}`),
    ]
    t.same(
      replies.map(({ status }) => status),
      [202, 422, 415, 415, 400, 404],
    )
    for (const { text } of replies) {
      t.notMatch(text, /\\ud[89a-f]/i)
      t.ok(text.length < 5000, `${text.length} characters`)
    }
    t.equal((partial.body.errors as string[]).length, names.length + 3)
  })

  await t.test('one NaN among 1,000 metrics is named with its metric and its byte, in gzip as well', async (t) => {
    const text = JSON.stringify(batchOf(1000)).replace(/("id":700,.*?"value":)[\d.]+/, '$1NaN')
    const detail = `metrics[700], byte ${text.indexOf('NaN')}: NaN is not JSON: leave out the metric or send a number`
    for (const reply of [
      await collector.post(text),
      await collector.post(gzipSync(text), { 'Content-Encoding': 'gzip' }),
    ]) {
      t.equal(reply.status, 400)
      t.match(reply.body, { code: 'VANTAGE_INVALID_JSON', detail })
    }
  })

  await t.test('what many serialisers write for nothing is taken, and is not in the record', async (t) => {
    const nothing = { tags: null, endpoint: null, error: null, environment: null, agent_version: null, trace_id: null }
    const metric = { ...metricOf(10), ...nothing, status_code: '<200.0>', remark: null }
    for (const [id, text] of ['a', 'a\n'].entries()) {
      const batch = { metrics: [{ ...metric, id: 10 + id, text }], service_name: 'api-gateway', environment: null }
      const status = id === 0 ? '200' : '200.0'
      const reply = await collector.post(JSON.stringify(batch).replace('"<200.0>"', status))
      t.equal(reply.status, 202)
    }
  })

  await t.test('415 says what is taken', async (t) => {
    const encoding = await collector.post('{}', { 'Content-Encoding': 'br' })
    t.equal(encoding.headers.get('accept-encoding'), 'gzip')
    const type = await collector.post('{}', { 'Content-Type': 'text/plain' })
    t.equal(type.headers.get('accept'), 'application/json, application/x-protobuf')
  })

  await t.test('the connection and the process go on after all that', async (t) => {
    t.equal((await collector.post(batchOf(1, { first: 8 }))).status, 202)
    const { ingestion, ledger, workers } = await collector.stats()
    t.equal(ingestion.metrics_accepted, 12)
    t.equal(ledger.difference, 0)
    t.same(
      workers.map(({ held_bytes }) => held_bytes),
      [0, 0],
    )
  })

  await t.test('the topic', async (t) => {
    const records = await readTopic(kafka, 12)
    const ids = records.map(({ value }) => JSON.parse(value).id).sort((a, b) => a - b)
    t.same(
      ids,
      Array.from({ length: 12 }, (_, id) => id),
    )
    t.same(new Set(records.map(({ key }) => key)), new Set(['api-gateway']))
    const [plain, parsed] = records.map(({ value }) => value).filter((value) => value.includes('"remark"'))
    for (const value of [plain, parsed]) {
      t.match(JSON.parse(value ?? ''), { environment: 'development', agent_version: 'unknown', remark: null })
      t.match(value, /"status_code":200[,}]/)
      t.notMatch(value, /"(tags|endpoint|error|environment|agent_version|trace_id)" *: *null/)
    }
    t.same(new Set(records.map(({ partition }) => partition)).size, 1, 'one service, one partition')
  })
})

test('records carry the trace of their request', async (t) => {
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka })
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  await collector.post(batchOf(1), { traceparent })
  const [record] = await readTopic(kafka, 1)
  t.match(JSON.parse(record?.value ?? ''), {
    ...batchOf(1).metrics[0],
    environment: 'production',
    agent_version: '0.1.0',
    trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
    span_id: '00f067aa0ba902b7',
  })
})

test('headers and paths are read as generously as clients write them', async (t) => {
  const collector = await startCollector(t, { kafka: await startMockKafka(t) })
  const batch = JSON.stringify(batchOf(1))
  const listed: [encoding: string, body: string | Uint8Array, status: number][] = [
    ['gzip, identity', gzipSync(batch), 202],
    ['identity, gzip', gzipSync(batch), 202],
    ['gzip,', gzipSync(batch), 202],
    [' , X-GZIP', gzipSync(batch), 202],
    ['identity, identity', batch, 202],
    [',', batch, 202],
    ['gzip, gzip', gzipSync(gzipSync(batch)), 415],
    ['gzip, br', gzipSync(batch), 415],
  ]
  for (const [encoding, body, expected] of listed) {
    await t.test(`a Content-Encoding that is a list: ${encoding}`, async (t) => {
      t.equal((await collector.post(body, { 'Content-Encoding': encoding })).status, expected)
    })
  }

  await t.test('a Content-Encoding in two lines', async (t) => {
    const body = gzipSync(batch)
    const head = (...encodings: string[]) => {
      const lines = encodings.map((encoding) => `Content-Encoding: ${encoding}\r\n`).join('')
      return headOf({ 'Content-Length': body.length }).replace(/\r\n$/, `${lines}\r\n`)
    }
    for (const encodings of [
      ['gzip', 'identity'],
      ['identity', 'gzip'],
    ]) {
      const { statuses } = await sendRaw(collector.url, [head(...encodings), body], { quietMs: 3000 })
      t.same(statuses, [202], encodings.join())
    }
    t.same((await sendRaw(collector.url, [head('br', 'gzip'), body], { quietMs: 3000 })).statuses, [415])
  })

  await t.test('text/json, and a slash behind the path', async (t) => {
    for (const type of ['text/json', 'text/json; charset=utf-8', 'Text/JSON', 'application/vnd.metrics+json'])
      t.equal((await collector.post(batch, { 'Content-Type': type })).status, 202, type)
    for (const type of ['text/plain', 'text/jsonp', 'text/x+json', 'multipart/json'])
      t.equal((await collector.post(batch, { 'Content-Type': type })).status, 415, type)
    for (const path of ['/v1/metrics/', '/v1/metrics/?from=agent'])
      t.equal((await collector.request('POST', path, { 'Content-Type': 'application/json' }, batch)).status, 202, path)
    for (const path of ['/v1/metrics//', '//v1/metrics', '/v1/metrics/x'])
      t.equal((await collector.request('POST', path, {}, batch)).status, 404, path)
  })
})

test('a batch in seconds is taken, and its agent and its operator hear of the doubt', async (t) => {
  const collector = await startCollector(t, { kafka: await startMockKafka(t) })
  const { metrics, ...envelope } = batchOf(2)
  const inSeconds = metrics.map((metric) => ({ ...metric, timestamp: 1764252733 }))
  const { status, body } = await collector.post({ metrics: inSeconds, ...envelope })
  const message = '2 metrics acknowledged by Kafka; timestamps look like seconds, and are read as milliseconds'
  t.match({ status, body }, { status: 202, body: { metrics_accepted: 2, message } })
  t.equal(await collector.metric('batches_doubtful_total{reason="timestamp.seconds"}'), 1)
  t.match((await collector.stats()).ingestion, { doubts: { 'timestamp.seconds': 1 } })
})
