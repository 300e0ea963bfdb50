import { test } from 'tap'
import { Reader } from '../../../../lib/ingest/native/reader.js'
import { exportRequest } from '../../../support/protobuf.js'
import { readerOptions, takeLines } from '../../../support/reader.js'

const type = exportRequest()
const now = 1701878400000
const time = '1701878400123456789'
const start = '1701878340000000000'

type Given = Partial<typeof readerOptions> & { suffix?: string; oldest?: number; newest?: number }

/** What is found in a body that can be read. */
function read(body: Buffer, given: Given = {}) {
  const reading = tryToRead(body, given)
  if (reading.fault !== undefined) throw new Error(`${reading.fault} at byte ${reading.byte}`)
  return reading
}

function tryToRead(body: Buffer, { suffix = '', oldest = -Infinity, newest = Infinity, ...given }: Given = {}) {
  const reader = new Reader({ ...readerOptions, ...given })
  const reading = reader.readOtlp(body, { now, oldest, newest, suffix })
  if (reading.fault !== undefined) return reading
  return { ...reading, ...takeLines(reader, reading) }
}

const encode = (request: object) => Buffer.from(type.encode(type.fromObject(request)).finish())
const text = (key: string, stringValue: string) => ({ key, value: { stringValue } })
const int = (key: string, intValue: number) => ({ key, value: { intValue } })

const resource = {
  attributes: [
    text('service.name', 'shop'),
    text('deployment.environment', 'production'),
    text('telemetry.sdk.name', 'opentelemetry'),
    text('telemetry.sdk.version', '1.30.0'),
    text('host.name', 'h1'),
  ],
}

/** A request with metrics of one scope. */
function requestOf(...metrics: object[]) {
  return { resourceMetrics: [{ resource, scopeMetrics: [{ scope: { name: 'cart', version: '2.1' }, metrics }] }] }
}

/** One with a gauge of a point, and nothing else. */
function gaugeOf(point: object, name = 'g') {
  return { resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name, gauge: { dataPoints: [point] } }] }] }] }
}

const ending =
  '"environment":"production","agent_version":"opentelemetry/1.30.0","unit":"s","temporality":"cumulative",' +
  '"start_timestamp":1701878340000,"scope":{"name":"cart","version":"2.1"}'

test('a gauge, and a sum whose integers are beyond doubles', async (t) => {
  const { lines, services, metricEnds } = read(
    encode(
      requestOf(
        {
          name: 'temp',
          unit: 'Cel',
          gauge: { dataPoints: [{ asDouble: 21.5, timeUnixNano: time, attributes: [text('room', 'hall')] }] },
        },
        {
          name: 'orders',
          sum: {
            isMonotonic: true,
            aggregationTemporality: 1,
            dataPoints: [
              {
                asInt: '9007199254740993',
                timeUnixNano: time,
                startTimeUnixNano: start,
                attributes: [
                  text('host.name', 'own'),
                  int('n', 3),
                  { key: 'ok', value: { boolValue: true } },
                  { key: 'list', value: { arrayValue: { values: [{ stringValue: 'a' }, { intValue: 1 }, {}] } } },
                ],
              },
            ],
          },
        },
      ),
    ),
    { suffix: ',"trace_id":"t"' },
  )
  t.same(lines, [
    '{"timestamp":1701878400123,"service_name":"shop","metric_name":"temp","metric_type":"gauge","value":21.5,"tags":{"room":"hall","host.name":"h1"},"environment":"production","agent_version":"opentelemetry/1.30.0","unit":"Cel","scope":{"name":"cart","version":"2.1"},"trace_id":"t"}',
    '{"timestamp":1701878400123,"service_name":"shop","metric_name":"orders","metric_type":"counter","value":9007199254740993,"tags":{"host.name":"own","n":"3","ok":"true","list":"[\\"a\\",1,null]"},"environment":"production","agent_version":"opentelemetry/1.30.0","temporality":"delta","start_timestamp":1701878340000,"scope":{"name":"cart","version":"2.1"},"trace_id":"t"}',
  ])
  t.same(services, [{ name: 'shop', metrics: 2 }])
  t.same(metricEnds, [1, 2])
})

