import { type Test, test } from 'tap'
import { binding } from '../../../lib/delivery/native/binding.js'
import { Producer } from '../../../lib/delivery/producer.js'
import type { ProducerProperties } from '../../../lib/delivery/producer-properties.js'
import type { RecordBatch } from '../../../lib/delivery/record-batch.js'
import { Sender } from '../../../lib/delivery/sender.js'
import { binding as scanBinding } from '../../../lib/ingest/native/binding.js'
import { freePort } from '../../../tools/free-port.js'
import { waitFor } from '../../../tools/wait-for.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { readTopic } from '../../support/read-topic.js'

type Global = ProducerProperties['global']

const topic = 'metrics-raw'
const plain = { topic: {}, saslToken: '' }
const quiet = { onConnectionError: () => undefined, onFatal: () => undefined }

function open(t: Test, bootstrap: string, global: Global = {}): Producer {
  const producer = new Producer({ global: { 'bootstrap.servers': bootstrap, ...global }, ...plain }, topic, quiet)
  t.teardown(() => producer.close())
  return producer
}

function batchOf(values: readonly string[], keys: readonly string[] = []): RecordBatch {
  let end = 0
  const ends = Uint32Array.from(values, (value) => {
    end += Buffer.byteLength(value)
    return end
  })
  return { bytes: Buffer.from(values.join('')), ends, keys: keys.map((key) => Buffer.from(key)) }
}

test('a batch is settled when all of it is in the topic, with the keys it came with', async (t) => {
  const kafka = await startMockKafka(t)
  const producer = open(t, kafka)
  t.same(await producer.send(batchOf(['a', 'é', '', 'd'], ['k'])), [])
  t.same(await producer.send(batchOf(['e', 'f'], ['k1', 'k2'])), [])
  t.same(await producer.send(batchOf(['g'])), [])
  const records = await readTopic(kafka, 7)
  t.same(
    new Set(records.map(({ key, value }) => `${key}: ${value}`)),
    new Set(['k: a', 'k: é', 'k: ', 'k: d', 'k1: e', 'k2: f', 'null: g']),
  )
})

test('of the records that are asked for, each that fails is told by its number, with the reason', async (t) => {
  const kafka = await startMockKafka(t)
  const producer = open(t, kafka, { 'message.max.bytes': 1000 })
  const large = 'x'.repeat(2000)
  const batch = batchOf(['a', large, 'c', large, 'e'], ['k'])
  t.same(await producer.send(batch, { records: [0, 1, 3, 4] }), [
    { record: 1, reason: 'message size too large', errorCode: 'MESSAGE_TOO_LARGE', forGood: true },
    { record: 3, reason: 'message size too large', errorCode: 'MESSAGE_TOO_LARGE', forGood: true },
  ])
  t.same((await readTopic(kafka, 2)).map(({ value }) => value).sort(), ['a', 'e'])
})

test('of no records nothing is sent, and an empty key is a key', async (t) => {
  const kafka = await startMockKafka(t)
  const producer = open(t, kafka)
  t.same(await producer.send(batchOf(['a', 'b'], ['k']), { records: [] }), [])
  t.same(await producer.send(batchOf([])), [])
  t.same(await producer.send(batchOf(['c'], [''])), [])
  t.match(await readTopic(kafka, 1), [{ key: '', value: 'c' }])
})

test('a record with headers arrives with all of its bytes', async (t) => {
  const kafka = await startMockKafka(t)
  const producer = open(t, kafka)
  const headers = { reason: 'tags.reg\0ion must be string', empty: '', end: 'a\0' }
  t.same(await producer.sendWithHeaders(Buffer.from('a\0b'), Buffer.from('k\0'), headers), [])
  t.same(await producer.sendWithHeaders(Buffer.alloc(0), undefined, headers), [])
  const records = await readTopic(kafka, 2)
  t.same(
    records.map(({ key, value, headers }) => ({ key, value, headers })),
    [
      { key: 'k\0', value: 'a\0b', headers },
      { key: null, value: '', headers },
    ].sort((a, b) => records.findIndex(({ key }) => key === a.key) - records.findIndex(({ key }) => key === b.key)),
  )
})

