import { test } from 'tap'
import {
  type FoundPoints,
  inProtobuf,
  nestedLists,
  readDecoded,
  readJson,
  readNatively,
} from '../../../../support/otlp.js'

type Given = NonNullable<Parameters<typeof readJson>[1]>
type Case = {
  name: string
  request: object
  given?: Given
  expect: (found: FoundPoints, records: Parsed[]) => unknown
  is?: unknown
}
type Parsed = Record<string, unknown> & { tags: Record<string, string> }

const time = '1701878400123456789'
const text = (key: string, stringValue: string) => ({ key, value: { stringValue } })
const requestOf = (metric: object, resource: object[] = [], scope: object = {}) => ({
  resourceMetrics: [{ resource: { attributes: resource }, scopeMetrics: [{ scope, metrics: [metric] }] }],
})
const gauge = (...dataPoints: object[]) => requestOf({ name: 'g', gauge: { dataPoints } })
const ofAttributes = (...attributes: object[]) => gauge({ timeUnixNano: time, asInt: '1', attributes })
const histogram = (point: object) =>
  requestOf({ name: 'h', histogram: { aggregationTemporality: 2, dataPoints: [point] } })
const named = (name: string, kind = 'gauge') =>
  requestOf({
    name,
    [kind]: {
      dataPoints: [{ timeUnixNano: time, asInt: '1' }].map((p) => (kind === 'gauge' ? p : { timeUnixNano: time })),
    },
  })

/** Attributes whose value is a list in a list in a list. */
const nested = (levels: number): object =>
  levels === 0 ? { stringValue: 'x' } : { arrayValue: { values: [nested(levels - 1)] } }

