import { join } from 'node:path'
import { test } from 'tap'
import { batchOf, metricOf } from '../../../tools/batches.js'
import { startCollector } from '../../../tools/collector.js'
import { waitFor } from '../../../tools/wait-for.js'
import { makeDirectory } from '../../support/directory.js'
import { FakeClock } from '../../support/fake-clock.js'
import { readTopic } from '../../support/read-topic.js'
import { startKafka } from '../../support/start-kafka.js'

const topicConfig = { 'max.message.bytes': '20000' }
const incompressible = Array.from({ length: 3000 }, (_, n) => Math.sin(n).toString(36)).join('')

test('a metric that the broker finds too large is rejected by name, everything around it is delivered', async (t) => {
  const kafka = await startKafka(t, { topicConfig })
  const env = { VANTAGE_KAFKA_COMPRESSION_TYPE: 'none', VANTAGE_API_WORKERS: '1', VANTAGE_ACK_TIMEOUT_MS: '5000' }
  const collector = await startCollector(t, { kafka: kafka.bootstrap, env })
  const large = { ...metricOf(50), note: incompressible }
  const { metrics, ...envelope } = batchOf(100)
  metrics[50] = large
  // Batches beside it, of the same key, share its record batch and its fate at first.
  const [mixed, ...beside] = await Promise.all([
    collector.post({ metrics, ...envelope }),
    ...[1, 2, 3, 4].map((n) => collector.post(batchOf(30, { first: 100 * n }))),
  ])
  t.match(mixed, { status: 202, body: { status: 'partial', metrics_accepted: 99, metrics_rejected: 1 } })
  t.same(mixed?.body.errors, ['metrics[50] was refused by Kafka: message size too large'])
  for (const { status, body } of beside) t.match({ status, body }, { status: 202, body: { metrics_accepted: 30 } })

  const ids = (await readTopic(kafka.bootstrap, 99 + 120)).map(({ value }) => JSON.parse(value).id)
  t.equal(ids.length, 99 + 120, 'nothing is there twice')
  t.notOk(ids.includes(50))
  const alone = await collector.post({ ...envelope, metrics: [large] })
  t.equal(alone.status, 422, 'an agent must not send it again')
  const { ingestion, ledger } = await collector.stats()
  t.match(ingestion, { metrics_accepted: 219, metrics_rejected: 2 })
  t.equal(ledger.difference, 0)
})

test('where the clock is hours ahead, and Kafka refuses what bears its time, agents are told to send again', async (t) => {
  const kafka = await startKafka(t, { topicConfig })
  const clock = await FakeClock.start(join(t.testdir(), 'clock'))
  if (clock === undefined) return void t.pass('libfaketime is not installed')
  const env = {
    ...clock.env,
    VANTAGE_KAFKA_COMPRESSION_TYPE: 'none',
    VANTAGE_API_WORKERS: '1',
    VANTAGE_ACK_TIMEOUT_MS: '5000',
  }
  const collector = await startCollector(t, { kafka: kafka.bootstrap, env })
  // So that the producer for what was refused is there: it would not connect under a clock that jumps.
  t.equal((await collector.post({ ...batchOf(1), metrics: [{ ...metricOf(0), note: incompressible }] })).status, 422)
  await clock.set(2 * 3600)
  const refused = await waitFor(async () => {
    const reply = await collector.post(batchOf(1))
    return reply.status !== 202 && reply
  }, 'the clock to have gone on')
  t.match(refused, { status: 503, body: { code: 'VANTAGE_ACK_TIMEOUT' } })
})

