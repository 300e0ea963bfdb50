import { test } from 'tap'
import { batchOf } from '../../../tools/batches.js'
import { startCollector } from '../../../tools/collector.js'
import { freePort } from '../../../tools/free-port.js'
import { KafkaBroker } from '../../../tools/kafka.js'
import { createTopic } from '../../../tools/kafka-admin.js'
import { waitFor } from '../../../tools/wait-for.js'
import { KafkaCluster } from '../../support/kafka-cluster.js'
import { Load } from '../../support/load.js'
import { sendRaw } from '../../support/raw-client.js'
import { readTopic } from '../../support/read-topic.js'
import { SlowProxy } from '../../support/slow-proxy.js'
import { startKafka } from '../../support/start-kafka.js'

/** Bounds, not figures (those are in bench/outage.ts): far from what would be waited for by mistake, Kafka's own time-outs. */
const answerMs = 20_000
const ackTimeout = { VANTAGE_ACK_TIMEOUT_MS: '1000' }

for (const how of ['paused', 'killed'] as const) {
  test(`a broker that is ${how} under load: 503 in time, not ready, bounded memory; and all is well again after`, async (t) => {
    const kafka = await startKafka(t)
    const collector = await startCollector(t, {
      kafka: kafka.bootstrap,
      env: { ...ackTimeout, VANTAGE_MAX_INFLIGHT_MB: '8' },
    })
    const load = new Load(collector, { connections: 16, batchSize: 100, pauseMs: 20 })
    await waitFor(() => load.accepted.size > 20_000, 'load')
    const memoryBefore = await residentBytes(collector)

    if (how === 'paused') kafka.pause()
    else await kafka.kill()
    const askedAt = performance.now()
    const late = await collector.post(batchOf(1, { service: 'late', first: 10_000_000 }))
    const waitedMs = performance.now() - askedAt
    t.equal(late.status, 503)
    t.equal(late.headers.get('retry-after'), '1')
    t.ok(waitedMs < answerMs, `answered after ${Math.round(waitedMs)} ms`)
    await waitFor(async () => (await collector.get('/ready')).status === 503, '/ready to say 503')
    // Another worker may answer, which hears of it a moment later.
    await waitFor(async () => (await collector.get('/health')).status === 503, '/health to say 503')
    t.equal((await collector.get('/live')).status, 200)

    // A few hundred refused batches later, nothing has piled up.
    const refused = load.others.length
    await waitFor(() => load.others.length > refused + 300, 'refused batches')
    const { workers, ledger } = await collector.stats()
    for (const { held_bytes } of workers) t.ok(held_bytes <= 8 * 2 ** 20 + 100_000, `${held_bytes} bytes held`)
    t.equal(ledger.difference, 0)
    const grownMiB = ((await residentBytes(collector)) - memoryBefore) / 2 ** 20
    t.ok(grownMiB < 100, `two workers grew by ${Math.round(grownMiB)} MiB`)

    if (how === 'paused') kafka.resume()
    else await kafka.restart()
    const taken = async () => (await collector.post(batchOf(1, { first: 20_000_000 }))).status === 202
    await waitFor(taken, '202, without a restart')
    await waitFor(async () => (await collector.get('/ready')).status === 200, '/ready to say 200')
    await load.stop()

    t.same(load.statuses, [503], 'agents saw 202 and 503, nothing else')
    t.equal((await collector.stats()).worker_restarts, 0)
    const found = new Set(
      (await readTopic(kafka.bootstrap, load.accepted.size)).map(({ value }) => JSON.parse(value).id),
    )
    t.same(
      [...load.accepted].filter((id) => !found.has(id)),
      [],
      'nothing that was answered 202 is missing',
    )
  })
}