const cases: Case[] = [
  {
    name: 'an empty request',
    request: {},
    expect: ({ received, records }) => [received, records],
    is: [0, []],
  },
  {
    name: 'integers are exact beyond 2^53, and at both ends of 64 bits',
    request: gauge(
      ...['9007199254740993', '9223372036854775807', '-9223372036854775808', '0'].map((asInt) => ({
        timeUnixNano: time,
        asInt,
      })),
    ),
    expect: ({ records }) => records.map((record) => /"value":([^,}]+)/.exec(record)?.[1]),
    is: ['9007199254740993', '9223372036854775807', '-9223372036854775808', '0'],
  },
  {
    name: 'doubles are as short as they can be, and have an exponent where they are integers beyond 64 bits',
    request: gauge(
      ...[0.1, 1e21, 1.2345678901234568e20, 5e-324, 1.7976931348623157e308, 3, 1e-7, 100, 2 ** 63].map((asDouble) => ({
        timeUnixNano: time,
        asDouble,
      })),
    ),
    expect: ({ records }) => records.map((record) => /"value":([^,}]+)/.exec(record)?.[1]),
    is: [
      '0.1',
      '1e+21',
      '1.2345678901234568e+20',
      '5e-324',
      '1.7976931348623157e+308',
      '3',
      '1e-7',
      '100',
      '9.223372036854776e+18',
    ],
  },
  {
    name: 'NaN, infinity, no value and the flag for none are skipped',
    request: gauge(
      { timeUnixNano: time, asDouble: 'NaN' },
      { timeUnixNano: time, asDouble: 'Infinity' },
      { timeUnixNano: time, asDouble: '-Infinity' },
      { timeUnixNano: time },
      { timeUnixNano: time, asInt: '1', flags: 1 },
      { timeUnixNano: time, asInt: '1', flags: 2 },
    ),
    expect: ({ received, skipped, records }) => [received, skipped, records.length],
    is: [6, { not_finite: 3, no_recorded_value: 2 }, 1],
  },
  {
    name: 'a point without a time was measured when it came',
    request: gauge({ asInt: '1' }, { asInt: '1', timeUnixNano: '999999', startTimeUnixNano: '999999' }),
    expect: (_, records) => records.map(({ timestamp, start_timestamp }) => [timestamp, start_timestamp]),
    is: [
      [1701878400000, null],
      [1701878400000, null],
    ],
  },
  {
    name: 'each kind of attribute is a text',
    request: ofAttributes(
      text('text', 'ü "quoted"\n\u0001'),
      { key: 'bool', value: { boolValue: false } },
      { key: 'int', value: { intValue: '-9007199254740993' } },
      { key: 'double', value: { doubleValue: 1.5 } },
      { key: 'nan', value: { doubleValue: 'NaN' } },
      { key: 'bytes', value: { bytesValue: Buffer.from([0, 255]).toString('base64') } },
      { key: 'none', value: {} },
      { key: 'absent' },
      {
        key: 'list',
        value: {
          arrayValue: {
            values: [
              { stringValue: 'a' },
              { intValue: '1' },
              { doubleValue: 'Infinity' },
              { boolValue: true },
              {},
              { bytesValue: 'AP8=' },
            ],
          },
        },
      },
      {
        key: 'map',
        value: { kvlistValue: { values: [text('a', '"'), { key: 'b', value: nested(2) }, { key: 'c' }] } },
      },
    ),
    expect: (_, [record]) => record?.tags,
    is: {
      text: 'ü "quoted"\n\u0001',
      bool: 'false',
      int: '-9007199254740993',
      double: '1.5',
      nan: 'NaN',
      bytes: 'AP8=',
      none: '',
      absent: '',
      list: '["a",1,"Infinity",true,null,"AP8="]',
      map: '{"a":"\\"","b":[["x"]],"c":null}',
    },
  },
  {
    name: 'of attributes with one name the point’s counts, and of two of the point the first',
    request: requestOf(
      {
        name: 'g',
        gauge: { dataPoints: [{ timeUnixNano: time, asInt: '1', attributes: [text('a', '1'), text('a', '2')] }] },
      },
      [text('a', '3'), text('b', '4'), text('c', '5'), text('c', '6')],
      { name: 's', attributes: [text('b', '7'), text('d', '8')] },
    ),
    expect: (_, [record]) => record?.tags,
    is: { a: '1', b: '7', d: '8', c: '5' },
  },
  {
    name: 'what the resource says is in members',
    request: requestOf(
      { name: 'g', unit: 's', gauge: { dataPoints: [{ timeUnixNano: time, asInt: '1' }] } },
      [
        text('service.name', 'shop'),
        text('deployment.environment.name', 'production'),
        text('deployment.environment', 'old'),
        text('telemetry.sdk.name', 'sdk'),
        text('telemetry.sdk.version', '1.2'),
      ],
      { name: 'scope', version: '3' },
    ),
    expect: (_, [record]) => record,
    is: {
      timestamp: 1701878400123,
      service_name: 'shop',
      metric_name: 'g',
      metric_type: 'gauge',
      value: 1,
      tags: { 'deployment.environment': 'old' },
      environment: 'production',
      agent_version: 'sdk/1.2',
      unit: 's',
      scope: { name: 'scope', version: '3' },
    },
  },
  {
    name: 'what is too long for its member is a tag',
    request: requestOf({ name: 'g', gauge: { dataPoints: [{ timeUnixNano: time, asInt: '1' }] } }, [
      text('deployment.environment.name', 'x'.repeat(51)),
      text('deployment.environment', 'old'),
      text('telemetry.sdk.name', 'sdk'),
      { key: 'service.name', value: { intValue: '5' } },
    ]),
    expect: (_, [record]) => record,
    is: {
      timestamp: 1701878400123,
      service_name: 'unknown_service',
      metric_name: 'g',
      metric_type: 'gauge',
      value: 1,
      tags: {
        'deployment.environment.name': 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
        'telemetry.sdk.name': 'sdk',
        'service.name': '5',
      },
      environment: 'old',
      agent_version: 'unknown',
    },
  },
  {
    name: 'HTTP',
    request: ofAttributes(text('http.route', '/a'), text('http.method', 'PUT'), text('http.request.method', 'POST'), {
      key: 'http.status_code',
      value: { intValue: '404' },
    }),
    expect: (_, [record]) => record,
    is: {
      timestamp: 1701878400123,
      service_name: 'unknown_service',
      metric_name: 'g',
      metric_type: 'gauge',
      value: 1,
      tags: { 'http.route': '/a', 'http.method': 'PUT', 'http.request.method': 'POST', 'http.status_code': '404' },
      endpoint: '/a',
      method: 'POST',
      status_code: 404,
      environment: 'development',
      agent_version: 'unknown',
    },
  },
  {
    name: 'HTTP over the limits',
    request: ofAttributes(
      text('http.route', 'x'.repeat(501)),
      text('http.request.method', 'x'.repeat(11)),
      text('http.method', 'GET'),
      { key: 'http.response.status_code', value: { intValue: '1000' } },
    ),
    expect: (_, [record]) => [record?.endpoint, record?.method, record?.status_code],
    is: [null, 'GET', null],
  },
  {
    name: 'sums',
    request: {
      resourceMetrics: [
        {
          scopeMetrics: [
            {
              metrics: [
                [1, true],
                [2, false],
                [0, true],
                [7, false],
              ].map(([aggregationTemporality, isMonotonic]) => ({
                name: 's',
                sum: { aggregationTemporality, isMonotonic, dataPoints: [{ timeUnixNano: time, asDouble: 1 }] },
              })),
            },
          ],
        },
      ],
    },
    expect: (_, records) => records.map(({ metric_type, temporality }) => [metric_type, temporality]),
    is: [
      ['counter', 'delta'],
      ['gauge', 'cumulative'],
      ['counter', null],
      ['gauge', null],
    ],
  },
  {
    name: 'a histogram with a sum that is no number',
    request: histogram({
      timeUnixNano: time,
      count: '3',
      sum: 'NaN',
      min: '-Infinity',
      max: 2,
      explicitBounds: [1],
      bucketCounts: ['1', '2'],
    }),
    expect: ({ metricEnds }, records) => [
      metricEnds,
      records.map(({ metric_name, histogram }) => [metric_name, histogram]),
    ],
    is: [[1], [['h_count', { count: 3, max: 2, bounds: [1], counts: [1, 2] }]]],
  },
  {
    name: 'histograms without buckets, and with bounds that do not fit',
    request: requestOf({
      name: 'h',
      histogram: {
        dataPoints: [
          { timeUnixNano: time, count: '1', sum: 1 },
          { timeUnixNano: time, count: '1', explicitBounds: [1], bucketCounts: ['1'] },
          { timeUnixNano: time, count: '1', explicitBounds: [1, 1], bucketCounts: ['1', '0', '0'] },
          { timeUnixNano: time, count: '1', explicitBounds: [1, 'Infinity'], bucketCounts: ['1', '0', '0'] },
          { timeUnixNano: time, count: '18446744073709551615', bucketCounts: ['18446744073709551615'] },
        ],
      },
    }),
    expect: ({ rejected, metricEnds }, records) => [rejected, metricEnds, records.map(({ histogram }) => histogram)],
    is: [
      { 'histogram.bounds': 3 },
      [1, 1, 2],
      [{ count: 1, sum: 1 }, null, { count: 18446744073709552000, bounds: [], counts: [18446744073709552000] }],
    ],
  },
  {
    name: 'buckets of histograms',
    given: { buckets: true },
    request: histogram({
      timeUnixNano: time,
      count: '6',
      sum: 9,
      explicitBounds: [0.005, 1, 10],
      bucketCounts: ['1', '2', '0', '3'],
      attributes: [text('le', 'own'), text('a', 'b')],
    }),
    expect: ({ metricEnds }, records) => [
      metricEnds,
      records.map(({ metric_name, value, tags }) => [metric_name, value, tags]),
    ],
    is: [
      [1, 1, 1, 1, 1, 1],
      [
        ['h_count', 6, { le: 'own', a: 'b' }],
        ['h_sum', 9, { le: 'own', a: 'b' }],
        ['h_bucket', 1, { le: '0.005', a: 'b' }],
        ['h_bucket', 3, { le: '1', a: 'b' }],
        ['h_bucket', 3, { le: '10', a: 'b' }],
        ['h_bucket', 6, { le: '+Inf', a: 'b' }],
      ],
    ],
  },
  {
    name: 'buckets of exponential histograms',
    given: { buckets: true },
    request: requestOf({
      name: 'e',
      exponentialHistogram: {
        dataPoints: [
          {
            timeUnixNano: time,
            count: '10',
            scale: 3,
            zeroCount: '1',
            zeroThreshold: 0.001,
            positive: { offset: -2, bucketCounts: ['1', '0', '2'] },
            negative: { offset: 1, bucketCounts: ['2', '4'] },
          },
          { timeUnixNano: time, count: '1', scale: -11, positive: { offset: 0, bucketCounts: ['1'] } },
        ],
      },
    }),
    expect: (_, records) =>
      records.map(({ metric_name, value, tags, histogram }) => [metric_name, value, tags?.le, histogram]),
    is: [
      [
        'e_count',
        10,
        null,
        {
          count: 10,
          scale: 3,
          zero_count: 1,
          zero_threshold: 0.001,
          positive: { offset: -2, counts: [1, 0, 2] },
          negative: { offset: 1, counts: [2, 4] },
        },
      ],
      ['e_bucket', 4, '-1.189207115', null],
      ['e_bucket', 6, '-1.09050773267', null],
      ['e_bucket', 7, '0.001', null],
      ['e_bucket', 8, '0.917004043205', null],
      ['e_bucket', 8, '1', null],
      ['e_bucket', 10, '1.09050773267', null],
      ['e_bucket', 10, '+Inf', null],
      ['e_count', 1, null, { count: 1, scale: -11, zero_count: 0, positive: { offset: 0, counts: [1] } }],
      ['e_bucket', 0, '0', null],
      ['e_bucket', 1, '+Inf', null],
    ],
  },
  {
    name: 'a summary',
    request: requestOf({
      name: 's',
      summary: {
        dataPoints: [
          {
            timeUnixNano: time,
            count: '2',
            sum: 3.5,
            quantileValues: [
              { quantile: 0.5, value: 1 },
              { quantile: 0.99, value: 'NaN' },
            ],
          },
          { timeUnixNano: time },
        ],
      },
    }),
    expect: ({ metricEnds }, records) => [
      metricEnds,
      records.map(({ metric_name, metric_type, value, tags }) => [metric_name, metric_type, value, tags]),
    ],
    is: [
      [1, 1, 1, 2, 2],
      [
        ['s_count', 'counter', 2, null],
        ['s_sum', 'counter', 3.5, null],
        ['s', 'gauge', 1, { quantile: '0.5' }],
        ['s_count', 'counter', 0, null],
        ['s_sum', 'counter', 0, null],
      ],
    ],
  },
  {
    name: 'exemplars',
    request: gauge({
      timeUnixNano: time,
      asInt: '1',
      exemplars: [
        {
          timeUnixNano: time,
          asInt: '2',
          traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
          spanId: '00f067aa0ba902b7',
          filteredAttributes: [text('a', 'b')],
        },
        { asDouble: 'NaN' },
        { asDouble: 0.5 },
        {},
      ],
    }),
    expect: (_, [record]) => record?.exemplars,
    is: [
      {
        timestamp: 1701878400123,
        value: 2,
        trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
        span_id: '00f067aa0ba902b7',
        tags: { a: 'b' },
      },
      { value: 0.5 },
    ],
  },
  ...[
    { length: 0, is: [{ 'metric_name.minLength': 1 }, 0] },
    { length: 255, is: [{}, 1] },
    { length: 256, is: [{ 'metric_name.maxLength': 1 }, 0] },
  ].map(({ length, is }) => ({
    name: `a gauge whose name has ${length} characters`,
    request: named('😀'.repeat(length)),
    expect: ({ rejected, records }: FoundPoints) => [rejected, records.length],
    is,
  })),
  ...[
    { length: 248, is: [{}, 2] },
    { length: 249, is: [{ 'metric_name.maxLength': 1 }, 0] },
  ].map(({ length, is }) => ({
    name: `a summary whose name has ${length} characters`,
    request: named('x'.repeat(length), 'summary'),
    expect: ({ rejected, records }: FoundPoints) => [rejected, records.length],
    is,
  })),
  {
    name: 'a service whose name is too long',
    request: requestOf({ name: 'g', gauge: { dataPoints: [{ asInt: '1' }, { asInt: '2' }] } }, [
      text('service.name', 'x'.repeat(256)),
    ]),
    expect: ({ received, rejected }) => [received, rejected],
    is: [2, { 'service_name.maxLength': 2 }],
  },
  {
    name: 'age',
    given: { maxAgeHours: 1, maxFutureHours: 1 },
    request: gauge(
      { timeUnixNano: '1701874800000000000', asInt: '1' },
      { timeUnixNano: '1701874799000000000', asInt: '1' },
      { timeUnixNano: '1701882000000000000', asInt: '1' },
      { timeUnixNano: '1701882001000000000', asInt: '1' },
      { asInt: '1' },
    ),
    expect: ({ rejected, records }) => [rejected, records.length],
    is: [{ 'timestamp.age': 1, 'timestamp.future': 1 }, 3],
  },
  {
    name: 'too many attributes',
    request: ofAttributes(...Array.from({ length: 1001 }, (_, n) => text(`a${n}`, ''))),
    expect: ({ rejected }) => rejected,
    is: { 'tags.maxProperties': 1 },
  },
  {
    name: 'members of the request go into each record',
    given: { suffix: ',"trace_id":"a","span_id":"b"' },
    request: gauge({ asInt: '1' }),
    expect: ({ records }) => records,
    is: [
      '{"timestamp":1701878400000,"service_name":"unknown_service","metric_name":"g","metric_type":"gauge","value":1,"environment":"development","agent_version":"unknown","trace_id":"a","span_id":"b"}',
    ],
  },
]

