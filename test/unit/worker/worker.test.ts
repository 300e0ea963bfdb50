import { test } from 'tap'
import { batchOf } from '../../../tools/batches.js'
import { startCollector } from '../../../tools/collector.js'
import { startMockKafka } from '../../support/mock-kafka.js'

for (const [variable, value] of [
  ['VANTAGE_MAX_REQUEST_SIZE_MB', '1024'],
  ['VANTAGE_MAX_REQUEST_SIZE_MB', '0.001'],
  ['VANTAGE_KAFKA_PROPERTY_MESSAGE_MAX_BYTES', '1000'],
  ['VANTAGE_KAFKA_PROPERTY_MESSAGE_MAX_BYTES', '1000000000'],
] as const) {
  test(`workers start with ${variable}=${value}, and take batches`, async (t) => {
    const env = { [variable]: value, VANTAGE_API_WORKERS: '1' }
    const collector = await startCollector(t, { kafka: await startMockKafka(t), env })
    t.equal((await collector.post(batchOf(1))).status, 202)
  })
}
