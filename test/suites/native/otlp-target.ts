import { exportRequest } from '../../support/protobuf.js'
import type { Target } from './fuzz-target.js'

const parts = ['', '-points', '-records', '-histograms'].map((part) => `lib/ingest/native/otlp${part}.c`)
const shared = ['attributes.c', 'tags.c', 'reading.c', 'hash.c', 'protobuf.c', 'bounds.c', 'writer.c', 'number.cc']
const type = exportRequest()
const time = '1701878400123456789'

/** Does the reader in C make of each OTLP request what others make of it? */
export function otlpTarget(): Target {
  return {
    name: 'otlp',
    longest: 600,
    sources: [
      'test/suites/native/otlp-fuzz.c',
      'test/suites/native/protobuf-mutate.c',
      ...parts,
      ...shared.map((name) => `lib/ingest/native/${name}`),
    ],
    seeds: requests().map((request) => Buffer.from(type.encode(type.fromObject(request)).finish())),
    words: words.map((word) => Buffer.from(word)),
    judge: `exec ${process.execPath} dist/test/suites/native/otlp-judge.js`,
  }
}

const words = [
  'service.name',
  'deployment.environment.name',
  'deployment.environment',
  'telemetry.sdk.name',
  'telemetry.sdk.version',
  'http.route',
  'http.request.method',
  'http.method',
  'http.response.status_code',
  'http.status_code',
  'le',
  'quantile',
  'é',
  '\ud83d\ude00',
  '"',
  '\\',
  '\n',
]

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } })
const int = (key: string, intValue: number) => ({ key, value: { intValue } })

const resource = {
  attributes: [
    text('service.name', 'shop'),
    text('deployment.environment', 'production'),
    text('deployment.environment.name', ''),
    text('telemetry.sdk.name', 'opentelemetry'),
    text('telemetry.sdk.version', '1.30.0'),
    text('a', 'resource'),
    text('b', 'resource'),
  ],
}
const scope = { name: 'cart', version: '2.1', attributes: [text('b', 'scope'), text('c', 'scope')] }
const anything = [
  { boolValue: true },
  { doubleValue: 0.1 },
  { doubleValue: Number.NaN },
  { bytesValue: Buffer.from('bytes') },
  {
    arrayValue: { values: [{ stringValue: 'é' }, { intValue: -1 }, {}, { doubleValue: Infinity }, { arrayValue: {} }] },
  },
  {
    kvlistValue: {
      values: [
        { key: 'k', value: { boolValue: false } },
        { key: 'm', value: { kvlistValue: {} } },
      ],
    },
  },
  {},
].map((value, n) => ({ key: `any${n}`, value }))
const http = [text('http.route', '/cart'), text('http.request.method', 'GET'), int('http.response.status_code', 200)]
const olderHttp = [text('http.method', 'PUT'), int('http.status_code', 404), text('le', '1'), text('quantile', '1')]
const exemplars = [
  {
    asDouble: 0.7,
    timeUnixNano: time,
    traceId: Buffer.from('4bf92f3577b34da6a3ce929d0e0e4736', 'hex'),
    spanId: Buffer.from('00f067aa0ba902b7', 'hex'),
    filteredAttributes: [text('user', 'u1'), int('user', 2)],
  },
  { asInt: 3 },
]
const common = { timeUnixNano: time, startTimeUnixNano: '1701878340000000000' }

/** Requests with metrics of all kinds. */
function requests(): object[] {
  const number = { ...common, asDouble: 21.5, attributes: [text('a', 'point'), ...http], exemplars }
  const big = { asInt: '9007199254740993' }
  const explicit = {
    ...common,
    count: 3,
    sum: 1.5,
    min: 0.1,
    max: 1,
    explicitBounds: [0.5, 7],
    bucketCounts: [2, 1, 0],
  }
  const exponential = {
    ...common,
    count: 7,
    sum: 10,
    scale: 1,
    zeroCount: 1,
    zeroThreshold: 0.001,
    positive: { offset: -1, bucketCounts: [2, 4] },
    negative: { offset: 3, bucketCounts: [1, 300] },
  }
  const quantileValues = [
    { quantile: 0.5, value: 1 },
    { quantile: 0.99, value: Number.NaN },
  ]
  const kinds = [
    { name: 'temp', unit: 'Cel', description: 'Temperature', gauge: { dataPoints: [number, { flags: 1 }] } },
    { name: 'any', gauge: { dataPoints: [{ asInt: 1, attributes: anything }] } },
    {
      name: 'orders',
      sum: { isMonotonic: true, aggregationTemporality: 1, dataPoints: [big, { ...big, attributes: olderHttp }] },
    },
    {
      name: 'd',
      histogram: { aggregationTemporality: 2, dataPoints: [{ ...explicit, attributes: olderHttp }] },
    },
    { name: 'lat', unit: 's', exponentialHistogram: { aggregationTemporality: 2, dataPoints: [exponential] } },
    {
      name: 'rpc',
      summary: { dataPoints: [{ ...common, count: 2, sum: 3.5, attributes: olderHttp, quantileValues }] },
    },
  ]
  const requestOf = (metric: object) => ({ resourceMetrics: [{ scopeMetrics: [{ metrics: [metric] }] }] })
  const point = { asInt: 1, attributes: [text('a', 'point')] }
  const gauge = { name: 'g', gauge: { dataPoints: [point, { asDouble: 1e300 }] } }
  const around = { resourceMetrics: [{ resource, scopeMetrics: [{ scope, metrics: [gauge] }, { metrics: [gauge] }] }] }
  return [around, ...kinds.map(requestOf)]
}