test('a batch that is none has failed as a whole, and nothing beside its bytes is read', async (t) => {
  const kafka = await startMockKafka(t)
  const producer = open(t, kafka)
  const good = batchOf(['a', 'b', 'c'], ['k'])
  const key = Buffer.from('k')
  const wrong: [RecordBatch, number[]?][] = [
    [{ ...good, ends: Uint32Array.of(1, 2, 4) }],
    [{ ...good, ends: Uint32Array.of(1, 2, 2 ** 32 - 1) }],
    [{ ...good, ends: Uint32Array.of(2, 1, 3) }],
    [{ ...good, keys: [key, key] }],
    [{ ...good, keys: [key, key, key, key] }],
    [{ ...good, keys: ['k' as never] }],
    [{ ...good, ends: Float64Array.of(1, 2, 3) as never }],
    [good, [0, 3]],
    [good, [2 ** 32 - 1]],
  ]
  for (const [batch, records] of wrong) {
    const failed = await producer.send(batch, records && { records })
    t.equal(failed.length, (records ?? batch.ends).length)
    t.notOk(failed.some(({ forGood }) => forGood))
  }
  t.equal(producer.oldestAgeMs, undefined, 'nothing is waited for')
  t.same(await producer.send(good), [])
  t.equal((await readTopic(kafka, 3)).length, 3)
})

test('the addon takes no handle but its own', async (t) => {
  const handles = [undefined, {}, 1, binding.start, scanBinding.compile([], [])]
  for (const handle of handles) t.throws(() => binding.close(handle as never), RangeError)
})

test('many batches at a time are each settled once', async (t) => {
  const producer = open(t, await startMockKafka(t))
  const outcomes = await Promise.all(
    Array.from({ length: 2000 }, (_, n) => producer.send(batchOf([`${n}`, `${n}`], [`k${n % 7}`]))),
  )
  t.same(
    outcomes.filter((failed) => failed.length > 0),
    [],
  )
})

test('an idempotent producer is identified once the brokers have given it an id, another one from the start', async (t) => {
  const idempotent = { 'enable.idempotence': true }
  const away = open(t, `127.0.0.1:${await freePort()}`, idempotent)
  const producer = open(t, await startMockKafka(t), idempotent)
  await waitFor(() => producer.identified, 'the id')
  t.equal(away.identified, false)
  t.equal(open(t, `127.0.0.1:${await freePort()}`).identified, true)
})

test('a producer that is closed gives up what is not settled, and says so of each record', async (t) => {
  const producer = new Producer(
    { global: { 'bootstrap.servers': `127.0.0.1:${await freePort()}` }, ...plain },
    topic,
    quiet,
  )
  const sent = producer.send(batchOf(['a', 'b', 'c']), { records: [0, 2] })
  const asked = t.rejects(producer.describeTopic(100))
  await producer.close()
  await asked
  t.equal((await producer.send(batchOf(['d']))).length, 1, 'nor does it take anything any more')
  await t.rejects(producer.describeTopic(100))
  t.match(await sent, [
    { record: 0, forGood: false },
    { record: 2, forGood: false },
  ])
})

test('a producer may be closed at any moment of its thread', async (t) => {
  const busy: Global = { 'bootstrap.servers': `127.0.0.1:${await freePort()}`, 'statistics.interval.ms': 1 }
  let closed = 0
  while (closed < 6000) {
    const producers = Array.from({ length: 20 }, () => new Producer({ global: busy, ...plain }, topic, quiet))
    await Promise.all(producers.map((producer) => producer.close()))
    closed += producers.length
  }
  t.equal(closed, 6000)
})

test('a property that librdkafka does not take is refused in its words', async (t) => {
  const make = (global: Global) => () => new Producer({ global, ...plain }, topic, quiet)
  t.throws(make({ ['no.such.property' as never]: 1 }), {
    message: 'No such configuration property: "no.such.property"',
  })
  t.throws(make({ ['linger.ms' as never]: 'soon' }), { message: /^Invalid value for configuration property/ })
  t.throws(make({ ['client.id' as never]: 'a\0b' }), { message: /NUL/ })
  t.throws(make({ ['client.id' as never]: 'a\0b' }), { message: /NUL/ })
  t.throws(make({ 'transactional.id': 'x', 'enable.idempotence': false }), { message: /transactional/ })
})

test('a sender replaces a producer that holds something for too long', async (t) => {
  const brokers = [`127.0.0.1:${await freePort()}`, await startMockKafka(t)]
  const sender = new Sender(
    () => new Producer({ global: { 'bootstrap.servers': brokers.shift() ?? '' }, ...plain }, topic, quiet),
  )
  t.teardown(() => sender.close())
  const stuck = sender.send(batchOf(['a', 'b']))
  t.notOk(sender.idle)
  t.notOk(sender.replaceStuck(60_000), 'it may yet be sent')
  await waitFor(() => sender.replaceStuck(1), 'a replacement')
  t.match(await stuck, [
    { record: 0, forGood: false },
    { record: 1, forGood: false },
  ])
  t.same(await sender.send(batchOf(['c'])), [])
  t.ok(sender.idle)
})
