import { compress } from 'snappyjs'
import { test } from 'tap'
import { Reader } from '../../../../lib/ingest/native/reader.js'
import { writeRequest } from '../../../support/protobuf.js'
import { readerOptions, takeLines } from '../../../support/reader.js'

const now = 1701878400000
const types = [writeRequest(1), writeRequest(2)] as const
const maxInflatedBytes = 1_000_000
const stale = Buffer.of(2, 0, 0, 0, 0, 0, 0xf0, 0x7f).readDoubleLE()

function createRead(given: Partial<typeof readerOptions> = {}) {
  const reader = new Reader({ ...readerOptions, ...given })
  return (body: Buffer, version: 1 | 2) => {
    const request = { now, oldest: -Infinity, newest: Infinity, suffix: '' }
    const reading = reader.readRemoteWrite(body, { version, maxInflatedBytes }, request)
    if (reading.fault !== undefined) return reading
    return { ...reading, ...takeLines(reader, reading) }
  }
}

function read(request: object, version: 1 | 2, given: Partial<typeof readerOptions> = {}) {
  return found(createRead(given)(encode(request, version), version))
}

function found(reading: ReturnType<ReturnType<typeof createRead>>) {
  if (!('lines' in reading)) throw new Error(`${reading.fault} at byte ${reading.byte}`)
  return reading
}

function encode(request: object, version: 1 | 2): Buffer {
  const type = types[version - 1]
  if (type === undefined) throw new Error('no such version')
  return compress(Buffer.from(type.encode(type.fromObject(request)).finish()))
}

const labels = (of: Record<string, string>) => Object.entries(of).map(([name, value]) => ({ name, value }))
const begin = `{"timestamp":${now},"service_name":`
const ending = '"environment":"development","agent_version":"unknown"'

test('samples of 1.0 are records; the type is what metadata says, or the name', async (t) => {
  const samples = [
    { value: 1.5, timestamp: now },
    { value: 2, timestamp: now },
  ]
  const request = {
    timeseries: [
      { labels: labels({ __name__: 'up', instance: 'h:1', job: 'node', empty: '' }), samples },
      { labels: labels({ __name__: 'requests_total', job: 'node' }), samples: samples.slice(0, 1) },
      { labels: labels({ __name__: 'odd' }), samples: samples.slice(0, 1) },
    ],
    metadata: [{ type: 1, metricFamilyName: 'odd', help: 'Odd.' }],
  }
  const { lines, written, services } = read(request, 1)
  t.same(lines, [
    `${begin}"node","metric_name":"up","metric_type":"gauge","value":1.5,"tags":{"instance":"h:1"},${ending}}`,
    `${begin}"node","metric_name":"up","metric_type":"gauge","value":2,"tags":{"instance":"h:1"},${ending}}`,
    `${begin}"node","metric_name":"requests_total","metric_type":"counter","value":1.5,${ending}}`,
    `${begin}"unknown_service","metric_name":"odd","metric_type":"counter","value":1.5,${ending}}`,
  ])
  t.same(written, { samples: 4, histograms: 0, exemplars: 0 })
  t.same(services, [
    { name: 'node', metrics: 3 },
    { name: 'unknown_service', metrics: 1 },
  ])
})

test('types that a request of 1.0 has said hold for later ones', async (t) => {
  const readNext = createRead()
  const typeOf = (name: string) => {
    const request = { timeseries: [{ labels: labels({ __name__: name }), samples: [{ value: 1 }] }] }
    const [line = '{}'] = found(readNext(encode(request, 1), 1)).lines
    return JSON.parse(line).metric_type
  }
  t.equal(typeOf('visits'), 'gauge')
  const metadata = [
    { type: 1, metricFamilyName: 'visits' },
    { type: 2, metricFamilyName: 'in_total' },
    { type: 3, metricFamilyName: 'time' },
  ]
  t.match(found(readNext(encode({ metadata }, 1), 1)), { received: 0, records: 0 })
  t.same(['visits', 'in_total', 'time_bucket', 'time_sum', 'other_total', 'time'].map(typeOf), [
    'counter',
    'gauge',
    'counter',
    'counter',
    'counter',
    'gauge',
  ])
  for (let n = 0; n < 9; n++) {
    const many = Array.from({ length: 1000 }, (_, m) => ({ type: 1, metricFamilyName: `m${n}_${m}` }))
    readNext(encode({ metadata: many }, 1), 1)
  }
  t.equal(typeOf('m8_999'), 'counter')
  t.equal(typeOf('visits'), 'gauge', 'only so many are remembered')
})

