import { test } from 'tap'
import { createRandom } from '../../../lib/load/random.js'
import { type Batch, batchOf, metricOf } from '../../../tools/batches.js'
import { startCollector } from '../../../tools/collector.js'
import { readTopic } from '../../support/read-topic.js'
import { startKafka } from '../../support/start-kafka.js'

const total = 1_000_000
const connections = 64
const seed = Number(process.env.VANTAGE_TEST_SEED ?? Date.now() % 2 ** 31)

for (const format of ['metric', 'ndjson']) {
  test(`of ${total} metrics, bad ones among them, the topic holds exactly what was accepted (${format}, seed ${seed})`, async (t) => {
    const random = createRandom(seed)
    const kafka = await startKafka(t)
    // All agents wait as long as it takes: this is about what arrives, not about how fast a busy machine is.
    const env = { VANTAGE_KAFKA_RECORD_FORMAT: format, VANTAGE_ACK_TIMEOUT_MS: '60000', VANTAGE_MAX_INFLIGHT_MB: '512' }
    const collector = await startCollector(t, { kafka: kafka.bootstrap, env })
    const accepted = new Map<string, number[]>()
    let sent = 0
    let bad = 0

    /** A batch of 1 to 1000 metrics; about one in a hundred is bad, for one reason or another. */
    function nextBatch(service: string): { batch: Batch; good: number[] } {
      const batch = batchOf(Math.min(1 + Math.floor(random() * 1000), total - sent), { service, first: sent })
      sent += batch.metrics.length
      const good: number[] = []
      const metrics: unknown[] = batch.metrics.map((metric) => {
        if (random() >= 0.01) {
          good.push(Number(metric.id))
          return metric
        }
        bad++
        return [null, { ...metric, value: 'high' }, { ...metric, metric_type: 'summary' }, 3][bad % 4]
      })
      return { batch: { ...batch, metrics: metrics as Batch['metrics'] }, good }
    }

    async function agent(service: string): Promise<void> {
      const ids: number[] = []
      accepted.set(service, ids)
      while (sent < total) {
        const { batch, good } = nextBatch(service)
        const { status, body } = await collector.post(batch)
        if (good.length === 0) {
          if (status !== 422) t.equal(status, 422)
          continue
        }
        if (status !== 202 || body.metrics_accepted !== good.length) t.match({ status, body }, { status: 202 })
        for (const id of good) ids.push(id)
      }
    }

    await Promise.all(Array.from({ length: connections }, (_, n) => agent(`service-${n}`)))
    const expected = total - bad
    const { ingestion, kafka: delivered, ledger } = await collector.stats()
    t.match(ingestion, { metrics_received: total, metrics_accepted: expected, metrics_rejected: bad })
    t.equal(delivered.records_failed, 0)
    if (format === 'metric') t.equal(delivered.records_acknowledged, expected)
    t.equal(ledger.difference, 0)
    t.equal(await collector.metric('metrics_received_total'), total)
    t.equal(await collector.metric('metrics_accepted_total'), expected)
    t.equal(await collector.metric('metrics_rejected_total'), bad)

    const records = await readTopic(kafka.bootstrap, delivered.records_acknowledged, { timeoutMs: 120_000 })
    t.equal(records.length, delivered.records_acknowledged, 'no record is missing, none is there twice')
    const found = new Map<string, number[]>()
    let wrong = 0
    for (const { key, value } of records) {
      const ids = found.get(key ?? '') ?? []
      found.set(key ?? '', ids)
      for (const line of value.split('\n')) {
        const metric = JSON.parse(line)
        ids.push(metric.id)
        if (metric.value !== metricOf(metric.id).value || metric.environment !== 'production') wrong++
      }
    }
    t.equal(wrong, 0, 'each record is what was sent')
    for (const [service, ids] of accepted) {
      if (JSON.stringify(found.get(service)) !== JSON.stringify(ids)) t.fail(`${service} is complete and in order`)
    }
    t.equal(found.size, [...accepted.values()].filter((ids) => ids.length > 0).length)
  })
}
