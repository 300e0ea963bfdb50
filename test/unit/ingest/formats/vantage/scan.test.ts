import fc from 'fast-check'
import { test } from 'tap'
import { recordValue } from '../../../../../lib/delivery/record-batch.js'
import { createRecords } from '../../../../../lib/ingest/formats/vantage/records.js'
import { rulesOf } from '../../../../../lib/ingest/formats/vantage/scan-rules.js'
import type { SlicedBatch } from '../../../../../lib/ingest/formats/vantage/sliced-batch.js'
import { encodingOf } from '../../../../../lib/ingest/formats/vantage/text-encoding.js'
import { binding } from '../../../../../lib/ingest/native/binding.js'
import { BufferPool } from '../../../../../lib/shared/buffer-pool.js'
import { Problem } from '../../../../../lib/shared/errors.js'
import { batchOf } from '../../../../../tools/batches.js'
import { createReader } from '../../../../support/body-reader.js'

const limits = { maxBatchSize: 5, maxAgeHours: 0, maxFutureHours: 0 }
const { scan, parse } = createReader(limits)
const makeRecords = createRecords(
  { kafkaPartitionKey: 'service', kafkaRecordFormat: 'metric', maxRecordBytes: 1_000_000 },
  new BufferPool(),
)

/** What becomes of the body by the scan, and without it; undefined for one that is not good in every metric, or not surely. */
function bothOf(body: Buffer) {
  const encoding = encodingOf(body)
  if (encoding === undefined) return {}
  const parsed = recordsBy(() => {
    const { verdict, batch } = parse(Buffer.from(body), encoding)
    return verdict.rejected === 0 ? batch : undefined
  })
  return { scanned: recordsBy(() => scan(body, encoding)?.batch), parsed }
}

/** The records, without the white space between their tokens. */
function recordsBy(read: () => SlicedBatch | undefined) {
  let batch: SlicedBatch | undefined
  try {
    batch = read()
  } catch (error) {
    if (!(error instanceof Problem)) throw error
  }
  if (batch === undefined) return undefined
  const { service, environment, agentVersion, good } = batch
  const records = makeRecords(batch, {})
  const texts = Array.from(records.ends, (_, n) => recordValue(records, n).toString())
  if (texts.some((text) => /[\r\n]/.test(text))) throw new Error('a record of several lines')
  return { service, environment, agentVersion, good, texts: texts.map(withoutSpace) }
}

function withoutSpace(text: string): string {
  return text.replaceAll(/("(?:[^"\\]|\\.)*")|\s+/g, '$1')
}

const plain = JSON.stringify({ ...batchOf(3), batch_size: 3 })

test('what agents usually send is known to be good without parsing, and sliced alike', async (t) => {
  const texts = [
    plain,
    JSON.stringify(batchOf(1), null, 2),
    ` \r\n\t${plain}\n`,
    JSON.stringify({ ...batchOf(2), service_name: 'münchen', environment: '', agent_version: '名'.repeat(50) }),
    JSON.stringify({ metrics: batchOf(5).metrics, service_name: 's', version: 1, extra: null, more: 'é' }),
    plain.replaceAll('"method":"GET"', '"method":null,"error":null,"tags2":-1.5e-3,"trace_id":"t","environment":"x"'),
    plain.replaceAll('"tags":{', '"x":false,"tags":{ "__proto__" : "a" , "metrics":"[{" , '),
    plain.replaceAll('"value":', '"value":-0.5E+10,"v":'),
  ]
  for (const text of texts) {
    const { scanned, parsed } = bothOf(Buffer.from(text))
    t.ok(scanned, text)
    t.same(scanned, parsed)
  }
})

test('what is bad, or only perhaps good, is left to those who parse', async (t) => {
  const changes: [string, string][] = [
    ['"timestamp":1701878400000', '"timestamp":1.5'],
    ['"timestamp":1701878400000', '"timestamp":-1'],
    ['"timestamp":1701878400000', '"timestamp":01'],
    ['"timestamp":1701878400000', '"timestamp":9999999999999999'],
    ['"timestamp":1701878400000,', ''],
    ['"value":0', '"value":1e400'],
    ['"value":0', `"value":${'9'.repeat(400)}`],
    ['"value":0', '"value":.5'],
    ['"value":0', '"value":1.'],
    ['"value":0', '"value":00'],
    ['"value":0', '"value":+1'],
    ['"value":0', '"value":"0"'],
    ['"value":0', '"value":NaN'],
    ['"value":0', '"value":0,"value":"x"'],
    ['"value":0', '"value":0,"nested":[1]'],
    ['"value":0', '"value":0,'],
    ['"value":0', '"value" 0'],
    ['"status_code":200', '"status_code":1000'],
    ['"status_code":200', '"status_code":2e2'],
    ['"duration_ms":0', '"duration_ms":-1'],
    ['"metric_type":"histogram"', '"metric_type":"sum"'],
    ['"metric_type":"histogram"', '"metric_type":null'],
    ['"metric_name":"http.request.duration"', '"metric_name":""'],
    ['"metric_name":"http.request.duration"', `"metric_name":"${'é'.repeat(256)}"`],
    ['"metric_name":"http.request.duration"', '"metric_name":"a\\nb"'],
    ['"metric_name":"http.request.duration"', '"metric_name":"a\nb"'],
    ['"method":"GET"', '"method":"GETGETGETGE"'],
    ['"region":"us-east-1"', '"region":1'],
    ['"tags":{', '"tags":[{'],
    ['"metrics":[', '"metrics":[],"metrics":['],
    ['"metrics":[', '"m\\u0065trics":['],
    ['"metrics":[', '"metrics":[{},'],
    ['"metrics":[', '"metrics":[1,'],
    ['"service_name":"api-gateway","environment"', '"environment"'],
    ['"environment":"production"', `"environment":"${'x'.repeat(51)}"`],
    ['"agent_version":"0.1.0"', '"agent_version":1'],
    ['"agent_version":"0.1.0"', '"agent_version":"0.1.0" x'],
    ['"agent_version":"0.1.0"}', '"agent_version":"0.1.0"'],
    ['"agent_version":"0.1.0"}', '"agent_version":"0.1.0"}}'],
  ]
  const text = JSON.stringify(batchOf(1))
  t.ok(scan(Buffer.from(text), 'latin1'))
  for (const [from, to] of changes) {
    t.ok(text.includes(from), from)
    t.notOk(scan(Buffer.from(text.replace(from, () => to)), 'utf8'), to)
  }
  t.notOk(scan(Buffer.from(JSON.stringify(batchOf(6))), 'latin1'), 'more metrics than a batch may have')
  t.notOk(scan(Buffer.from('{"metrics":[],"service_name":"s"}'), 'latin1'), 'none')
})

