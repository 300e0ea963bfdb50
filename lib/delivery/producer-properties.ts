import type { ProducerGlobalConfig, ProducerTopicConfig } from 'node-rdkafka'
import type { Config } from '../config/config.js'
import { connectionProperties } from './connection-properties.js'

/** librdkafka's settings of a producer, and those of its topic. */
export type ProducerProperties = { global: ProducerGlobalConfig; topic: ProducerTopicConfig; saslToken: string }

/**
 * Where a property's reason is not obvious it stands beside it. Properties passed through by the user come last and
 * win.
 */
export function producerProperties(config: Config): ProducerProperties {
  const passedThrough = Object.entries(config.kafkaProperties)
  const { global, saslToken } = connectionProperties(config)
  return {
    saslToken,
    global: {
      ...global,
      'compression.codec': config.kafkaCompressionType,
      'linger.ms': config.kafkaLingerMs,
      'enable.idempotence': config.kafkaAcks === 'all',
      // The byte budget bounds what is queued (delivery.ts), so the queue itself only has to be wide enough.
      'queue.buffering.max.messages': 2_000_000,
      'queue.buffering.max.kbytes': 2_097_151,
      // librdkafka waits up to 10 s between attempts by default; a broker that is back should be found within a second.
      'reconnect.backoff.ms': 50,
      'reconnect.backoff.max.ms': 1000,
      'topic.metadata.refresh.interval.ms': 30_000,
      'topic.metadata.propagation.max.ms': 5000,
      'socket.keepalive.enable': true,
      // A connection that is silently dropped is found by nothing else, and new ones would work. An idempotent producer may send
      // again what a broker that was only slow has by then.
      'socket.timeout.ms': requestTimeoutMs(config) + answerTimeMs,
      'socket.nagle.disable': true,
      'log.connection.close': false,
      ...Object.fromEntries(passedThrough.filter(([name]) => !topicLevel.has(name))),
    },
    topic: {
      acks: config.kafkaAcks === 'all' ? -1 : 1,
      // How long the leader waits for its replicas, before it answers that they did not follow.
      'request.timeout.ms': requestTimeoutMs(config),
      // A record that times out by itself would be lost or reordered; what to do with late data is decided in
      // delivery.ts.
      'message.timeout.ms': 0,
      // As the Java client's default, so that other producers agree on the partition of a key.
      partitioner: 'murmur2_random',
      // Level 1 is 3 times as fast as the default 6, and its output about a tenth larger.
      ...(config.kafkaCompressionType === 'gzip' && { 'compression.level': 1 }),
      ...Object.fromEntries(passedThrough.filter(([name]) => topicLevel.has(name))),
    },
  }
}

/** What a broker may take longer than its replicas, and than the network. */
const answerTimeMs = 2000
const leastRequestTimeoutMs = 8000
/** librdkafka takes no socket.timeout.ms over five minutes. */
const longestRequestTimeoutMs = 300_000 - answerTimeMs

/** Where batches may wait longer for their acknowledgement, brokers may take as long for it. */
function requestTimeoutMs({ ackTimeoutMs }: Config): number {
  return Math.min(Math.max(leastRequestTimeoutMs, ackTimeoutMs), longestRequestTimeoutMs)
}

/**
 * Producer properties that librdkafka keeps with the topic (its CONFIGURATION.md, "Topic configuration properties").
 */
const topicLevel: ReadonlySet<string> = new Set([
  'request.timeout.ms',
  'queuing.strategy',
  'partitioner',
  'compression.level',
])

/** librdkafka's default of message.max.bytes, which the brokers' own exceeds by a little. */
const defaultMaxMessageBytes = 1_000_000
/** What is left of it for the key, and for what Kafka writes around key and value. */
const framingBytes = 2048

/** The longest value of a record that librdkafka surely takes with any key of ours. */
export function maxRecordBytes({ kafkaProperties }: Pick<Config, 'kafkaProperties'>): number {
  return Math.max(0, Number(kafkaProperties['message.max.bytes'] ?? defaultMaxMessageBytes) - framingBytes)
}
