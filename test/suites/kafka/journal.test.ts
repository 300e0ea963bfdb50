import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { batchOf, metricOf } from '../../../tools/batches.js'
import { startCollector } from '../../../tools/collector.js'
import { KafkaBroker } from '../../../tools/kafka.js'
import { waitFor } from '../../../tools/wait-for.js'
import { makeDirectory } from '../../support/directory.js'
import { Load } from '../../support/load.js'
import { nothingIsMissing, readTopic } from '../../support/read-topic.js'
import { startKafka } from '../../support/start-kafka.js'

const ackTimeout = { VANTAGE_ACK_TIMEOUT_MS: '1000' }

for (const how of ['paused', 'killed'] as const) {
  test(`while the broker is ${how} under load agents see nothing but 202, and all of it reaches the topic`, async (t) => {
    const kafka = await startKafka(t)
    const env = { ...ackTimeout, VANTAGE_JOURNAL_DIR: await makeDirectory(t) }
    const collector = await startCollector(t, { kafka: kafka.bootstrap, env })
    const load = new Load(collector, { connections: 16, batchSize: 50, pauseMs: 20 })
    await waitFor(() => load.accepted.size > 5000, 'load')
    if (how === 'paused') kafka.pause()
    else await kafka.kill()
    await waitFor(async () => (await collector.stats()).journal.metrics_waiting > 10_000, 'a journal')
    t.equal((await collector.get('/ready')).status, 200)
    t.match((await collector.get('/health')).body, { status: 'degraded' })

    const [victim = 0] = await collector.workerPids()
    if (how === 'killed') process.kill(victim, 'SIGKILL')
    const posted = load.accepted.size
    await waitFor(() => load.accepted.size > posted + 2000, 'more load')
    if (how === 'paused') kafka.resume()
    else await kafka.restart()
    await waitFor(async () => (await collector.stats()).journal.metrics_waiting === 0, 'an empty journal')
    await waitFor(async () => (await collector.metric('kafka_up')) === 1, 'all workers to see Kafka')
    t.match((await collector.post(batchOf(1, { first: 10_000_000 }))).body, { durability: 'kafka' })
    await load.stop()

    t.same(
      load.statuses.filter((status) => typeof status === 'number'),
      [],
      'no answer but 202',
    )
    const { ledger } = await collector.stats()
    t.equal(ledger.difference, 0)
    t.match(ledger, { waiting: 0, dead_lettered: 0, deferred: 0 })
    const ids = await nothingIsMissing(t, kafka.bootstrap, load.accepted)
    if (how === 'paused') t.equal(ids.length, new Set(ids).size, 'nothing is there twice: no process ended')
  })
}

test('SIGTERM in the middle of an outage ends in time, and the next start sends what was promised', async (t) => {
  const kafka = await startKafka(t)
  const env = { ...ackTimeout, VANTAGE_JOURNAL_DIR: await makeDirectory(t) }
  const collector = await startCollector(t, { kafka: kafka.bootstrap, env })
  const load = new Load(collector, { connections: 16, batchSize: 50, pauseMs: 20 })
  await waitFor(() => load.accepted.size > 5000, 'load')
  kafka.pause()
  await waitFor(async () => (await collector.stats()).journal.metrics_waiting > 2000, 'a journal')
  t.same(await collector.stop(), { code: 0, signal: null })
  await load.stop()
  t.notOk(
    collector.logs.some(({ msg }) => msg.includes('did not finish in time')),
    'no worker had to be killed',
  )
  kafka.resume()
  await startCollector(t, { kafka: kafka.bootstrap, env })
  await waitFor(
    async () => {
      const ids = await readTopic(kafka.bootstrap, load.accepted.size)
      const found = new Set(ids.map(({ value }) => JSON.parse(value).id))
      return [...load.accepted].every((id) => found.has(id))
    },
    'everything that was answered 202',
    30_000,
  )
})