test('instants are held against the limits', async (t) => {
  const recent = createReader({ ...limits, maxAgeHours: 1, maxFutureHours: 1 }).scan
  const at = (timestamp: number) => {
    const batch = batchOf(2)
    batch.metrics.forEach((metric, n) => {
      metric.timestamp = n === 0 ? Date.now() : timestamp
    })
    return recent(Buffer.from(JSON.stringify(batch)), 'latin1')
  }
  t.ok(at(Date.now()))
  t.notOk(at(Date.now() - 2 * 3_600_000))
  t.notOk(at(Date.now() + 2 * 3_600_000))
})

test('whatever bytes are changed: a batch that the scan takes for good is good, and sliced alike', async (t) => {
  const structure = [...'{}[]",:\\ \n0123456789eE.-+tfn', '\u0000', 'é', '"value":1,', '"tags":{},', 'null', '1e308']
  const edit = fc.record({
    at: fc.nat(plain.length),
    drop: fc.nat(4),
    put: fc.oneof(fc.constantFrom(...structure), fc.string({ maxLength: 3, unit: 'binary' })),
  })
  let taken = 0
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 4 }), (edits) => {
      let text = plain
      for (const { at, drop, put } of edits) text = text.slice(0, at) + put + text.slice(at + drop)
      const { scanned, parsed } = bothOf(Buffer.from(text))
      if (scanned === undefined) return
      taken++
      t.match(scanned, parsed ?? { good: 'not good', text }, text)
    }),
    { numRuns: 20_000 },
  )
  t.ok(taken > 1000, `${taken} were taken for good`)
})

test('a schema that says more than the scan knows is never sure', async (t) => {
  const kindOf = (schema: object) => rulesOf({ properties: { a: schema } })[0]?.kind
  t.equal(kindOf({ type: 'string', pattern: 'x' }), 0)
  t.equal(kindOf({ type: 'number', maximum: 3 }), 0)
  t.equal(kindOf({ type: 'integer', minimum: -1 }), 0)
  t.equal(kindOf({ type: ['string', 'integer'] }), 0)
  t.equal(kindOf({ enum: [1] }), 0)
  t.equal(kindOf({ type: 'boolean' }), 0)
  t.equal(kindOf({ type: 'object' }), 0)
})

test('the addon takes no schema but its own, and writes nothing where there is no room', async (t) => {
  const [rule] = rulesOf({ properties: { a: { type: 'integer', minimum: 0 } } })
  if (rule === undefined) throw new Error('no rule')
  const schema = binding.compile([rule], [])
  const [places, nulls, values] = [new Uint32Array(3), new Uint32Array(2), new Uint32Array(2)]
  const figures = new Float64Array(4)
  const body = Buffer.from('{"a":1}')
  t.equal(binding.scan(schema, body, places, nulls, values, figures), 0)
  t.same([...values], [5, 6])
  for (const other of [undefined, {}, 1]) {
    t.throws(() => binding.scan(other as never, body, places, nulls, values, figures), RangeError)
  }
  t.throws(() => binding.scan(schema, body, places, nulls, new Uint32Array(1), figures), RangeError)
  t.throws(() => binding.scan(schema, body, places, nulls, values, new Float64Array(3)), RangeError)
  t.throws(() => binding.scan(schema, body, places, nulls, new Float64Array(2) as never, figures), RangeError)
  t.throws(() => binding.scan(schema, 'a' as never, places, nulls, values, figures))
  for (const change of [
    { kind: 99 },
    { kind: -1 },
    { minimum: Number.NaN },
    { maximum: -1 },
    { choices: ['x'.repeat(256)] },
  ]) {
    t.throws(() => binding.compile([{ ...rule, ...change }], []), RangeError)
  }
  t.throws(() => binding.compile(Array(33).fill(rule), []), RangeError)
})