test('a compacted topic that takes nothing without a key costs no metric: 503, not ready, with the reason', async (t) => {
  const kafka = await startKafka(t, { topicConfig: { 'cleanup.policy': 'compact' } })
  const keyless = { VANTAGE_KAFKA_PARTITION_KEY: 'none', VANTAGE_API_WORKERS: '1' }
  const collector = await startCollector(t, {
    kafka: kafka.bootstrap,
    env: { ...keyless, VANTAGE_ACK_TIMEOUT_MS: '1000' },
  })
  const refused = await collector.post(batchOf(10))
  t.match(refused, { status: 503, body: { code: 'VANTAGE_ACK_TIMEOUT' } }, 'an agent must keep it')
  const reason =
    /validate record: a topic with cleanup.policy=compact takes none without a key; see VANTAGE_KAFKA_PARTITION/
  t.match(await collector.get('/ready'), { status: 503, body: { reason } })
  t.match((await collector.stats()).ledger, { received: 10, rejected: 0, difference: 0 })

  const journal = { ...keyless, VANTAGE_JOURNAL_DIR: await makeDirectory(t), VANTAGE_DURABILITY: 'journal' }
  const promising = await startCollector(t, { kafka: kafka.bootstrap, env: journal })
  t.equal((await promising.post(batchOf(10))).status, 202)
  await waitFor(() => promising.logs.some(({ msg }) => msg.startsWith('Kafka did not take records')), 'the refusal')
  t.match((await promising.stats()).ledger, { received: 10, waiting: 10, dead_lettered: 0, difference: 0 })

  const keyed = await startCollector(t, { kafka: kafka.bootstrap, env: { VANTAGE_API_WORKERS: '1' } })
  t.match(await keyed.post(batchOf(10)), { status: 202, body: { durability: 'kafka' } })
})

test('a producer that fails for good is replaced, and its requests are delivered by another', async (t) => {
  const kafka = await startKafka(t, { topicConfig })
  const env = {
    VANTAGE_KAFKA_COMPRESSION_TYPE: 'none',
    VANTAGE_API_WORKERS: '1',
    VANTAGE_ACK_TIMEOUT_MS: '10000',
    // With it, librdkafka takes a refused record for the end of the producer.
    VANTAGE_KAFKA_PROPERTY_ENABLE_GAPLESS_GUARANTEE: 'true',
  }
  const collector = await startCollector(t, { kafka: kafka.bootstrap, env })
  const [pid] = await collector.workerPids()
  const large = { ...metricOf(0), note: incompressible }
  const replies = await Promise.all([
    collector.post({ ...batchOf(1), metrics: [large, metricOf(1)] }),
    ...[1, 2, 3, 4].map((n) => collector.post(batchOf(10, { first: 10 * n, service: `service-${n}` }))),
  ])
  t.match(replies[0], { status: 202, body: { metrics_accepted: 1, metrics_rejected: 1 } })
  t.same(
    replies.slice(1).map(({ status }) => status),
    [202, 202, 202, 202],
  )
  for (let n = 5; n < 15; n++) t.equal((await collector.post(batchOf(10, { first: 10 * n }))).status, 202)
  const found = new Set((await readTopic(kafka.bootstrap, 141)).map(({ value }) => JSON.parse(value).id))
  for (let id = 10; id < 150; id++) if (!found.has(id)) t.fail(`${id} is missing`)
  t.ok(found.has(1) && !found.has(0))
  t.same(await collector.workerPids(), [pid], 'the process is the same')
  t.ok(
    collector.logs.some(({ msg }) => msg.startsWith('a Kafka producer failed for good')),
    'a producer did fail',
  )
})

test('a dead letter that the broker finds too large is dropped, and everything around it is in the dead-letter topic', async (t) => {
  const kafka = await startKafka(t)
  const topic = 'metrics-dead'
  await kafka.createTopic(topic, 1, topicConfig)
  const env = {
    VANTAGE_KAFKA_COMPRESSION_TYPE: 'none',
    VANTAGE_API_WORKERS: '1',
    VANTAGE_KAFKA_DEAD_LETTER_TOPIC: topic,
    VANTAGE_DEAD_LETTER_INVALID: 'true',
  }
  const collector = await startCollector(t, { kafka: kafka.bootstrap, env })
  const metrics = Array.from({ length: 200 }, (_, id) => (id % 70 === 50 ? { id, note: incompressible } : { id }))
  t.equal((await collector.post({ ...batchOf(1), metrics })).status, 422)
  const large = metrics.filter(({ note }) => note !== undefined).length
  const { ingestion } = await waitFor(
    async () => {
      const stats = await collector.stats()
      return stats.ingestion.rejected_dead_letters + stats.ingestion.rejected_dead_letters_dropped === 200 && stats
    },
    'the counts',
    20_000,
  )
  t.match(ingestion, { rejected_dead_letters: 200 - large, rejected_dead_letters_dropped: large })
  const dead = await readTopic(kafka.bootstrap, 200 - large, { topic })
  t.same(
    new Set(dead.map(({ value }) => JSON.parse(value).id)),
    new Set(metrics.filter(({ note }) => note === undefined).map(({ id }) => id)),
  )
  t.equal(dead.length, 200 - large, 'nothing is there twice')
})
