import { test } from 'tap'
import { batchOf, metricOf } from '../../../tools/batches.js'
import { startCollector } from '../../../tools/collector.js'
import { waitFor } from '../../../tools/wait-for.js'
import { makeDirectory } from '../../support/directory.js'
import { startMockKafka } from '../../support/mock-kafka.js'

const batches = 40
const noteBytes = 200_000
/** Our copy and librdkafka's. Of such a size, one batch is a chunk. */
const heldPerChunk = 2 * noteBytes

test('where Kafka takes longer than the time-out to acknowledge, replay has several chunks under way', async (t) => {
  const kafka = await startMockKafka(t, { roundTripMs: 1200 })
  const env = {
    VANTAGE_API_WORKERS: '1',
    VANTAGE_ACK_TIMEOUT_MS: '1000',
    VANTAGE_DURABILITY: 'journal',
    VANTAGE_JOURNAL_DIR: await makeDirectory(t),
  }
  const collector = await startCollector(t, { kafka, env })
  for (let id = 0; id < batches; id++) {
    const metric = { ...metricOf(id), note: 'x'.repeat(noteBytes) }
    const { body } = await collector.post({ ...batchOf(1), metrics: [metric] })
    t.equal(body.durability, 'journal')
  }
  const heldBytes = async () => (await collector.stats()).workers[0]?.held_bytes ?? 0
  await waitFor(async () => (await heldBytes()) > 4 * heldPerChunk, 'five chunks under way')
  await waitFor(async () => (await collector.stats()).ledger.acknowledged === batches, 'all of it in Kafka')
  t.match((await collector.stats()).ledger, { received: batches, waiting: 0, difference: 0 })
})
