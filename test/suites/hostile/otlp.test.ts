import { gzipSync } from 'node:zlib'
import { type Test, test } from 'tap'
import { type Collector, startCollector } from '../../../tools/collector.js'
import { waitFor } from '../../../tools/wait-for.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { inProtobuf, nestedLists } from '../../support/otlp.js'

const mebibyte = 2 ** 20
const time = '1701878400000000000'
const text = (key: string, stringValue: string) => ({ key, value: { stringValue } })

/** A request with one point that has these attributes. */
const requestOf = (attributes: object[]) => ({
  resourceMetrics: [
    {
      scopeMetrics: [
        { metrics: [{ name: 'g', gauge: { dataPoints: [{ timeUnixNano: time, asInt: '1', attributes }] } }] },
      ],
    },
  ],
})
const million = Array.from({ length: 1_000_000 }, (_, n) => ({ key: `${n}` }))

const good = inProtobuf(requestOf([text('a', 'b')]))
/** Many points of a resource with much in it: small as a request, large as records. */
const amplified = {
  resourceMetrics: [
    {
      resource: { attributes: [text('a', 'x'.repeat(mebibyte))] },
      scopeMetrics: [
        { metrics: [{ name: 'g', gauge: { dataPoints: Array.from({ length: 100_000 }, () => ({ asInt: '1' })) } }] },
      ],
    },
  ],
}
const bucketed = {
  resourceMetrics: [
    {
      scopeMetrics: [
        {
          metrics: [
            {
              name: 'h',
              exponentialHistogram: { dataPoints: [{ positive: { bucketCounts: Array(3_000_000).fill('0') } }] },
            },
          ],
        },
      ],
    },
  ],
}

const protobufBodies: [what: string, body: Buffer, status: number][] = [
  ['every beginning of a request', good, 0],
  ['a length beyond the end', Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x07]), 400],
  ['a length of 2^64', Buffer.from([0x0a, ...Array(9).fill(0xff), 0x01]), 400],
  ['a varint without an end', Buffer.alloc(100, 0xff), 400],
  ['another wire type', Buffer.from([0x08, 0x01]), 400],
  ['a group', Buffer.from([0x0b, 0x0c]), 400],
  ['field 0', Buffer.from([0x02, 0x00]), 400],
  ['strings that are not UTF-8', Buffer.from(good.toString('latin1').replace('a\x12', '\xff\x12'), 'latin1'), 400],
  ['10,000 nested lists', nestedLists(10_000), 400],
  ['a million attributes', inProtobuf(requestOf(million)), 200],
  ['a million resources', Buffer.concat(Array(1_000_000).fill(Buffer.from([0x0a, 0x00]))), 200],
  ['100,000 points that have a megabyte each', inProtobuf(amplified), 413],
  ['a histogram of three million buckets', inProtobuf(bucketed), 413],
  ['zeros', Buffer.alloc(1000), 400],
  ['JSON', Buffer.from('{"resourceMetrics":[]}'), 400],
  ['more than may be', Buffer.alloc(11 * mebibyte), 413],
]

const jsonBodies: [what: string, body: string, status: number][] = [
  ['nothing', '', 400],
  ['an array', '[]', 400],
  ['half a request', '{"resourceMetrics":[{', 400],
  [
    '10,000 nested lists',
    JSON.stringify(requestOf([{ key: 'a' }])).replace(
      '"key":"a"',
      `"key":"a","value":${'{"arrayValue":{"values":['.repeat(1e4)}{}${']}}'.repeat(1e4)}`,
    ),
    400,
  ],
  ['five million brackets', `{"resourceMetrics":${'['.repeat(5e6)}`, 413],
  ['a million attributes', JSON.stringify(requestOf(million.slice(0, 400_000))), 413],
  ['100,000 points that have a megabyte each', JSON.stringify(amplified), 413],
  ['__proto__', '{"resourceMetrics":[{"__proto__":{"scopeMetrics":1}}]}', 200],
  ['lone surrogates', JSON.stringify(requestOf([text('a', 'b')])).replace('"b"', '"\\ud800"'), 200],
]

async function memoryOf(collector: Collector): Promise<number> {
  const { workers } = await collector.stats()
  return workers.reduce((sum, { resident_memory_bytes }) => sum + resident_memory_bytes, 0) / mebibyte
}

async function start(t: Test) {
  const collector = await startCollector(t, { kafka: await startMockKafka(t), env: { VANTAGE_API_WORKERS: '1' } })
  const post = (type: string, body: string | Uint8Array, headers = {}) =>
    collector.request('POST', '/otlp/v1/metrics', { 'Content-Type': type, ...headers }, body)
  return { collector, post }
}

test('hostile export requests get the answer that the contract has for them, and the worker is well after it', async (t) => {
  const { collector, post } = await start(t)
  const [pid] = await collector.workerPids()
  t.equal((await post('application/x-protobuf', good)).status, 200)
  const before = await memoryOf(collector)
  for (const [what, body, status] of protobufBodies) {
    const sent = status === 0 ? Array.from({ length: body.length - 1 }, (_, n) => body.subarray(0, n + 1)) : [body]
    const statuses = new Set<number>()
    for (const each of sent) statuses.add((await post('application/x-protobuf', each)).status)
    if (status !== 0) t.same([...statuses], [status], `protobuf: ${what}`)
    else
      t.same(
        [...statuses].filter((each) => each !== 400 && each !== 200),
        [],
        `protobuf: ${what}`,
      )
  }
  for (const [what, body, status] of jsonBodies)
    t.equal((await post('application/json', body)).status, status, `JSON: ${what}`)
  const bomb = gzipSync(Buffer.alloc(100 * mebibyte), { level: 9 })
  for (const type of ['application/x-protobuf', 'application/json'])
    t.equal((await post(type, bomb, { 'Content-Encoding': 'gzip' })).status, 413, `${type}: a bomb`)
  t.same(await collector.workerPids(), [pid])
  t.equal((await post('application/x-protobuf', good)).status, 200)
  t.equal((await collector.stats()).ledger.difference, 0)
  await waitFor(async () => (await collector.metric('request_held_bytes')) === 0, 'nothing to be held')
  const grown = (await memoryOf(collector)) - before
  t.ok(grown < 200, `${Math.round(grown)} MiB more`)
})
