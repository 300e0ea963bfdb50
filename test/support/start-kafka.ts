import type { Test } from 'tap'
import { KafkaBroker } from '../../tools/kafka.js'

export type StartKafkaOptions = {
  topic?: string
  topicConfig?: Record<string, string>
  properties?: Record<string, string>
  /** Of users who log in by SCRAM, by their names. */
  passwords?: Record<string, string>
}

const partitions = 6

/** A real broker for one test, with a topic of six partitions. */
export async function startKafka(t: Test, options: StartKafkaOptions = {}): Promise<KafkaBroker> {
  const kafka = await KafkaBroker.start(options.properties, options.passwords)
  t.teardown(() => kafka.remove())
  await kafka.createTopic(options.topic ?? 'metrics-raw', partitions, options.topicConfig)
  return kafka
}
