import { gzipSync } from 'node:zlib'
import { type Test, test } from 'tap'
import { batchOf, metricOf } from '../../../tools/batches.js'
import { type Collector, startCollector } from '../../../tools/collector.js'
import { waitFor } from '../../../tools/wait-for.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { readTopic } from '../../support/read-topic.js'

const mebibyte = 2 ** 20

/** A batch whose only metric has these members, as text, in the place of its own of the first one's name. */
function batchWith(members: string): string {
  const [, name = ''] = /^"(\w+)"/.exec(members) ?? []
  const metric = JSON.stringify({ ...metricOf(1), [name]: undefined }).replace(/}$/, () => `,${members}}`)
  return `{"service_name":"api-gateway","metrics":[${metric}]}`
}

function tagged(metrics: number, tags: number) {
  const many = Object.fromEntries(Array.from({ length: tags }, (_, n) => [n, '']))
  return { ...batchOf(0), metrics: Array(metrics).fill({ ...metricOf(1), tags: many }) }
}

const bodies: [what: string, body: string | Uint8Array, status: number][] = [
  ['nothing', '', 400],
  ['half a batch', JSON.stringify(batchOf(2)).slice(0, -40), 400],
  ['a batch and more', `${JSON.stringify(batchOf(1))}{}`, 400],
  ['invalid UTF-8', Buffer.from(batchWith('"x":"\xff\xfe"'), 'latin1'), 400],
  ['overlong UTF-8', Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]), 400],
  ['a byte order mark', `\ufeff${JSON.stringify(batchOf(1))}`, 400],
  ['UTF-16', Buffer.from(JSON.stringify(batchOf(1)), 'utf16le'), 400],
  ['five million open brackets', '['.repeat(5_000_000), 400],
  ['ten million brackets', `${'['.repeat(5_200_000)}${']'.repeat(5_200_000)}`, 400],
  ['a member nested 50,000 deep', batchWith(`"x":${'['.repeat(50_000)}${']'.repeat(50_000)}`), 422],
  [
    'a member of the batch nested 100,000 deep',
    batchWith('"y":1').replace('{', `{"x":${'['.repeat(1e5)}${']'.repeat(1e5)},`),
    400,
  ],
  ['tags nested', batchWith('"tags":{"a":{"b":"c"}}'), 422],
  ['lone surrogates', batchWith('"x":"\\ud800 \\udfff"'), 422],
  ['five million values in a member', batchWith(`"x":[${'0,'.repeat(4_999_999)}0]`), 413],
  ['a million names in a member', batchWith(`"x":{${Array.from({ length: 1e6 }, (_, n) => `"${n}":0`)}}`), 413],
  ['a thousand metrics of a thousand tags each', JSON.stringify(tagged(1000, 1000)), 413],
  ['tags of 5 million escapes', batchWith(`"tags":{"a":"${'\\n'.repeat(5e6)}"}`), 422],
  ['__proto__ and constructor', batchWith('"__proto__":{"value":"a"},"constructor":{"prototype":{"x":1}}'), 202],
  ['__proto__ in tags', batchWith('"tags":{"__proto__":"a","constructor":"b"}'), 202],
  ['a batch that is its __proto__', `{"__proto__":${JSON.stringify(batchOf(1))}}`, 422],
  ['a name of 1 MB', batchWith(`"metric_name":"${'a'.repeat(1e6)}"`), 422],
  ['an unknown member of 1 MB', batchWith(`"x":"${'a'.repeat(500_000)}"`), 202],
  ['duplicate keys, the last wrong', batchWith('"value":1,"value":"text"'), 422],
  ['duplicate keys of a metric, the last right', batchWith('"value":"text","value":1'), 422],
  [
    'duplicate keys, the last right',
    `{"metrics":"no","metrics":[${JSON.stringify(metricOf(1))}],"service_name":"a"}`,
    422,
  ],
  ['10 MB of white space', `${' '.repeat(5e6)}${JSON.stringify(batchOf(1))}${'\n'.repeat(5e6)}`, 202],
  ['a number beyond any', batchWith('"value":1e400'), 422],
  ['a number of 100,000 digits', batchWith(`"x":${'9'.repeat(100_000)}`), 422],
  [
    'more metrics than a batch may have',
    JSON.stringify({ ...batchOf(1), metrics: Array(1001).fill(metricOf(1)) }),
    422,
  ],
  ['a million empty metrics', `{"service_name":"a","metrics":[${'{},'.repeat(999_999)}{}]}`, 422],
  ['over the limit', ' '.repeat(11 * mebibyte), 413],
]