test('a record that the broker refuses after its 202 goes to the dead-letter topic with its reason', async (t) => {
  const kafka = await startKafka(t, { topicConfig: { 'max.message.bytes': '20000' } })
  await kafka.createTopic('metrics-dead', 1)
  const env = {
    VANTAGE_JOURNAL_DIR: await makeDirectory(t),
    VANTAGE_KAFKA_DEAD_LETTER_TOPIC: 'metrics-dead',
    VANTAGE_KAFKA_COMPRESSION_TYPE: 'none',
    VANTAGE_DURABILITY: 'journal',
  }
  const collector = await startCollector(t, { kafka: kafka.bootstrap, env })
  const note = Array.from({ length: 3000 }, (_, n) => Math.sin(n).toString(36)).join('')
  const batch = { ...batchOf(1), metrics: [metricOf(0), { ...metricOf(1), note }, metricOf(2)] }
  t.match((await collector.post(batch)).body, { durability: 'journal', metrics_accepted: 3 })
  const [dead] = await readTopic(kafka.bootstrap, 1, { topic: 'metrics-dead' })
  t.match(JSON.parse(dead?.value ?? '{}'), { id: 1 })
  t.match(dead?.headers, {
    'vantage-reason': 'message size too large',
    'vantage-error-code': 'MESSAGE_TOO_LARGE',
    'vantage-first-seen': /^\d{4}-\d\d-\d\dT/,
    'vantage-source': 'metrics-raw',
  })
  const ids = (await readTopic(kafka.bootstrap, 2)).map(({ value }) => JSON.parse(value).id)
  t.same(ids, [0, 2])
  await waitFor(async () => (await collector.stats()).ledger.dead_lettered === 1, 'the ledger to say so')
  t.match((await collector.stats()).ledger, {
    received: 3,
    acknowledged: 2,
    dead_lettered: 1,
    waiting: 0,
    difference: 0,
  })
})

test('what a journal loses to damage while it waits is told, and in the ledger', async (t) => {
  const kafka = await startKafka(t)
  const directory = await makeDirectory(t)
  const env = { VANTAGE_JOURNAL_DIR: directory, VANTAGE_DURABILITY: 'journal', VANTAGE_API_WORKERS: '1' }
  const collector = await startCollector(t, { kafka: kafka.bootstrap, env })
  kafka.pause()
  // More than replay takes at a time.
  for (let n = 0; n < 40; n++) t.equal((await collector.post(batchOf(100, { first: 100 * n }))).status, 202)
  const [log = ''] = readdirSync(join(directory, 'logs'))
  const file = join(directory, 'logs', log, '00000001.log')
  const content = readFileSync(file)
  writeFileSync(file, content.fill(0, content.length - 100))
  kafka.resume()
  await waitFor(async () => (await collector.stats()).journal.metrics_waiting === 0, 'an empty journal')
  t.match((await collector.stats()).ledger, {
    received: 4000,
    acknowledged: 3900,
    waiting: 0,
    lost: 100,
    difference: 0,
  })
  t.equal(await collector.metric('metrics_lost_total'), 100)
  const [told] = collector.logs.filter(({ msg }) => msg.startsWith('a file of the journal is damaged'))
  t.match(told, { level: 'error', lostMetrics: 100, keptIn: join(directory, 'damaged') })
  t.equal((await readTopic(kafka.bootstrap, 3900)).length, 3900)
})

test('a journal whose topic is gone is not read into memory; once the topic is there, all of it arrives', async (t) => {
  const kafka = await KafkaBroker.start()
  t.teardown(() => kafka.remove())
  const env = { VANTAGE_JOURNAL_DIR: await makeDirectory(t), VANTAGE_API_WORKERS: '1' }
  const collector = await startCollector(t, { kafka: kafka.bootstrap, env })
  const batches = 400
  for (let n = 0; n < batches; n++) {
    t.match((await collector.post(batchOf(100, { first: 100 * n }))).body, { durability: 'journal' })
  }
  const refused = () => collector.logs.some(({ msg }) => msg.startsWith('Kafka did not take records'))
  await waitFor(refused, 'Kafka to have refused the first of them')
  const uptime = async () => Number((await collector.get('/v1/stats')).body.uptime_seconds)
  const askedAt = await uptime()
  await waitFor(async () => (await uptime()) > askedAt + 3, 'replay to have gone on for three seconds')
  const { workers, journal } = await collector.stats()
  t.equal(journal.metrics_waiting, 100 * batches)
  for (const { held_bytes } of workers) t.ok(held_bytes < 2 ** 20, `${held_bytes} bytes held`)

  await kafka.createTopic('metrics-raw', 3)
  await waitFor(async () => (await collector.stats()).journal.metrics_waiting === 0, 'an empty journal')
  t.equal((await readTopic(kafka.bootstrap, 100 * batches)).length, 100 * batches)
})