test('a histogram stays whole in the record of its count; buckets are records where they are asked for', async (t) => {
  const point = {
    timeUnixNano: time,
    startTimeUnixNano: start,
    count: 3,
    sum: 1.5,
    min: 0.1,
    max: 1,
    explicitBounds: [0.5],
    bucketCounts: [2, 1],
    attributes: [
      text('http.route', '/cart'),
      text('http.request.method', 'GET'),
      int('http.response.status_code', 200),
    ],
    exemplars: [
      {
        asDouble: 0.7,
        timeUnixNano: '1701878400100000000',
        traceId: Buffer.from('4bf92f3577b34da6a3ce929d0e0e4736', 'hex'),
        spanId: Buffer.from('00f067aa0ba902b7', 'hex'),
        filteredAttributes: [text('user', 'u1')],
      },
    ],
  }
  const metric = { name: 'd', unit: 's', histogram: { aggregationTemporality: 2, dataPoints: [point] } }
  const body = encode(requestOf(metric))
  const begin = '{"timestamp":1701878400123,"service_name":"shop","metric_name":"d_'
  const tags = '"http.route":"/cart","http.request.method":"GET","http.response.status_code":"200","host.name":"h1"}'
  const rest = `,"endpoint":"/cart","method":"GET","status_code":200,${ending}`
  const count =
    `${begin}count","metric_type":"histogram","value":3,"histogram":{"count":3,"sum":1.5,"min":0.1,"max":1,"bounds":[0.5],"counts":[2,1]},"tags":{${tags}${rest}` +
    ',"exemplars":[{"timestamp":1701878400100,"value":0.7,"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","tags":{"user":"u1"}}]}'
  const sum = `${begin}sum","metric_type":"counter","value":1.5,"tags":{${tags}${rest}}`
  const bucket = (le: string, value: number) =>
    `${begin}bucket","metric_type":"counter","value":${value},"tags":{"le":"${le}",${tags}${rest}}`
  t.same(read(body).lines, [count, sum])
  const { lines, metricEnds, received } = read(body, { buckets: true })
  t.same(lines, [count, sum, bucket('0.5', 2), bucket('+Inf', 3)])
  t.same(metricEnds, [1, 1, 1, 1], 'all of them are of one metric')
  t.equal(received, 1)
})

test('an exponential histogram, and a summary', async (t) => {
  const exponential = {
    name: 'lat',
    exponentialHistogram: {
      dataPoints: [
        {
          timeUnixNano: time,
          count: 7,
          sum: 10,
          scale: 1,
          zeroCount: 1,
          positive: { offset: -1, bucketCounts: [2, 4] },
        },
      ],
    },
  }
  const quantileValues = [
    { quantile: 0.5, value: 1 },
    { quantile: 0.99, value: Number.NaN },
  ]
  const attributes = [text('quantile', 'hidden')]
  const summary = { name: 'rpc', summary: { dataPoints: [{ count: 2, sum: 3.5, attributes, quantileValues }] } }
  const { lines } = read(encode(requestOf(exponential, summary)), { buckets: true })
  const values = lines.map((line) => {
    const { metric_name, metric_type, value, histogram, tags } = JSON.parse(line)
    return [metric_name, metric_type, value, tags.le ?? tags.quantile, ...(histogram === undefined ? [] : [histogram])]
  })
  const histogram = { count: 7, sum: 10, scale: 1, zero_count: 1, positive: { offset: -1, counts: [2, 4] } }
  t.same(values, [
    ['lat_count', 'histogram', 7, undefined, histogram],
    ['lat_sum', 'counter', 10, undefined],
    ['lat_bucket', 'counter', 1, '0'],
    ['lat_bucket', 'counter', 3, '1'],
    ['lat_bucket', 'counter', 7, '1.41421356237'],
    ['lat_bucket', 'counter', 7, '+Inf'],
    ['rpc_count', 'counter', 2, 'hidden'],
    ['rpc_sum', 'counter', 3.5, 'hidden'],
    ['rpc', 'gauge', 1, '0.5'],
  ])
})

test('what nobody says gets a default, and a point without a time that of its receipt', async (t) => {
  t.same(read(encode(gaugeOf({ asInt: -1 }))).lines, [
    '{"timestamp":1701878400000,"service_name":"unknown_service","metric_name":"g","metric_type":"gauge","value":-1,"environment":"development","agent_version":"unknown"}',
  ])
})

test('numbers are written as JSON.stringify does, but for integers beyond 64 bits', async (t) => {
  const given = [
    0,
    -0,
    0.1,
    1e21,
    1e-7,
    123456.789,
    5e-324,
    1.7976931348623157e308,
    2 ** 53,
    2 ** 62,
    -(2 ** 63),
    1e20,
    0.000001,
  ]
  for (const asDouble of given) {
    const [line = ''] = read(encode(gaugeOf({ asDouble }))).lines
    const [, value] = /"value":([^,]+)/.exec(line) ?? []
    const beyond = Math.abs(asDouble) >= 2 ** 63
    t.equal(value, beyond ? asDouble.toExponential() : JSON.stringify(asDouble))
  }
})

