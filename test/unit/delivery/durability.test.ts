import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { startEmbeddedKafka } from '../../../bench/kafka.js'
import { batchOf, metricOf } from '../../../tools/batches.js'
import { startCollector } from '../../../tools/collector.js'
import { waitFor } from '../../../tools/wait-for.js'
import { makeDirectory } from '../../support/directory.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { readTopic } from '../../support/read-topic.js'

test('VANTAGE_DURABILITY=journal answers from the disk, and Kafka follows', async (t) => {
  const kafka = await startMockKafka(t)
  const env = { VANTAGE_JOURNAL_DIR: await makeDirectory(t), VANTAGE_DURABILITY: 'journal' }
  const collector = await startCollector(t, { kafka, env })
  for (let n = 0; n < 20; n++) {
    t.match((await collector.post(batchOf(10, { first: 10 * n }))).body, { durability: 'journal' })
  }
  t.equal(new Set((await readTopic(kafka, 200)).map(({ value }) => JSON.parse(value).id)).size, 200)
  await waitFor(async () => (await collector.stats()).journal.metrics_waiting === 0, 'an empty journal')
  t.match((await collector.stats()).ledger, { received: 200, acknowledged: 200, difference: 0 })
})

test('VANTAGE_DURABILITY=memory says so, and a clean stop loses nothing', async (t) => {
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka, env: { VANTAGE_DURABILITY: 'memory' } })
  const replies = await Promise.all(
    Array.from({ length: 50 }, (_, n) => collector.post(batchOf(10, { first: 10 * n }))),
  )
  for (const { status, body } of replies) t.match({ status, body }, { status: 202, body: { durability: 'memory' } })
  t.equal((await collector.stats()).ledger.difference, 0)
  t.same(await collector.stop(), { code: 0, signal: null })
  t.equal(new Set((await readTopic(kafka, 500)).map(({ value }) => JSON.parse(value).id)).size, 500)
})

test('records that Kafka refuses after their 202 are kept, with the reason, and the rest is delivered', async (t) => {
  const journal = await makeDirectory(t)
  const env = {
    VANTAGE_JOURNAL_DIR: journal,
    VANTAGE_DURABILITY: 'journal',
    VANTAGE_KAFKA_PROPERTY_MESSAGE_MAX_BYTES: '10000',
  }
  const kafka = await startMockKafka(t)
  const collector = await startCollector(t, { kafka, env })
  const large = { ...metricOf(1), note: 'x'.repeat(20_000) }
  const { body } = await collector.post({ ...batchOf(1), metrics: [metricOf(0), large, metricOf(2)] })
  t.match(body, { durability: 'journal', metrics_accepted: 3 })
  const ids = (await readTopic(kafka, 2)).map(({ value }) => JSON.parse(value).id)
  t.same(ids, [0, 2])
  await waitFor(async () => (await collector.stats()).ledger.dead_lettered === 1, 'a dead letter')
  t.match((await collector.stats()).ledger, { received: 3, acknowledged: 2, waiting: 0, difference: 0 })
  const [file = ''] = readdirSync(join(journal, 'dead'))
  const dead = JSON.parse(readFileSync(join(journal, 'dead', file), 'utf8'))
  t.match(dead, { reason: 'message size too large', errorCode: 'MESSAGE_TOO_LARGE', topic: 'metrics-raw' })
  t.match(JSON.parse(dead.value), { id: 1 })
})

test('VANTAGE_DURABILITY=memory: a stop ends although what was promised can go nowhere', async (t) => {
  const kafka = await startEmbeddedKafka()
  t.teardown(() => kafka.stop())
  const collector = await startCollector(t, { kafka: kafka.bootstrap, env: { VANTAGE_DURABILITY: 'memory' } })
  t.equal((await collector.post(batchOf(1))).status, 202)
  kafka.outage?.begin()
  const replies = await Promise.all([1, 2, 3].map((first) => collector.post(batchOf(1, { first }))))
  t.same(new Set(replies.map(({ body }) => body.durability)), new Set(['memory']))
  t.same(await collector.stop(), { code: 0, signal: null })
  t.notOk(collector.logs.some(({ msg }) => msg.includes('did not finish in time')))
})

test('VANTAGE_DURABILITY=memory without a journal: what Kafka does not take in time holds up nothing else', async (t) => {
  const kafka = await startEmbeddedKafka()
  t.teardown(() => kafka.stop())
  const env = { VANTAGE_DURABILITY: 'memory', VANTAGE_ACK_TIMEOUT_MS: '100', VANTAGE_API_WORKERS: '1' }
  const collector = await startCollector(t, { kafka: kafka.bootstrap, env })
  t.match(await collector.post(batchOf(1)), { status: 202, body: { durability: 'memory' } })
  kafka.outage?.begin()
  const replies = await Promise.all([1, 2, 3].map((first) => collector.post(batchOf(1, { first }))))
  t.same(new Set(replies.map(({ body }) => body.durability)), new Set(['memory']))
  await waitFor(async () => (await collector.get('/ready')).status === 503, 'a worker that says that Kafka is slow')
  kafka.outage?.end()
  await waitFor(async () => (await collector.stats()).ledger.acknowledged === 4, 'all of it in Kafka')
  await waitFor(async () => (await collector.get('/ready')).status === 200, 'a worker that takes batches again')
  t.equal((await collector.stats()).worker_restarts, 0)
})
