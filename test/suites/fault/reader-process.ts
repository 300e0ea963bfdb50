// Reads the topic in a process of its own, so that reading fast delays neither agents nor proxies. Started by
// reader.ts with the brokers' address and the topic.

import Kafka from 'node-rdkafka'
import { batchOf } from '../../../tools/batches.js'

/** What the process tells: numbers of metrics as runs [first, count, first, count, ...], and how far it is. */
export type ReaderMessage =
  | { type: 'ready' }
  | { type: 'read'; runs: Uint32Array; altered: number }
  | { type: 'backlog'; records: number | undefined }
  | ({ type: 'gap' } & Gap)

/** Where offsets do not follow each other: Kafka numbers the records of a partition without gaps. */
export type Gap = { partition: number; expected: number; offset: number }

export type ReaderRequest = { type: 'measure backlog' }

const [bootstrap = '', topic = ''] = process.argv.slice(2)
const tellEveryMs = 200
const watermarkTimeoutMs = 2000
const recordsAtOnce = 2000
const consumeTimeoutMs = 50
const connectTimeoutMs = 30_000
/** librdkafka's name for the start of a partition (rdkafka.h, RD_KAFKA_OFFSET_BEGINNING). */
const offsetBeginning = -2
const notAMetric = 0xffffffff

let runs: number[] = []
let altered = 0
/** The offset after the last record read, a partition. */
const positions = new Map<number, number>()

const consumer = new Kafka.KafkaConsumer(
  {
    'bootstrap.servers': bootstrap,
    'group.id': 'vantage-fault-reader',
    'enable.auto.commit': false,
    'fetch.wait.max.ms': 100,
    'reconnect.backoff.max.ms': 500,
    'queued.max.messages.kbytes': 16_384,
    // Whoever leads a partition changes all the time here.
    'topic.metadata.refresh.interval.ms': 2000,
    'fetch.error.backoff.ms': 100,
    'socket.timeout.ms': 10_000,
  },
  { 'auto.offset.reset': 'error' },
)
consumer.on('event.error', () => undefined)
consumer.setDefaultConsumeTimeout(consumeTimeoutMs)
consumer.connect({ timeout: connectTimeoutMs }, (error) => {
  if (error) throw new Error(error.message)
  assignWhenThere()
})
setInterval(flush, tellEveryMs)
process.on('message', (_request: ReaderRequest) => void measureBacklog())
process.on('disconnect', () => process.exit())

/** A topic that was made a moment ago is not known to each broker yet. */
function assignWhenThere(): void {
  consumer.getMetadata({ topic, timeout: connectTimeoutMs }, (error, metadata) => {
    const partitions = error ? [] : (metadata.topics.find(({ name }) => name === topic)?.partitions ?? [])
    if (partitions.length === 0) return void setTimeout(assignWhenThere, tellEveryMs)
    for (const { id } of partitions) positions.set(id, 0)
    consumer.assign(partitions.map(({ id }) => ({ topic, partition: id, offset: offsetBeginning })))
    consume()
    tell({ type: 'ready' })
  })
}

/** Takes what is there, again and again: node-rdkafka's own loop ends at the first error, as when a broker goes. */
function consume(): void {
  consumer.consume(recordsAtOnce, (_error, records) => {
    for (const { partition, offset, key, value } of records ?? []) {
      const expected = positions.get(partition) ?? 0
      if (offset !== expected) tell({ type: 'gap', partition, expected, offset })
      positions.set(partition, offset + 1)
      note(key?.toString() ?? '', value?.toString() ?? '')
    }
    setImmediate(consume)
  })
}

/** Notes a record: its number if it is byte for byte what was sent, with the members that the collector adds. */
function note(key: string, value: string): void {
  const id = Number(/^\{"id":(\d+),/.exec(value)?.[1] ?? notAMetric)
  const { metrics, environment, agent_version } = batchOf(1, { service: key, first: id })
  const added = JSON.stringify({ environment, agent_version })
  const expected = `${JSON.stringify(metrics[0]).slice(0, -1)},${added.slice(1)}`
  if (value !== expected) altered++
  const last = runs.length - 2
  const first = runs[last]
  const count = runs[last + 1]
  if (first !== undefined && count !== undefined && first + count === id) runs[last + 1] = count + 1
  else runs.push(id, 1)
}

function flush(): void {
  if (runs.length === 0 && altered === 0) return
  tell({ type: 'read', runs: Uint32Array.from(runs), altered })
  runs = []
  altered = 0
}

/** Tells how many records are in the topic beyond what has been told; undefined when a partition cannot be asked. */
async function measureBacklog(): Promise<void> {
  const backlogs = await Promise.all([...positions.keys()].map(highOffset))
  // After the answers, so that what was read meanwhile is not taken for missing.
  flush()
  const records = [...positions.values()].reduce<number | undefined>((sum, position, n) => {
    const high = backlogs[n]
    return sum === undefined || high === undefined ? undefined : sum + Math.max(0, high - position)
  }, 0)
  tell({ type: 'backlog', records })
}

function highOffset(partition: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    consumer.queryWatermarkOffsets(topic, partition, watermarkTimeoutMs, (error, offsets) => {
      resolve(error ? undefined : offsets.highOffset)
    })
  })
}

function tell(message: ReaderMessage): void {
  process.send?.(message)
}