test('text is escaped as JSON.stringify does', async (t) => {
  const texts = [
    '',
    'é"\\\n\r\t\b\f\u0000\u001f\u007f',
    '名'.repeat(100),
    'a'.repeat(7),
    `${'a'.repeat(8)}"`,
    '😀\u2028',
    'ab\u0001cdefghijk"é',
  ]
  for (const value of texts) {
    const [line = ''] = read(encode(gaugeOf({ asInt: 1, attributes: [text(`k${value}`, value)] }))).lines
    t.match(line, `"tags":{${JSON.stringify(`k${value}`)}:${JSON.stringify(value)}}`)
  }
})

test('what is not valid is rejected, what has no value is skipped, each for itself', async (t) => {
  const good = { asInt: 1 }
  const metrics = [
    { name: 'n'.repeat(256), gauge: { dataPoints: [good] } },
    { name: '', gauge: { dataPoints: [good] } },
    { name: 'é'.repeat(255), gauge: { dataPoints: [good, { flags: 1 }, {}, { asDouble: Infinity }] } },
    {
      name: 'old',
      gauge: {
        dataPoints: [
          { ...good, timeUnixNano: '1000000' },
          { ...good, timeUnixNano: '9000000000000000000' },
        ],
      },
    },
    { name: 'h', histogram: { dataPoints: [{ bucketCounts: [1] }, { bucketCounts: [1], explicitBounds: [1] }] } },
    {
      name: 't',
      gauge: { dataPoints: [{ ...good, attributes: Array.from({ length: 1001 }, (_, n) => int(`${n}`, n)) }] },
    },
    {
      name: 'u',
      gauge: { dataPoints: [{ ...good, attributes: Array.from({ length: 1000 }, (_, n) => int(`${n}`, n)) }] },
    },
  ]
  const request = { resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }
  const { lines, ...reading } = read(encode(request), { oldest: now, newest: now + 1 })
  t.match(reading, {
    received: 12,
    accepted: 3,
    rejected: {
      'metric_name.maxLength': 1,
      'metric_name.minLength': 1,
      'timestamp.age': 1,
      'timestamp.future': 1,
      'histogram.bounds': 1,
      'tags.maxProperties': 1,
    },
    skipped: { no_recorded_value: 2, not_finite: 1 },
    rejections: [
      { index: 0, reason: 'metric_name.maxLength', name: 'n'.repeat(100) },
      { index: 1, reason: 'metric_name.minLength', name: '' },
      { index: 6, reason: 'timestamp.age', name: 'old' },
      { index: 7, reason: 'timestamp.future', name: 'old' },
      { index: 9, reason: 'histogram.bounds', name: 'h' },
      { index: 10, reason: 'tags.maxProperties', name: 't' },
    ],
  })
  t.equal(lines.length, 3)
})

test('the point hides the scope, and the scope the resource', async (t) => {
  const all = (value: string, ...names: string[]) => names.map((name) => text(name, value))
  const metrics = [
    { name: 'g', gauge: { dataPoints: [{ asInt: 1, attributes: all('p', 'a', 'b', 'a') }, { asInt: 2 }] } },
  ]
  const scopeMetrics = [{ scope: { attributes: all('s', 'b', 'c') }, metrics }, { metrics }]
  const { lines } = read(
    encode({ resourceMetrics: [{ resource: { attributes: all('r', 'c', 'd', 'a') }, scopeMetrics }] }),
  )
  t.same(
    lines.map((line) => JSON.stringify(JSON.parse(line).tags)),
    [
      '{"a":"p","b":"p","c":"s","d":"r"}',
      '{"b":"s","c":"s","d":"r","a":"r"}',
      '{"a":"p","b":"p","c":"r","d":"r"}',
      '{"c":"r","d":"r","a":"r"}',
    ],
  )
})

test('lines of one service share a record as far as it has room', async (t) => {
  const body = encode({
    resourceMetrics: ['a', 'a', 'b'].map((name) => ({
      resource: { attributes: [text('service.name', name)] },
      scopeMetrics: [{ metrics: [{ name: 'g', gauge: { dataPoints: [{ asInt: 1 }, { asInt: 2 }] } }] }],
    })),
  })
  const { lines, metricEnds, serviceOf, services } = read(body, { ndjson: true, maxRecordBytes: 500 })
  t.same(
    lines.map((record) => record.split('\n').map((line) => JSON.parse(line).value)),
    [[1, 2, 1], [2], [1, 2]],
  )
  t.same(
    [metricEnds, serviceOf],
    [
      [3, 4, 6],
      [0, 0, 1],
    ],
  )
  t.same(services, [
    { name: 'a', metrics: 4 },
    { name: 'b', metrics: 2 },
  ])
})

