import { test } from 'tap'
import { createValidate } from '../../../../../lib/ingest/formats/vantage/validate.js'
import { Problem } from '../../../../../lib/shared/errors.js'
import { metricOf } from '../../../../../tools/batches.js'
import { createReader } from '../../../../support/body-reader.js'

const limits = { maxBatchSize: 10, maxAgeHours: 0, maxFutureHours: 0 }
const validate = createValidate(limits)

function errorsOf(metric: unknown): string[] {
  return validate({ metrics: [metricOf(0), metric], service_name: 'test' }).errors
}

const { service_name: _, ...withoutService } = metricOf(1)
const mistakes: [name: string, metric: unknown, error: string][] = [
  ['not an object', 7, 'metrics[1] must be object'],
  ['null', null, 'metrics[1] must be object'],
  ['a missing member', withoutService, 'metrics[1].service_name is required'],
  ['text for a value', { ...metricOf(1), value: '1' }, 'metrics[1].value must be number'],
  [
    'a number too large for a double',
    JSON.parse(JSON.stringify(metricOf(1)).replace(/"value":[\d.]+/, '"value":1e400')),
    'metrics[1].value must be number',
  ],
  ['a fraction of a millisecond', { ...metricOf(1), timestamp: 1.5 }, 'metrics[1].timestamp must be integer'],
  ['a time before 1970', { ...metricOf(1), timestamp: -1 }, 'metrics[1].timestamp must be >= 0'],
  [
    'a time in nanoseconds',
    { ...metricOf(1), timestamp: 1e18 },
    'metrics[1].timestamp must be <= 8640000000000000: it looks like nanoseconds, and must be milliseconds',
  ],
  [
    'a time in seconds, as Python has it',
    { ...metricOf(1), timestamp: 1764252733.25 },
    'metrics[1].timestamp must be integer: it looks like seconds, and must be milliseconds',
  ],
  [
    'several faults, each once',
    { ...withoutService, value: '1', tags: { a: 1 } },
    'metrics[1].service_name is required; .value must be number; .tags.a must be string',
  ],
  [
    'more faults than anybody reads',
    { ...metricOf(1), tags: Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`t${n}`, n])) },
    `metrics[1]${Array.from({ length: 8 }, (_, n) => `.tags.t${n} must be string`).join('; ')}; and 12 more`,
  ],
  [
    'an unknown type',
    { ...metricOf(1), metric_type: 'summary' },
    'metrics[1].metric_type must be one of counter, gauge, histogram',
  ],
  [
    'an empty name',
    { ...metricOf(1), metric_name: '' },
    'metrics[1].metric_name must NOT have fewer than 1 characters',
  ],
  [
    'a long name',
    { ...metricOf(1), metric_name: 'é'.repeat(256) },
    'metrics[1].metric_name must NOT have more than 255 characters',
  ],
  ['a tag that is no text', { ...metricOf(1), tags: { a: 1 } }, 'metrics[1].tags.a must be string'],
  ['a list for tags', { ...metricOf(1), tags: [] }, 'metrics[1].tags must be object or null'],
  ['a number for a trace', { ...metricOf(1), trace_id: 1 }, 'metrics[1].trace_id must be string or null'],
  ['a status code out of range', { ...metricOf(1), status_code: 1000 }, 'metrics[1].status_code must be <= 999'],
  ['a negative duration', { ...metricOf(1), duration_ms: -0.1 }, 'metrics[1].duration_ms must be >= 0'],
  [
    'a method that is too long',
    { ...metricOf(1), method: 'X'.repeat(11) },
    'metrics[1].method must NOT have more than 10 characters',
  ],
  ['a number for an optional text', { ...metricOf(1), error: 5 }, 'metrics[1].error must be string or null'],
]

for (const [name, metric, error] of mistakes) {
  test(`a bad metric is named with its field: ${name}`, async (t) => {
    t.same(errorsOf(metric), [error])
  })
}

test('timestamps of another unit are a doubt, whether the batch is scanned or parsed', async (t) => {
  const { scan, parse } = createReader(limits)
  for (const [timestamp, unit] of [
    [1764252733123, undefined],
    [1764252733, 'seconds'],
    [1764252733123456, 'microseconds'],
    [0, undefined],
  ] as const) {
    const metrics = [metricOf(0), { ...metricOf(1), timestamp }]
    const bytes = Buffer.from(JSON.stringify({ service_name: 'test', metrics }))
    const reason = unit && `timestamp.${unit}`
    const scanned = scan(bytes, 'latin1')
    if (scanned !== undefined) t.equal(scanned.doubt?.reason, reason, `scanned: ${timestamp}`)
    t.equal(parse(bytes).verdict.doubt?.reason, reason, `parsed: ${timestamp}`)
  }
})

