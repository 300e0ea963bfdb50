import { test } from 'tap'
import { recordKey, recordValue } from '../../lib/delivery/record-batch.js'
import { decode } from '../../lib/ingest/decode.js'
import type { PartitionKey } from '../../lib/ingest/keys.js'
import { createRecords } from '../../lib/ingest/records.js'
import { readTraceContext, type TraceContext } from '../../lib/ingest/trace-context.js'
import { createValidate } from '../../lib/ingest/validate.js'
import { BufferPool } from '../../lib/shared/buffer-pool.js'

const validate = createValidate({ maxBatchSize: 100, maxAgeHours: 0, maxFutureHours: 0 })
const metric = '"timestamp":1,"service_name":"s","metric_name":"m","metric_type":"gauge","value":1'

function recordsOf(text: string, { key = 'service', trace = {} }: { key?: PartitionKey; trace?: TraceContext } = {}) {
  const body = decode(Buffer.from(text))
  const batch = createRecords(key, new BufferPool())(body, validate(body.value), trace)
  return Array.from(batch.ends, (_, n) => ({
    value: recordValue(batch, n).toString(),
    key: recordKey(batch, n)?.toString(),
  }))
}

test('a record is the metric as it was sent, with what only the batch knows', async (t) => {
  const sent = `{ ${metric}, "big": 123456789012345678901234567890, "value": 1.50 }`
  t.same(recordsOf(`{"metrics":[${sent}],"service_name":"s","environment":"prod","agent_version":"1.2"}`), [
    { value: `${sent.slice(0, -1)},"environment":"prod","agent_version":"1.2"}`, key: 's' },
  ])
})

test('a batch without environment and agent_version stands for the defaults', async (t) => {
  const [record] = recordsOf(`{"metrics":[{${metric}}],"service_name":"s"}`)
  t.match(JSON.parse(record?.value ?? ''), { environment: 'development', agent_version: 'unknown' })
})

test('what a metric says itself stays, even null', async (t) => {
  const own = `{${metric},"environment":"mine","agent_version":null,"trace_id":"t"}`
  const [record] = recordsOf(`{"metrics":[${own}],"service_name":"s","environment":"prod"}`, {
    trace: { traceId: 'request', spanId: 'span' },
  })
  t.equal(record?.value, `${own.slice(0, -1)},"span_id":"span"}`)
})

test('bad metrics leave no trace in the records', async (t) => {
  const records = recordsOf(`{"metrics":[{"bad":1},{${metric},"n":1},7,{${metric},"n":2}],"service_name":"s"}`)
  t.same(
    records.map(({ value }) => JSON.parse(value).n),
    [1, 2],
  )
})

test('text that needs escaping is escaped where it is spliced in', async (t) => {
  const [record] = recordsOf(`{"metrics":[{${metric}}],"service_name":"s","environment":"a\\"\\u0001é"}`)
  t.equal(JSON.parse(record?.value ?? '').environment, 'a"\u0001é')
})

test('the series key does not depend on the order of tags; none has no key', async (t) => {
  const tagged = (tags: string) => `{"metrics":[{${metric},"tags":${tags}}],"service_name":"s"}`
  const [one] = recordsOf(tagged('{"a":"1","b":"2"}'), { key: 'series' })
  const [same] = recordsOf(tagged('{"b":"2","a":"1"}'), { key: 'series' })
  const [other] = recordsOf(tagged('{"b":"1","a":"2"}'), { key: 'series' })
  t.equal(one?.key, '["s","m","a","1","b","2"]')
  t.equal(same?.key, one?.key)
  t.not(other?.key, one?.key)
  t.equal(recordsOf(tagged('{}'), { key: 'none' })[0]?.key, undefined)
})

test('service keys stay right when there are more services than the cache holds', async (t) => {
  const make = createRecords('service', new BufferPool())
  for (let i = 0; i < 10_010; i++) {
    const body = decode(Buffer.from(`{"metrics":[{${metric}}],"service_name":"service-${i}"}`))
    const key = recordKey(make(body, validate(body.value), {}), 0)?.toString()
    if (key !== `service-${i}`) t.equal(key, `service-${i}`)
  }
  t.pass()
})

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const traces: [name: string, headers: Record<string, string>, expected: TraceContext][] = [
  ['none', {}, {}],
  ['traceparent', { traceparent }, { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' }],
  ['our headers first', { traceparent, 'x-vantage-trace-id': 'abc' }, { traceId: 'abc', spanId: '00f067aa0ba902b7' }],
  [
    'both our headers',
    { 'x-vantage-trace-id': 'abc', 'x-vantage-span-id': 'd-e_f' },
    { traceId: 'abc', spanId: 'd-e_f' },
  ],
  ['no identifiers', { 'x-vantage-trace-id': 'a"b', 'x-vantage-span-id': 'x'.repeat(65), traceparent: 'junk' }, {}],
  ['all zeros', { traceparent: '00-00000000000000000000000000000000-00f067aa0ba902b7-01' }, {}],
]

for (const [name, headers, expected] of traces) {
  test(`the trace of a request is read from its headers: ${name}`, async (t) => {
    t.same(
      readTraceContext((header) => headers[header] ?? ''),
      expected,
    )
  })
}