test('any order of fields says the same, and unknown ones nothing', async (t) => {
  const body = encode(requestOf({ name: 'g', gauge: { dataPoints: [{ asInt: 1 }] } }))
  t.same(read(backwards(body)).lines, read(body).lines)
})

/** The fields of ResourceMetrics and ScopeMetrics the other way round, and unknown ones between. */
function backwards(body: Buffer): Buffer {
  const unknown = Buffer.from([
    0xf8, 0x7f, 0x01, 0xfd, 0x7f, 1, 2, 3, 4, 0xf9, 0x7f, 1, 2, 3, 4, 5, 6, 7, 8, 0xfa, 0x7f, 1, 0,
  ])
  const turned = (message: Buffer, depth: number): Buffer => {
    const fields: Buffer[] = []
    for (let at = 0; at < message.length; ) {
      const { length, size } = lengthAt(message, at + 1)
      const from = at + 1 + size
      const content = message.subarray(from, from + length)
      const inner = depth > 0 && message[at] === (depth === 2 ? 0x0a : 0x12) ? turned(content, depth - 1) : content
      fields.unshift(Buffer.concat([Buffer.of(message[at] ?? 0), varint(inner.length), inner, unknown]))
      at = from + length
    }
    return Buffer.concat(fields)
  }
  return turned(body, 2)
}

/** A point with an attribute of lists in lists, deeper than protobufjs writes them. */
function nested(depth: number): Buffer {
  const inMessage = (tag: number, message: Buffer) => Buffer.concat([Buffer.of(tag), varint(message.length), message])
  let value: Buffer = Buffer.alloc(0)
  for (let n = 0; n < depth; n++) value = inMessage(0x2a, inMessage(0x0a, value))
  const point = Buffer.concat([Buffer.of(0x31, 1, 0, 0, 0, 0, 0, 0, 0), inMessage(0x3a, inMessage(0x12, value))])
  const metric = Buffer.concat([Buffer.of(0x0a, 1, 0x67), inMessage(0x2a, inMessage(0x0a, point))])
  return inMessage(0x0a, inMessage(0x12, inMessage(0x12, metric)))
}

function lengthAt(bytes: Buffer, at: number): { length: number; size: number } {
  const [first = 0, second = 0] = bytes.subarray(at)
  return first < 128 ? { length: first, size: 1 } : { length: first - 128 + 128 * second, size: 2 }
}

function varint(value: number): Buffer {
  return value < 128 ? Buffer.of(value) : Buffer.of((value % 128) + 128, Math.floor(value / 128))
}

test('a body that cannot be read is named with its fault, and the reader reads the next', async (t) => {
  const good = encode(requestOf({ name: 'g', gauge: { dataPoints: [{ asInt: 1 }] } }))
  const notUtf8 = Buffer.from(
    encode(gaugeOf({ asInt: 1 }, 'name'))
      .toString('latin1')
      .replace('name', 'n\xffme'),
    'latin1',
  )
  const cases: [string, Buffer][] = [
    ['truncated', good.subarray(0, -1)],
    ['truncated', Buffer.of(0x0a, 0x7f)],
    ['truncated', Buffer.of(0x0a)],
    ['tag', Buffer.of(0x00)],
    ['tag', Buffer.of(0x0e)],
    ['group', Buffer.of(0x0b)],
    ['type', Buffer.of(0x08, 1)],
    ['integer', Buffer.alloc(11, 0xff)],
    ['utf8', notUtf8],
    ['depth', nested(65)],
    ['metrics', encode(gaugeOf({ asInt: 1 }))],
  ]
  for (const [fault, body] of cases) {
    t.equal(tryToRead(body, fault === 'metrics' ? { maxMetrics: 0 } : {}).fault, fault)
    t.equal(read(good).lines.length, 1)
  }
  t.equal(read(nested(64)).fault, undefined)
  t.equal(tryToRead(good, { maxBytes: 100 }).fault, 'size')
  t.match(read(Buffer.alloc(0)), { received: 0, records: 0, bytes: 0 })
  for (let end = 0; end < good.length; end++) tryToRead(good.subarray(0, end))
})