test('lengths count characters, not bytes or UTF-16 units', async (t) => {
  t.same(errorsOf({ ...metricOf(1), metric_name: '😀'.repeat(255) }), [])
})

test('optional members may be null or absent, and unknown ones are no mistake', async (t) => {
  const nothing = { endpoint: null, method: null, status_code: null, duration_ms: null, error: null, tags: null }
  t.same(
    errorsOf({
      ...metricOf(1),
      ...nothing,
      environment: null,
      agent_version: null,
      trace_id: null,
      span_id: undefined,
      whatever: [{}],
    }),
    [],
  )
})

test('good metrics are kept with their place, and at most 20 errors are told', async (t) => {
  const large = createValidate({ ...limits, maxBatchSize: 100 })
  const metrics = Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? metricOf(i) : { ...metricOf(i), value: null }))
  const verdict = large({ metrics, service_name: 'test' })
  t.equal(verdict.received, 60)
  t.equal(verdict.rejected, 30)
  t.equal(verdict.errors.length, 20)
  t.same(verdict.indexes.slice(0, 3), [0, 2, 4])
  t.equal(verdict.metrics[1], metrics[2])
})

const envelopes: [name: string, batch: unknown, error: string, received: number, reason: string][] = [
  ['not an object', [], 'must be object', 0, 'batch.type'],
  ['no metrics', { service_name: 'a' }, 'metrics is required', 0, 'batch.metrics.required'],
  ['metrics that are no array', { service_name: 'a', metrics: {} }, 'metrics must be array', 0, 'batch.metrics.type'],
  [
    'an empty batch',
    { service_name: 'a', metrics: [] },
    'metrics must NOT have fewer than 1 items',
    0,
    'batch.metrics.minItems',
  ],
  [
    'a batch that is too large',
    { service_name: 'a', metrics: Array(11).fill(metricOf(1)) },
    'metrics must NOT have more than 10 items',
    11,
    'batch.metrics.maxItems',
  ],
  ['no service', { metrics: [metricOf(1)] }, 'service_name is required', 1, 'batch.service_name.required'],
  [
    'a long environment',
    { service_name: 'a', metrics: [metricOf(1)], environment: 'x'.repeat(51) },
    'environment must NOT have more than 50 characters',
    1,
    'batch.environment.maxLength',
  ],
]

for (const [name, batch, error, received, reason] of envelopes) {
  test(`a wrong envelope is refused as a whole: ${name}`, async (t) => {
    t.throws(() => validate(batch), {
      code: 'VANTAGE_INVALID_BATCH',
      message: `The batch is not valid: ${error}`,
      extras: { errors: [error], metricsReceived: received, rejections: received === 0 ? {} : { [reason]: received } },
    })
  })
}

test('what was rejected is counted by reasons in which nothing of the request is', async (t) => {
  const bad = [1, {}, { ...metricOf(1), value: '1' }, { ...metricOf(1), tags: { secret: 1 } }]
  const { rejections } = validate({ metrics: [metricOf(1), ...bad], service_name: 'a' })
  t.same(rejections, { 'metric.type': 1, 'timestamp.required': 1, 'value.type': 1, 'tags.type': 1 })
})

test('age limits are off by default and reject what is too old or too far ahead when on', async (t) => {
  const hour = 3_600_000
  const strict = createValidate({ ...limits, maxAgeHours: 2, maxFutureHours: 1 })
  const at = (offset: number) => ({ ...metricOf(1), timestamp: Date.now() + offset })
  const verdict = strict({ metrics: [at(-3 * hour), at(-hour), at(0.5 * hour), at(2 * hour)], service_name: 'a' })
  t.same(verdict.indexes, [1, 2])
  t.same(verdict.errors, [
    'metrics[0].timestamp is older than 2 hours',
    'metrics[3].timestamp is more than 1 hours in the future',
  ])
  t.same(verdict.rejections, { 'timestamp.age': 1, 'timestamp.future': 1 })
})

test('a long path into a metric is cut short', async (t) => {
  const [error] = errorsOf({ ...metricOf(1), tags: { ['x'.repeat(5000)]: 1 } })
  t.ok(error !== undefined && error.length < 150, `${error?.length} characters`)
})

test('what is thrown is a problem that says not to retry', async (t) => {
  try {
    validate({})
    t.fail('an empty object is no batch')
  } catch (error) {
    t.ok(error instanceof Problem && !error.definition.retryable)
  }
})
