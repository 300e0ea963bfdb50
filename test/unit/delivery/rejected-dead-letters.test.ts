import { test } from 'tap'
import { batchOf, metricOf } from '../../../tools/batches.js'
import { startCollector } from '../../../tools/collector.js'
import { freePort } from '../../../tools/free-port.js'
import { waitFor } from '../../../tools/wait-for.js'
import { makeDirectory } from '../../support/directory.js'
import { startMockKafka } from '../../support/mock-kafka.js'
import { readTopic } from '../../support/read-topic.js'

const topic = 'metrics-dead'
/** The first letter makes the topic, and librdkafka looks for it again after a while only. */
const waitMs = 20_000
const keepRejects = { VANTAGE_DEAD_LETTER_INVALID: 'true', VANTAGE_KAFKA_DEAD_LETTER_TOPIC: topic }

test('metrics that failed validation are in the dead-letter topic as they were sent, and rejected all the same', async (t) => {
  const kafka = await startMockKafka(t)
  const env = { ...keepRejects, VANTAGE_KAFKA_RECORD_FORMAT: 'ndjson' }
  const collector = await startCollector(t, { kafka, env })
  const bad = '{"timestamp": 1,\n "metric_name": "é", "value": 1e400, "id": 12345678901234567890}'
  const cut = JSON.stringify({ ...metricOf(3), tags: { 'reg\0ion': 1 } })
  const body = `{"service_name": "shop", "metrics": [${JSON.stringify(metricOf(0))}, ${bad}, null, ${cut}]}`
  const partial = await collector.post(body)
  t.match(partial, { status: 202, body: { status: 'partial', metrics_accepted: 1, metrics_rejected: 3 } })
  const errors = [
    'metrics[1].service_name is required; .metric_type is required; .value must be number',
    'metrics[2] must be object',
    'metrics[3].tags.reg\0ion must be string',
  ]
  t.same(partial.body.errors, errors)

  const kept = (count: number) =>
    waitFor(
      async () => (await collector.stats()).ingestion.rejected_dead_letters === count,
      `${count} to be kept`,
      waitMs,
    )
  await kept(3)
  const dead = await readTopic(kafka, 3, { topic })
  t.same(
    dead.map(({ key, value, headers }) => [key, value, headers['vantage-reason'], headers['vantage-error-code']]),
    [
      ['shop', bad, errors[0], 'service_name.required'],
      ['shop', 'null', errors[1], 'metric.type'],
      ['shop', cut, errors[2], 'tags.type'],
    ],
  )
  for (const { headers } of dead) {
    t.equal(headers['vantage-source'], 'metrics-raw')
    t.ok(Math.abs(Date.now() - Date.parse(headers['vantage-first-seen'] ?? '')) < 60_000, 'the time it came')
  }

  const none = await collector.post({ ...batchOf(1), metrics: Array.from({ length: 30 }, () => ({})) })
  t.match(none, { status: 422, body: { code: 'VANTAGE_NO_VALID_METRICS', metrics_rejected: 30 } })
  await kept(33)
  t.equal((await readTopic(kafka, 33, { topic })).length, 33, 'those of a batch without a good one, too')
  const { ingestion, ledger } = await collector.stats()
  t.match(ingestion, { metrics_rejected: 33, rejected_dead_letters_dropped: 0 })
  t.match(ledger, { received: 34, rejected: 33, acknowledged: 1, dead_lettered: 0, difference: 0 })
  t.equal(await collector.metric('rejected_dead_letters_total'), 33)
})

test('a letter that Kafka refuses is counted and told, and costs no other', async (t) => {
  const kafka = await startMockKafka(t)
  const env = { ...keepRejects, VANTAGE_API_WORKERS: '1', VANTAGE_KAFKA_PROPERTY_MESSAGE_MAX_BYTES: '10000' }
  const collector = await startCollector(t, { kafka, env })
  await collector.post({ ...batchOf(1), metrics: [{ id: 0 }, { note: 'x'.repeat(20_000) }, metricOf(2), { id: 3 }] })
  await waitFor(
    async () => (await collector.stats()).ingestion.rejected_dead_letters_dropped === 1,
    'the count',
    waitMs,
  )
  const dead = await readTopic(kafka, 2, { topic })
  t.same(
    dead.map(({ value }) => JSON.parse(value).id),
    [0, 3],
  )
  t.match((await collector.stats()).ledger, { rejected: 3, acknowledged: 1, difference: 0 })
  const told = { topic, metrics: 1, reason: 'message size too large' }
  t.match(
    collector.logs.filter(({ msg }) => msg.startsWith('rejected metrics are not in')),
    [told],
  )
})

test('while Kafka is away, rejected metrics wait in a bounded memory, cost no good one, and hold up no stop', async (t) => {
  const kafka = `127.0.0.1:${await freePort()}`
  const env = { ...keepRejects, VANTAGE_API_WORKERS: '1', VANTAGE_JOURNAL_DIR: await makeDirectory(t) }
  const collector = await startCollector(t, { kafka, env })
  const large = Array.from({ length: 700 }, (_, id) => ({ id, note: 'x'.repeat(10_000) }))
  for (let n = 0; n < 3; n++) {
    const { status, body } = await collector.post({ ...batchOf(1), metrics: [...large, metricOf(n)] })
    t.match({ status, body }, { status: 202, body: { durability: 'journal', metrics_rejected: 700 } })
  }
  const { ingestion, ledger } = await collector.stats()
  t.match(
    ingestion,
    { metrics_accepted: 3, rejected_dead_letters: 0, rejected_dead_letters_dropped: 700 },
    'there is room for two',
  )
  t.match(ledger, { rejected: 2100, waiting: 3, difference: 0 })
  t.same(await collector.stop(), { code: 0, signal: null })
  const told = collector.logs.filter(({ msg }) => msg.startsWith('rejected metrics are not in'))
  t.equal(told.length, 1, 'one line, not one for each')
})
