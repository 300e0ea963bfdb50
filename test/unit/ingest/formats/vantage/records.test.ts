import { test } from 'tap'
import { metricsBefore, recordKey, recordValue } from '../../../../../lib/delivery/record-batch.js'
import { createRecords, type RecordOptions } from '../../../../../lib/ingest/formats/vantage/records.js'
import { spliceable } from '../../../../../lib/ingest/formats/vantage/sliced-batch.js'
import { readTraceContext, type TraceContext } from '../../../../../lib/ingest/trace-context.js'
import { BufferPool } from '../../../../../lib/shared/buffer-pool.js'
import { createReader } from '../../../../support/body-reader.js'

const { parse } = createReader({ maxBatchSize: 100, maxAgeHours: 0, maxFutureHours: 0 })
const metric = '"timestamp":1,"service_name":"s","metric_name":"m","metric_type":"gauge","value":1'

const defaults: RecordOptions = { kafkaPartitionKey: 'service', kafkaRecordFormat: 'metric', maxRecordBytes: 1000 }

function recordsOf(text: string, options: Partial<RecordOptions> = {}, trace: TraceContext = {}) {
  const batch = createRecords({ ...defaults, ...options }, new BufferPool())(parse(Buffer.from(text)).batch, trace)
  return Array.from(batch.ends, (_, n) => ({
    value: recordValue(batch, n).toString(),
    key: recordKey(batch, n)?.toString(),
    metrics: metricsBefore(batch, n + 1) - metricsBefore(batch, n),
  }))
}

test('a record is the metric as it was sent, with what only the batch knows', async (t) => {
  const sent = `{ ${metric.replace('"value":1', '"value": 1.50')}, "big": 123456789012345678901234567890 }`
  t.same(recordsOf(`{"metrics":[${sent}],"service_name":"s","environment":"prod","agent_version":"1.2"}`), [
    { value: `${sent.slice(0, -1)},"environment":"prod","agent_version":"1.2"}`, key: 's', metrics: 1 },
  ])
})

test('a batch without environment and agent_version stands for the defaults', async (t) => {
  const [record] = recordsOf(`{"metrics":[{${metric}}],"service_name":"s"}`)
  t.match(JSON.parse(record?.value ?? ''), { environment: 'development', agent_version: 'unknown' })
})

test('what a metric says itself stays, and null says nothing', async (t) => {
  const own = `{${metric},"environment":"mine","agent_version":"1","trace_id":"t"}`
  const trace = { traceId: 'request', spanId: 'span' }
  const [record] = recordsOf(`{"metrics":[${own}],"service_name":"s","environment":"prod"}`, {}, trace)
  t.equal(record?.value, own, 'and a metric with a trace of its own gets no span of another')
  const [spanOnly] = recordsOf(`{"metrics":[{${metric},"span_id":"mine"}],"service_name":"s"}`, {}, trace)
  t.match(JSON.parse(spanOnly?.value ?? ''), { trace_id: 'request', span_id: 'mine' })
  const nothing = spliceable.map((name) => `"${name}":null`)
  const envelope = '"service_name":"s","environment":null,"agent_version":null'
  const [none] = recordsOf(`{"metrics":[{${metric},${nothing}}],${envelope}}`, {}, trace)
  t.match(JSON.parse(none?.value ?? ''), { environment: 'development', agent_version: 'unknown', trace_id: 'request' })
})

test('bad metrics leave no trace in the records', async (t) => {
  const records = recordsOf(`{"metrics":[{"bad":1},{${metric},"n":1},7,{${metric},"n":2}],"service_name":"s"}`)
  t.same(
    records.map(({ value }) => JSON.parse(value).n),
    [1, 2],
  )
})

const ndjson = { kafkaRecordFormat: 'ndjson' } as const

test('ndjson: a batch is one record, a line a metric, whatever line breaks it was sent with', async (t) => {
  const sent = `{"metrics":[\r\n{${metric},\r\n"n":1\n},{"bad":1},{${metric},"n":"a\\nb"}\n],"service_name":"s"}`
  const [record, ...more] = recordsOf(sent, ndjson)
  t.same(more, [])
  t.match(record, { key: 's', metrics: 2 })
  const lines = record?.value.split('\n') ?? []
  t.same(
    lines.map((line) => JSON.parse(line).n),
    [1, 'a\nb'],
  )
  t.notMatch(record?.value, /\r/)
  const [alone] = recordsOf(`{"metrics":[{${metric},"n":1}],"service_name":"s"}`)
  t.equal(JSON.stringify(JSON.parse(lines[0] ?? '')), alone?.value)
})

