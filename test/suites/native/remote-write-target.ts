import { writeRequest } from '../../support/protobuf.js'
import type { Target } from './fuzz-target.js'

const parts = ['', '-series', '-records', '-histograms'].map((part) => `remote-write${part}.c`)
const shared = ['snappy.c', 'bounds.c', 'tags.c', 'reading.c', 'hash.c', 'protobuf.c', 'writer.c', 'number.cc']
const types = [writeRequest(1), writeRequest(2)] as const
const timestamp = 1701878400000

/** Does the reader in C make of requests of remote write what protobufjs and a slow reader make of them? */
export function remoteWriteTarget(): Target {
  return {
    name: 'remote-write',
    longest: 400,
    sources: [
      'test/suites/native/remote-write-fuzz.c',
      'test/suites/native/protobuf-mutate.c',
      ...[...parts, ...shared].map((name) => `lib/ingest/native/${name}`),
    ],
    seeds: types.flatMap((type, n) =>
      (n === 0 ? ofFirst() : ofSecond()).flatMap((request) => {
        const body = Buffer.from(type.encode(type.fromObject(request)).finish())
        return [0, 1].map((parity) => padded(body, 2 * n + parity))
      }),
    ),
    words: ['__name__', 'job', 'le', '_total', '_count', 'trace_id', 'é', '"'].map((word) => Buffer.from(word)),
    judge: `exec ${process.execPath} dist/test/suites/native/remote-write-judge.js`,
  }
}

/** With an unknown field, so that its length says how it is read: remote-write-fuzz.c. */
function padded(body: Buffer, variant: number): Buffer {
  const more = (variant - ((body.length + 3) % 4) + 4) % 4
  return Buffer.concat([body, Buffer.of(0xfa, 0x01, more), Buffer.alloc(more)])
}

const labels = (of: Record<string, string>) => Object.entries(of).map(([name, value]) => ({ name, value }))

const samples = [
  { value: 1.5, timestamp },
  { value: Number.NaN, timestamp },
  { value: 2, timestamp: timestamp + 1 },
]
const integers = {
  timestamp,
  sum: 18.4,
  schema: 1,
  zeroThreshold: 0.001,
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
  timestamp,
  sum: 18.4,
  countFloat: 2.5,
  zeroCountFloat: 0.5,
  positiveSpans: [{ length: 1 }],
  positiveCounts: [2],
  negativeSpans: [{ offset: 3, length: 1 }],
  negativeCounts: [0.5],
}
const custom = {
  timestamp,
  sum: 3,
  schema: -53,
  countInt: 3,
  customValues: [1, 2],
  positiveSpans: [{ offset: 1, length: 2 }],
  positiveDeltas: [1, 1],
}

function ofFirst(): object[] {
  const exemplars = [{ labels: labels({ trace_id: 'abc' }), value: 0.5, timestamp }]
  const metadata = [
    { type: 1, metricFamilyName: 'odd', help: 'Odd.' },
    { type: 2, metricFamilyName: 'in_total' },
  ]
  const named = labels({ __name__: 'odd', job: 'node', instance: 'h:1', empty: '' })
  return [
    { timeseries: [{ labels: named, samples }], metadata },
    {
      timeseries: [
        { labels: labels({ __name__: 'in_total' }), samples },
        { labels: named, exemplars },
      ],
      metadata,
    },
    { timeseries: [{ labels: labels({ __name__: 'h', le: '1' }), histograms: [integers] }] },
    { timeseries: [{ labels: labels({ __name__: 'h', job: 'j' }), histograms: [doubles, custom] }] },
  ]
}

function ofSecond(): object[] {
  const symbols = ['', '__name__', 'up_total', 'job', 'node', 'Seconds', 's', 'le']
  const exemplars = [{ labelsRefs: [7, 6], value: 0.5, timestamp }]
  const series = { labelsRefs: [1, 2, 3, 4, 7, 6], metadata: { type: 2, helpRef: 5, unitRef: 6 } }
  const started = samples.map((sample) => ({ ...sample, startTimestamp: timestamp - 1000 }))
  return [
    { symbols, timeseries: [{ ...series, samples: started, exemplars }] },
    { symbols, timeseries: [{ ...series, histograms: [{ ...integers, startTimestamp: 1 }] }] },
    {
      symbols,
      timeseries: [
        { ...series, histograms: [doubles, custom] },
        { labelsRefs: [1, 2], samples },
      ],
    },
  ]
}