test('2.0 refers to symbols, and says type, unit, help and start', async (t) => {
  const symbols = ['', '__name__', 'up', 'job', 'node', 'Seconds up', 'seconds', 'trace_id', 'abc']
  const request = {
    symbols,
    timeseries: [
      {
        labelsRefs: [1, 2, 3, 4],
        metadata: { type: 1, helpRef: 5, unitRef: 6 },
        samples: [{ value: 1, timestamp: now, startTimestamp: now - 1000 }],
        exemplars: [{ labelsRefs: [7, 8], value: 0.5, timestamp: now }],
      },
    ],
  }
  const { lines, written } = read(request, 2)
  const rest = `${ending},"unit":"seconds","help":"Seconds up"`
  t.same(lines, [
    `${begin}"node","metric_name":"up","metric_type":"counter","value":1,${rest},"start_timestamp":1701878399000}`,
    `${begin}"node","metric_name":"up_exemplar","metric_type":"gauge","value":0.5,${rest},"exemplars":[{"timestamp":${now},"value":0.5,"tags":{"trace_id":"abc"}}]}`,
  ])
  t.same(written, { samples: 1, histograms: 0, exemplars: 1 })
  const created = Buffer.concat([Buffer.of(0x30), varint(now - 2000)])
  const older = types[1].encode(types[1].fromObject({ symbols, timeseries: [] })).finish()
  const series = Buffer.concat([Buffer.of(0x0a, 2, 1, 2, 0x12, 2, 0x10, 1), created])
  const body = compress(Buffer.concat([older, Buffer.of(0x2a, series.length), series]))
  const [line = ''] = found(createRead()(body, 2)).lines
  t.match(line, '"start_timestamp":1701878398000')
})

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = BigInt(value)
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  return Buffer.of(...bytes, Number(rest))
}

test('native histograms stay whole, of integers, doubles and custom bounds', async (t) => {
  const common = { timestamp: now, sum: 18.4, schema: 1, zeroThreshold: 0.001 }
  const integers = {
    ...common,
    countInt: 12,
    zeroCountInt: 2,
    positiveSpans: [
      { offset: 0, length: 2 },
      { offset: 1, length: 2 },
    ],
    positiveDeltas: [1, 1, -1, 0],
    negativeSpans: [{ offset: -1, length: 1 }],
    negativeDeltas: [5],
  }
  const doubles = {
    ...common,
    countFloat: 2.5,
    zeroCountFloat: 0.5,
    positiveSpans: [{ length: 1 }],
    positiveCounts: [2],
  }
  const custom = {
    timestamp: now,
    sum: 3,
    schema: -53,
    countInt: 3,
    customValues: [1, 2],
    positiveSpans: [{ offset: 1, length: 2 }],
    positiveDeltas: [1, 1],
  }
  const request = {
    timeseries: [
      {
        labels: labels({ __name__: 'h', le: 'own' }),
        histograms: [integers, doubles, custom, { ...common, sum: stale }],
      },
    ],
  }
  const { lines, skipped, written, metricEnds } = read(request, 1, { buckets: true })
  const records = lines.map((line) => JSON.parse(line))
  t.same(
    records
      .filter(({ histogram }) => histogram)
      .map(({ metric_name, value, histogram, tags }) => [metric_name, value, histogram, tags.le]),
    [
      [
        'h_count',
        12,
        {
          count: 12,
          sum: 18.4,
          scale: 1,
          zero_count: 2,
          zero_threshold: 0.001,
          positive: { offset: -1, counts: [1, 2, 0, 1, 1] },
          negative: { offset: -2, counts: [5] },
        },
        'own',
      ],
      [
        'h_count',
        2.5,
        {
          count: 2.5,
          sum: 18.4,
          scale: 1,
          zero_count: 0.5,
          zero_threshold: 0.001,
          positive: { offset: -1, counts: [2] },
        },
        'own',
      ],
      ['h_count', 3, { count: 3, sum: 3, bounds: [1, 2], counts: [0, 1, 2] }, 'own'],
    ],
  )
  const buckets = records
    .filter(({ metric_name }) => metric_name === 'h_bucket')
    .map(({ value, tags }) => [tags.le, value])
  t.same(buckets, [
    ['-0.5', 5],
    ['0.001', 7],
    ['1', 8],
    ['1.41421356237', 10],
    ['2', 10],
    ['2.82842712475', 11],
    ['4', 12],
    ['+Inf', 12],
    ['0.001', 0.5],
    ['1', 2.5],
    ['+Inf', 2.5],
    ['1', 0],
    ['2', 1],
    ['+Inf', 3],
  ])
  t.same(skipped, { stale: 1 })
  t.same(written, { samples: 0, histograms: 4, exemplars: 0 })
  t.equal(metricEnds.at(-1), 3)
})