test('ndjson: what is longer than a record may be goes into several, whole metrics each', async (t) => {
  const metrics = Array.from({ length: 7 }, (_, n) => `{${metric},"n":${n}}`)
  const [{ value } = { value: '' }] = recordsOf(`{"metrics":[${metrics[0]}],"service_name":"s"}`)
  const text = `{"metrics":[${metrics}],"service_name":"s"}`
  const numbersAt = (maxRecordBytes: number) =>
    recordsOf(text, { ...ndjson, maxRecordBytes }).map(({ value }) =>
      value.split('\n').map((line) => JSON.parse(line).n),
    )
  const three = 3 * value.length + 2
  t.same(numbersAt(three), [[0, 1, 2], [3, 4, 5], [6]])
  t.same(numbersAt(three - 1), [[0, 1], [2, 3], [4, 5], [6]])
  t.same(numbersAt(1), [[0], [1], [2], [3], [4], [5], [6]], 'one that never fits is for Kafka to refuse')
  t.same(
    recordsOf(text, { ...ndjson, maxRecordBytes: three }).map((record) => record.metrics),
    [3, 3, 1],
  )
})

test('text that needs escaping is escaped where it is spliced in', async (t) => {
  const [record] = recordsOf(`{"metrics":[{${metric}}],"service_name":"s","environment":"a\\"\\u0001é"}`)
  t.equal(JSON.parse(record?.value ?? '').environment, 'a"\u0001é')
})

test('the series key does not depend on the order of tags; none has no key', async (t) => {
  const tagged = (tags: string) => `{"metrics":[{${metric},"tags":${tags}}],"service_name":"s"}`
  const [one] = recordsOf(tagged('{"a":"1","b":"2"}'), { kafkaPartitionKey: 'series' })
  const [same] = recordsOf(tagged('{"b":"2","a":"1"}'), { kafkaPartitionKey: 'series' })
  const [other] = recordsOf(tagged('{"b":"1","a":"2"}'), { kafkaPartitionKey: 'series' })
  t.equal(one?.key, '["s","m","a","1","b","2"]')
  t.equal(same?.key, one?.key)
  t.not(other?.key, one?.key)
  t.equal(recordsOf(tagged('{}'), { kafkaPartitionKey: 'none' })[0]?.key, undefined)
})

test('service keys stay right when there are more services than the cache holds', async (t) => {
  const make = createRecords(defaults, new BufferPool())
  for (let i = 0; i < 10_010; i++) {
    const { batch } = parse(Buffer.from(`{"metrics":[{${metric}}],"service_name":"service-${i}"}`))
    const key = recordKey(make(batch, {}), 0)?.toString()
    if (key !== `service-${i}`) t.equal(key, `service-${i}`)
  }
  t.pass()
})

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const itsTrace = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' }
const traces: [name: string, headers: Record<string, string>, expected: TraceContext][] = [
  ['none', {}, {}],
  ['traceparent', { traceparent }, itsTrace],
  ['traceparent of a version to come', { traceparent: traceparent.replace('00-', '01-') }, itsTrace],
  ['and of one that has more to say', { traceparent: `${traceparent.replace('00-', 'cc-')}-more` }, itsTrace],
  ['not of version ff', { traceparent: traceparent.replace('00-', 'ff-') }, {}],
  ['nor of version 00 with more behind it', { traceparent: `${traceparent}-more` }, {}],
  ['nor with a tail that is none', { traceparent: `${traceparent.replace('00-', '01-')}x` }, {}],
  ['nor in upper case', { traceparent: traceparent.toUpperCase() }, {}],
  ['our headers first, and no span of the other', { traceparent, 'x-vantage-trace-id': 'abc' }, { traceId: 'abc' }],
  ['the same trace in both', { traceparent, 'x-vantage-trace-id': itsTrace.traceId }, itsTrace],
  ['a span without its trace is not that of the other', { traceparent, 'x-vantage-span-id': 'abc' }, itsTrace],
  ['a span alone', { 'x-vantage-span-id': 'abc' }, { spanId: 'abc' }],
  [
    'our headers where the trace is none',
    { traceparent, 'x-vantage-trace-id': '"', 'x-vantage-span-id': 'd' },
    itsTrace,
  ],
  [
    'both our headers',
    { traceparent, 'x-vantage-trace-id': 'abc', 'x-vantage-span-id': 'd-e_f' },
    { traceId: 'abc', spanId: 'd-e_f' },
  ],
  ['no identifiers', { 'x-vantage-trace-id': 'a"b', 'x-vantage-span-id': 'x'.repeat(65), traceparent: 'junk' }, {}],
  ['all zeros', { traceparent: '00-00000000000000000000000000000000-00f067aa0ba902b7-01' }, {}],
]

test('whether the agent traces it is read from the flags of traceparent', async (t) => {
  const parentOf = (value: string) => readTraceContext((name) => (name === 'traceparent' ? value : '')).parent
  t.match(parentOf(traceparent), { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', sampled: true })
  t.match(parentOf(traceparent.replace(/01$/, '02')), { sampled: false })
  t.equal(parentOf('junk'), undefined)
})

for (const [name, headers, expected] of traces) {
  test(`the trace of a request is read from its headers: ${name}`, async (t) => {
    const { parent: _, ...inRecords } = readTraceContext((header) => headers[header] ?? '')
    t.same(inRecords, expected)
  })
}
