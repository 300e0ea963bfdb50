import type { Test } from 'tap'
import { DevBroker } from '../../lib/primary/dev-broker.js'

/** librdkafka's in-memory Kafka in the process of the test: for what does not depend on how a real broker behaves. */
export async function startMockKafka(t: Test, { roundTripMs = 0 } = {}): Promise<string> {
  const broker = await DevBroker.start({ 'test.mock.broker.rtt': roundTripMs })
  t.teardown(() => broker.stop())
  return broker.address
}