test('what is not valid is rejected, and what has no value skipped', async (t) => {
  const bad = [
    { positiveSpans: [{ length: 2 }], positiveDeltas: [1] },
    { positiveSpans: [{ length: 1 }], positiveDeltas: [-1] },
    { positiveSpans: [{ length: 1 }, { offset: -1, length: 1 }], positiveDeltas: [1, 1] },
    { positiveSpans: [{ length: 1 }, { offset: 2_000_000_000, length: 1 }], positiveDeltas: [1, 1] },
    { positiveSpans: [{ length: 4_000_000_000 }] },
    { schema: -53, customValues: [1], positiveSpans: [{ offset: 1, length: 2 }], positiveDeltas: [1, 1] },
    { countFloat: Number.NaN },
  ]
  const samples = [
    { value: stale },
    { value: Number.NaN },
    { value: Infinity },
    { timestamp: -1 },
    { timestamp: '9000000000000000000' },
    { value: 1 },
  ]
  const request = {
    timeseries: [
      { labels: labels({ __name__: 'h' }), histograms: bad },
      { labels: labels({ __name__: 's' }), samples },
      { labels: labels({ job: 'j' }), samples: [{ value: 1 }] },
      { labels: labels({ __name__: 'n'.repeat(247) }), samples: [{ value: 1 }] },
      { labels: labels({ __name__: 'n', job: 'j'.repeat(256) }), samples: [{ value: 1 }] },
    ],
  }
  t.match(read(request, 1), {
    received: 16,
    accepted: 1,
    records: 1,
    rejected: {
      'histogram.bounds': 7,
      'timestamp.minimum': 1,
      'timestamp.maximum': 1,
      'metric_name.minLength': 1,
      'metric_name.maxLength': 1,
      'service_name.maxLength': 1,
    },
    skipped: { stale: 1, not_finite: 2 },
    written: { samples: 4, histograms: 0, exemplars: 0 },
  })
})

test('what cannot be inflated or read is named, before there is memory for it', async (t) => {
  const readNext = createRead()
  const good = encode({ timeseries: [{ labels: labels({ __name__: 'up' }), samples: [{ value: 1 }] }] }, 1)
  const cases: [string, Buffer, 1 | 2][] = [
    ['truncated', Buffer.alloc(0), 1],
    ['size', Buffer.concat([varint(maxInflatedBytes + 1), good]), 1],
    ['compression', Buffer.concat([varint(maxInflatedBytes), Buffer.alloc(10)]), 1],
    ['compression', good.subarray(0, -1), 1],
    ['compression', Buffer.concat([good, Buffer.of(0)]), 1],
    ['compression', Buffer.of(4, 0x01, 0x01), 1],
    ['compression', Buffer.of(4, 0xfc, 0xff, 0xff, 0xff, 0xff), 1],
    ['type', compress(Buffer.of(0x08, 1)), 1],
    ['symbol', encode({ symbols: [''], timeseries: [{ labelsRefs: [0, 1], samples: [{ value: 1 }] }] }, 2), 2],
    ['symbol', encode({ symbols: [''], timeseries: [{ labelsRefs: [0], samples: [{ value: 1 }] }] }, 2), 2],
  ]
  for (const [fault, body, version] of cases) {
    t.equal(readNext(body, version).fault, fault)
    t.equal(found(readNext(good, 1)).records, 1)
  }
})

test('what snappy repeats is whole again, however near', async (t) => {
  for (const period of [1, 2, 3, 7, 8, 9, 64, 100, 5000]) {
    const value = Array.from({ length: 9999 }, (_, n) => String.fromCharCode(97 + ((n % period) % 26))).join('')
    const request = { timeseries: [{ labels: labels({ __name__: 'up', value }), samples: [{ value: 1 }] }] }
    const [line = '{}'] = read(request, 1).lines
    t.equal(JSON.parse(line).tags.value, value)
  }
})