for (const { name, request, given, expect, is } of cases) {
  test(name, async (t) => {
    const body = inProtobuf(request)
    const json = readJson(request, given)
    t.same(readNatively(body, given), json, 'C finds the same')
    t.same(readDecoded(body, given), json, 'so does what decodes protobuf for dead letters')
    const parsed = json.records.map((record): Parsed => JSON.parse(record))
    t.same(JSON.parse(JSON.stringify(expect(json, parsed))), is)
  })
}

test('JSON as agents write it', async (t) => {
  const strict = gauge({ timeUnixNano: '1701878400123456789', asInt: '5', flags: 0 })
  const loose = gauge({ timeUnixNano: '1701878400123456789', asInt: 5, unknown: [{}], flags: 0 })
  t.same(readJson(loose), readJson(strict))
  const byName = (aggregationTemporality: unknown) =>
    readJson(requestOf({ name: 's', sum: { aggregationTemporality, dataPoints: [{ timeUnixNano: time, asInt: 1 }] } }))
  t.same(byName('AGGREGATION_TEMPORALITY_DELTA'), byName(1))
  t.same(byName('AGGREGATION_TEMPORALITY_CUMULATIVE'), byName(2))
  const nulls = gauge({ timeUnixNano: time, asInt: '5', attributes: null, exemplars: null, startTimeUnixNano: null })
  t.same(readJson(nulls), readJson(gauge({ timeUnixNano: time, asInt: '5' })))
})