test('a collector that is started before its broker waits for it, not ready, and recovers', async (t) => {
  const kafka = await startKafka(t)
  await kafka.kill()
  // One worker: /ready speaks for the worker that answers, and another may take a moment longer.
  const env = { VANTAGE_API_WORKERS: '1' }
  const collector = await startCollector(t, { kafka: kafka.bootstrap, env, ready: false })
  t.equal((await collector.get('/ready')).status, 503)
  t.equal((await collector.post(batchOf(1))).status, 503)
  await kafka.restart()
  await waitFor(async () => (await collector.get('/ready')).status === 200, '/ready')
  t.match(await collector.post(batchOf(1)), { status: 202, body: { durability: 'kafka' } })
})

test('a collector that never had a broker ends in time all the same', async (t) => {
  const collector = await startCollector(t, { kafka: `127.0.0.1:${await freePort()}`, ready: false })
  t.same(await collector.stop(), { code: 0, signal: null })
})

async function residentBytes(collector: Awaited<ReturnType<typeof startCollector>>): Promise<number> {
  const { workers } = await collector.stats()
  return workers.reduce((sum, { resident_memory_bytes }) => sum + resident_memory_bytes, 0)
}

test('a topic that does not exist is told, and taken as soon as it does', async (t) => {
  const kafka = await KafkaBroker.start()
  t.teardown(() => kafka.remove())
  const collector = await startCollector(t, { kafka: kafka.bootstrap, ready: false })
  const { status, body } = await collector.post(batchOf(1))
  t.equal(status, 503)
  t.match(body, { code: 'VANTAGE_KAFKA_UNAVAILABLE', detail: 'Topic metrics-raw does not exist' })
  t.match((await collector.get('/ready')).body, { reason: 'Topic metrics-raw does not exist' })
  await kafka.createTopic('metrics-raw', 3)
  await waitFor(async () => (await collector.post(batchOf(1))).status === 202, '202')
})

test('requests that wait for a silent broker are answered, though idle connections around them are closed', async (t) => {
  const kafka = await startKafka(t)
  // Later than a connection is taken for idle.
  const env = { VANTAGE_API_WORKERS: '1', VANTAGE_ACK_TIMEOUT_MS: '10000' }
  const collector = await startCollector(t, { kafka: kafka.bootstrap, env })
  kafka.pause()
  const late = Promise.all(Array.from({ length: 10 }, () => collector.post(batchOf(1))))
  const live = 'GET /live HTTP/1.1\r\nHost: collector\r\n\r\n'
  const idle = Array.from({ length: 1500 }, () => sendRaw(collector.url, [live], { quietMs: 60_000 }))
  t.same(
    (await late).map(({ status }) => status),
    Array(10).fill(503),
  )
  t.ok((await Promise.all(idle)).every(({ closed }) => closed))
  kafka.resume()
})

test('connections that are silently dropped, while new ones work, are given up long before a minute', async (t) => {
  const port = await freePort()
  const proxy = await SlowProxy.start(port)
  t.teardown(() => proxy.stop())
  const kafka = await KafkaCluster.start([{ port, advertisedPort: proxy.port }])
  t.teardown(() => kafka.remove())
  await createTopic(kafka.directBootstrap, { topic: 'metrics-raw', partitions: 3 })
  const env = { ...ackTimeout, VANTAGE_API_WORKERS: '1' }
  const collector = await startCollector(t, { kafka: `127.0.0.1:${proxy.port}`, env })
  t.equal((await collector.post(batchOf(1))).status, 202)
  proxy.silence()
  t.equal((await collector.post(batchOf(1, { first: 1 }))).status, 503)
  let first = 2
  const taken = async () => (await collector.post(batchOf(1, { first: first++ }))).status === 202
  // socket.timeout.ms is a minute by default.
  await waitFor(taken, '202', 40_000)
  await waitFor(async () => (await collector.stats()).workers.every(({ held_bytes }) => held_bytes === 0), 'the rest')
  const ids = (await readTopic(kafka.directBootstrap, 3)).map(({ value }) => JSON.parse(value).id)
  t.ok(ids.includes(1), 'what was on its way has arrived')
  t.equal(new Set(ids).size, ids.length, 'nothing is there twice')
})