test('hostile bodies get the answer that the contract has for them', async (t) => {
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka })
  const before = await collector.workerPids()
  for (const [what, body, status] of bodies) t.equal((await collector.post(body)).status, status, what)
  t.same((await collector.workerPids()).sort(), before.sort())
  const values = (await readTopic(kafka, 1)).map(({ value }) => value)
  const [proto] = values.filter((value) => value.includes('"__proto__":{"value":"a"},"constructor"'))
  t.ok(proto, 'what was accepted is in Kafka as it was sent')
  t.equal((await collector.stats()).ledger.difference, 0)
})

/** Zeros that inflate to so many MiB, in members of 100 MiB each, as one gzip stream may have. */
function bomb(mebibytes: number): Buffer {
  const member = gzipSync(Buffer.alloc(Math.min(mebibytes, 100) * mebibyte, ' '), { level: 9 })
  return Buffer.concat(Array(Math.ceil(mebibytes / 100)).fill(member))
}

async function memoryOf(collector: Collector): Promise<number> {
  const { workers } = await collector.stats()
  return workers.reduce((sum, { resident_memory_bytes }) => sum + resident_memory_bytes, 0) / mebibyte
}

async function startBombed(t: Test) {
  const kafka = await startMockKafka(t)
  return startCollector(t, { kafka, env: { VANTAGE_API_WORKERS: '1' } })
}

test('a gzip bomb of 11 MB to 10 GB costs no more than the limit, and 413', async (t) => {
  const collector = await startBombed(t)
  await collector.post(gzipSync(JSON.stringify(batchOf(1000))), { 'Content-Encoding': 'gzip' })
  const before = await memoryOf(collector)
  for (const mebibytes of [11, 100, 1000, 10_000]) {
    const { status } = await collector.post(bomb(mebibytes), { 'Content-Encoding': 'gzip' })
    t.equal(status, 413, `${mebibytes} MiB`)
    const grown = (await memoryOf(collector)) - before
    t.ok(grown < 60, `${Math.round(grown)} MiB more after ${mebibytes} MiB`)
  }
})

test('1,000 gzip bombs at a time leave the worker alive, and a good client its turn', async (t) => {
  const collector = await startBombed(t)
  const [pid] = await collector.workerPids()
  const before = await memoryOf(collector)
  const body = bomb(100)
  let most = 0
  const bombs = Promise.all(
    Array.from({ length: 1000 }, () =>
      collector.post(body, { 'Content-Encoding': 'gzip' }).then(({ status }) => status),
    ),
  )
  let running = true
  const watch = (async () => {
    while (running) {
      most = Math.max(most, (await memoryOf(collector)) - before)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  })()
  const statuses = new Set(await bombs)
  running = false
  await watch
  t.ok(
    [...statuses].every((status) => status === 413 || status === 503),
    `${[...statuses]}`,
  )
  t.ok(most < 300, `${Math.round(most)} MiB more at most`)
  t.same(await collector.workerPids(), [pid])
  const good = await collector.post(gzipSync(JSON.stringify(batchOf(10))), { 'Content-Encoding': 'gzip' })
  t.equal(good.status, 202)
  await waitFor(async () => (await collector.metric('request_held_bytes')) === 0, 'nothing to be held')
})