const wrong: [name: string, request: object][] = [
  ['a list that is none', { resourceMetrics: 1 }],
  ['a metric that is none', { resourceMetrics: [{ scopeMetrics: [{ metrics: [1] }] }] }],
  ['a name that is none', requestOf({ name: 5, gauge: { dataPoints: [] } })],
  ['an integer that is none', gauge({ timeUnixNano: time, asInt: '1.5' })],
  ['an integer beyond 64 bits', gauge({ timeUnixNano: time, asInt: '9223372036854775808' })],
  ['a time before 1970', gauge({ timeUnixNano: '-1', asInt: '1' })],
  ['a double that is none', gauge({ timeUnixNano: time, asDouble: 'x' })],
  ['attributes nested deeper than 64 levels', ofAttributes({ key: 'deep', value: nested(65) })],
]
for (const [name, request] of wrong) {
  test(`${name} makes it no export request`, async (t) => {
    t.throws(() => readJson(request))
  })
}

test('attributes nested as deep as they may be', async (t) => {
  const request = requestOf({ name: 'g', gauge: { dataPoints: [{ asInt: '1' }] } }, [{ key: 'k', value: nested(64) }])
  const body = Buffer.concat([
    nestedLists(64),
    inProtobuf(requestOf({ name: 'g', gauge: { dataPoints: [{ asInt: '1' }] } })),
  ])
  t.equal(readJson(request).received, 1)
  t.equal(readNatively(body).received, 1)
  t.equal(readDecoded(body).received, 1)
  t.throws(() => readNatively(nestedLists(65)))
  t.throws(() => readDecoded(nestedLists(65)))
})
