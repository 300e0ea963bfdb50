import { test } from 'tap'
import { batchOf, metricOf } from '../../../tools/batches.js'
import { type LogLine, startCollector } from '../../../tools/collector.js'
import { freePort } from '../../../tools/free-port.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { readTopic } from '../../support/read-topic.js'

test('a librdkafka queue that is full is waited for, and nothing is lost', async (t) => {
  const kafka = await startMockKafka(t)
  const env = { VANTAGE_KAFKA_PROPERTY_QUEUE_BUFFERING_MAX_MESSAGES: '7', VANTAGE_KAFKA_LINGER_MS: '0' }
  const collector = await startCollector(t, { kafka, env })
  const replies = await Promise.all(
    Array.from({ length: 10 }, (_, n) => collector.post(batchOf(100, { first: 100 * n, service: `service-${n}` }))),
  )
  t.same(new Set(replies.map(({ status }) => status)), new Set([202]))
  const ids = (await readTopic(kafka, 1000)).map(({ value }) => JSON.parse(value).id)
  t.equal(ids.length, 1000)
  t.equal(new Set(ids).size, 1000)
})

test('a record that librdkafka finds too large is rejected by name, the others are delivered', async (t) => {
  const kafka = await startMockKafka(t)
  const env = { VANTAGE_KAFKA_PROPERTY_MESSAGE_MAX_BYTES: '10000' }
  const collector = await startCollector(t, { kafka, env })
  const large = { ...metricOf(1), note: 'x'.repeat(20_000) }
  const { status, body } = await collector.post({ ...batchOf(1), metrics: [metricOf(0), large, metricOf(2)] })
  t.equal(status, 202)
  t.match(body, { status: 'partial', metrics_received: 3, metrics_accepted: 2, metrics_rejected: 1 })
  t.same(body.errors, ['metrics[1] was refused by Kafka: message size too large'])
  const alone = await collector.post({ ...batchOf(1), metrics: [large] })
  t.equal(alone.status, 422)
  t.match(alone.body, { code: 'VANTAGE_NO_VALID_METRICS', metrics_rejected: 1 })
  const ids = (await readTopic(kafka, 2)).map(({ value }) => JSON.parse(value).id)
  t.same(ids, [0, 2])
  const { ingestion, kafka: sent, ledger } = await collector.stats()
  t.match(ingestion, { metrics_received: 4, metrics_accepted: 2, metrics_rejected: 2, metrics_deferred: 0 })
  t.match(sent, { records_acknowledged: 2, records_failed: 2 })
  t.equal(ledger.difference, 0)
})

test('ndjson: a batch is split over the limit of a message, and what is refused is counted in metrics', async (t) => {
  const kafka = await startMockKafka(t)
  const env = { VANTAGE_KAFKA_RECORD_FORMAT: 'ndjson', VANTAGE_KAFKA_PROPERTY_MESSAGE_MAX_BYTES: '10000' }
  const collector = await startCollector(t, { kafka, env })
  const { metrics, ...envelope } = batchOf(100)
  metrics[50] = { ...metricOf(50), note: 'x'.repeat(20_000) }
  const { status, body } = await collector.post({ metrics, ...envelope })
  t.equal(status, 202)
  t.match(body, { status: 'partial', metrics_received: 100, metrics_accepted: 99, metrics_rejected: 1 })
  t.same(body.errors, ['metrics[50] was refused by Kafka: message size too large'])
  const { ingestion, kafka: sent, ledger } = await collector.stats()
  t.match(ingestion, { metrics_received: 100, metrics_accepted: 99, metrics_rejected: 1 })
  t.equal(ledger.difference, 0)
  const records = await readTopic(kafka, sent.records_acknowledged)
  t.equal(records.length, sent.records_acknowledged)
  t.ok(records.length > 1 && records.length < 10, `${records.length} records`)
  const ids = records.flatMap(({ value }) => value.split('\n').map((line) => JSON.parse(line).id))
  t.same(
    ids,
    batchOf(100)
      .metrics.map(({ id }) => id)
      .filter((id) => id !== 50),
    'each metric once, in order',
  )
})

const isComplaint = ({ level }: LogLine) => level !== 'info' && level !== 'debug'

test('a good start complains of nothing', async (t) => {
  const kafka = await startMockKafka(t)
  const env = { VANTAGE_KAFKA_DEAD_LETTER_TOPIC: 'dead', VANTAGE_DEAD_LETTER_INVALID: 'true' }
  const collector = await startCollector(t, { kafka, env })
  t.equal((await collector.post(batchOf(1))).status, 202)
  t.same(collector.logs.filter(isComplaint), [])
  t.equal(collector.stderr, '')
})

test('a start without a broker is told once by each worker, with the reason, before it listens', async (t) => {
  const kafka = `127.0.0.1:${await freePort()}`
  const { logs } = await startCollector(t, { kafka, ready: false })
  const untilListening = logs.slice(
    0,
    logs.findIndex(({ msg }) => msg === 'collector is listening'),
  )
  const complaints = untilListening.filter(isComplaint)
  const complaint = {
    msg: 'Kafka does not take records; batches are answered 503',
    kafka: new RegExp(`No broker of ${kafka} answers .*refused`),
  }
  t.match(complaints, [complaint, complaint])
  t.equal(complaints.length, 2)
})

test('without a broker the process lives, is not ready, and answers 503 at once', async (t) => {
  const kafka = `127.0.0.1:${await freePort()}`
  const collector = await startCollector(t, { kafka, env: { VANTAGE_ACK_TIMEOUT_MS: '300000' }, ready: false })
  const startedAt = performance.now()
  const { status, headers, body } = await collector.post(batchOf(1))
  t.ok(performance.now() - startedAt < 60_000, 'no waiting for what cannot come')
  t.equal(status, 503)
  t.equal(headers.get('retry-after'), '1')
  t.match(body, { code: 'VANTAGE_KAFKA_UNAVAILABLE', detail: `No broker of ${kafka} answers` })
  t.equal((await collector.get('/live')).status, 200)
  t.match(await collector.get('/ready'), { status: 503, body: { status: 'not ready', reason: /No broker/ } })
  t.match(await collector.get('/health'), {
    status: 503,
    body: { status: 'unhealthy', checks: { kafka: { status: 'unhealthy' } } },
  })
  t.match((await collector.get('/')).body, { status: 'unavailable' })
  t.same(await collector.stop(), { code: 0, signal: null })
})

test('over the byte budget batches get 503, and the budget is free again afterwards', async (t) => {
  const kafka = await startMockKafka(t)
  // A linger that never ends would hold records; a budget of 10 kB is used up by one batch.
  const collector = await startCollector(t, {
    kafka,
    env: { VANTAGE_MAX_INFLIGHT_MB: '0.01', VANTAGE_API_WORKERS: '1' },
  })
  const replies = await Promise.all(
    Array.from({ length: 20 }, (_, n) => collector.post(batchOf(50, { first: 50 * n }))),
  )
  const refused = replies.filter(({ status }) => status === 503)
  t.ok(refused.length > 0 && refused.length < 20, `${refused.length} of 20 were refused`)
  for (const { body, headers } of refused) {
    t.equal(body.code, 'VANTAGE_OVERLOADED')
    t.equal(headers.get('retry-after'), '1')
  }
  t.equal((await collector.post(batchOf(50, { first: 1000 }))).status, 202)
  const accepted = replies.filter(({ status }) => status === 202).length + 1
  t.equal((await readTopic(kafka, 50 * accepted)).length, 50 * accepted)
})
