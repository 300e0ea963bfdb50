import { setTimeout as pause } from 'node:timers/promises'
import Kafka from 'node-rdkafka'
import { readConnectionError } from '../delivery/connection-error.js'
import type { ConnectionProperties } from '../delivery/connection-properties.js'

export type ReadOptions = {
  connection: ConnectionProperties
  topic: string
  /** Starts at the oldest record that Kafka still has; otherwise at the end. */
  fromBeginning: boolean
}

/** A record as read from Kafka. */
export type ReadRecord = {
  partition: number
  offset: number
  key: string | null
  value: string
  headers: Record<string, string>
}

const metadataTimeoutMs = 5000
const consumeTimeoutMs = 100
const maxRecordsAtATime = 1000
/** librdkafka's names for the ends of a partition (rdkafka.h, RD_KAFKA_OFFSET_BEGINNING and RD_KAFKA_OFFSET_END). */
const offsetBeginning = -2
const offsetEnd = -1

/**
 * Reads all partitions of a topic, without joining a consumer group, so that it disturbs no other consumer.
 *
 * @throws {Error} when no broker answers or the topic does not exist
 */
export async function readTopic(options: ReadOptions, onRecord: (record: ReadRecord) => void): Promise<Reading> {
  const { connection, topic, fromBeginning } = options
  const { 'bootstrap.servers': bootstrapServers = '' } = connection.global
  const consumer = new Kafka.KafkaConsumer(
    {
      ...connection.global,
      'group.id': 'vantage-collector-reader',
      'enable.auto.commit': false,
      'fetch.wait.max.ms': 100,
    },
    { 'auto.offset.reset': 'latest' },
  )
  if (connection.saslToken !== '') consumer.setOauthBearerToken(connection.saslToken)
  const metadata = await connect(consumer, connection.global, topic)
  const partitions = metadata.topics.find(({ name }) => name === topic)?.partitions ?? []
  if (partitions.length === 0) {
    await disconnect(consumer)
    throw new Error(`Topic ${topic} does not exist on ${bootstrapServers}`)
  }
  const offset = fromBeginning ? offsetBeginning : offsetEnd
  consumer.assign(partitions.map(({ id }) => ({ topic, partition: id, offset })))
  consumer.setDefaultConsumeTimeout(consumeTimeoutMs)
  let stopping = false
  const reading = (async () => {
    while (!stopping) for (const message of await consume(consumer)) onRecord(recordOf(message))
  })()
  const stop = async () => {
    stopping = true
    await reading
    await disconnect(consumer)
  }
  return { partitions: partitions.length, stop }
}

function recordOf({ partition, offset, key, value, headers = [] }: Kafka.Message): ReadRecord {
  return {
    partition,
    offset,
    key: key?.toString() ?? null,
    value: value?.toString() ?? '',
    headers: Object.fromEntries(headers.flatMap((header) => Object.entries(header)).map(([n, v]) => [n, String(v)])),
  }
}

export type Reading = { partitions: number; stop: () => Promise<void> }

function connect(
  consumer: Kafka.KafkaConsumer,
  global: ConnectionProperties['global'],
  topic: string,
): Promise<Kafka.Metadata> {
  const { 'bootstrap.servers': bootstrapServers = '' } = global
  let reason: string | undefined
  consumer.on('event.log', ({ fac, message }) => {
    if (fac === 'FAIL') reason = readConnectionError(message, global).message
  })
  return new Promise((resolve, reject) => {
    consumer.connect({ topic, allTopics: false, timeout: metadataTimeoutMs }, (error, metadata) => {
      if (error) reject(new Error(`No broker of ${bootstrapServers} answers: ${reason ?? error.message}`))
      else resolve(metadata)
    })
  })
}

/**
 * The next records, none when there are none for a while. Not consume() without a count: its thread keeps disconnect()
 * from ending while records go on arriving. A read that fails is tried again; librdkafka mends its connections itself.
 */
async function consume(consumer: Kafka.KafkaConsumer): Promise<Kafka.Message[]> {
  const messages = await new Promise<Kafka.Message[] | undefined>((resolve) => {
    consumer.consume(maxRecordsAtATime, (error, read) => resolve(error ? undefined : read))
  })
  if (messages === undefined) await pause(consumeTimeoutMs)
  return messages ?? []
}

function disconnect(consumer: Kafka.KafkaConsumer): Promise<void> {
  return new Promise((resolve) => {
    consumer.disconnect(() => resolve())
  })
}
