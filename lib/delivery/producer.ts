import { setImmediate as nextTurn } from 'node:timers/promises'
import Kafka from 'node-rdkafka'
import { type ConnectionError, readConnectionError } from './connection-error.js'
import type { ProducerProperties } from './producer-properties.js'

/** A record that librdkafka gave up on. Its message is all that tells why: node-rdkafka drops the error code. */
export type DeliveryFailure = { value: Buffer; key: Buffer | null; reason: string }

export type TopicState = { brokers: number; partitions: number; partitionsWithoutLeader: number }

/** What this module uses of node-rdkafka's native client, which its types leave open. */
type NativeClient = {
  produce(
    topic: string,
    partition: number,
    value: Buffer,
    key: Buffer | undefined,
    timestampMs?: number,
    opaque?: undefined,
    headers?: readonly Record<string, string>[],
  ): number
  flush(timeoutMs: number, done: (error: unknown) => void): void
  getMetadata(
    options: { topic?: string; allTopics: boolean; timeout: number },
    done: (error: { message?: string } | null, metadata: Kafka.Metadata) => void,
  ): void
}

const codes = Kafka.CODES.ERRORS
const unassignedPartition = -1
const pollIntervalMs = 100
/** Writing and parsing them takes 0.2 ms with one broker and six partitions, and a few with a thousand partitions. */
const statisticsIntervalMs = 5000

export type ProducerEvents = {
  /** A connection has failed; librdkafka tries again by itself. */
  onConnectionError: (error: ConnectionError) => void
  /** The producer has failed for good; it takes nothing any more. */
  onFatal: () => void
  /** Asked for, it is given librdkafka's statistics, a JSON text, every few seconds. */
  onStatistics?: (json: string) => void
}

export type ProduceResult = 'queued' | 'full' | { refused: string }

/**
 * One librdkafka producer. It connects by itself, whenever there is a broker, and queues until then.
 *
 * Only failures are reported, since a report for each record costs more than all the rest together: `flush` that ends
 * with true, then `takeFailures` has all that failed; everything else is acknowledged.
 */
export class Producer {
  readonly #producer: Kafka.Producer
  readonly #client: NativeClient
  readonly #topic: string
  readonly #onFatal: () => void
  #failures: DeliveryFailure[] = []
  #topicKnown = false
  #failed = false

  private constructor(producer: Kafka.Producer, topic: string, onFatal: () => void) {
    this.#producer = producer
    this.#client = producer.getClient()
    this.#topic = topic
    this.#onFatal = onFatal
  }

  /**
   * @param properties librdkafka's properties; see producer-properties.ts
   * @throws {Error} for a property that librdkafka does not know or a value that it does not take
   */
  static async start(properties: ProducerProperties, topic: string, events: ProducerEvents): Promise<Producer> {
    const { onStatistics } = events
    const statistics = onStatistics && { 'statistics.interval.ms': statisticsIntervalMs }
    const inner = new PatientProducer({ ...properties.global, ...statistics }, properties.topic)
    if (properties.saslToken !== '') inner.setOauthBearerToken(properties.saslToken)
    await new Promise<void>((resolve, reject) => {
      inner.connect({}, (error) => (error ? reject(new Error(error.message)) : resolve()))
    })
    const producer = new Producer(inner, topic, events.onFatal)
    inner.on('delivery-report', (error, { value, key }) => {
      const reason = error?.message ?? 'unknown'
      producer.#failures.push({ value: bufferOf(value) ?? Buffer.alloc(0), key: bufferOf(key), reason })
    })
    // The errors themselves say no more than "authentication failure"; librdkafka's log has the reason.
    inner.on(
      'event.log',
      ({ fac, message }) => fac === 'FAIL' && events.onConnectionError(readConnectionError(message)),
    )
    if (onStatistics) inner.on('event.stats', ({ message }) => onStatistics(message))
    inner.setPollInterval(pollIntervalMs)
    return producer
  }

  /** Whether the producer has failed for good. Only `produce` finds out: events of librdkafka do not tell. */
  get failed(): boolean {
    return this.#failed
  }

  /** Queues a copy of the record. 'full': flush and try again. 'refused': librdkafka will never take it, and why. */
  produce(value: Buffer, key: Buffer | undefined): ProduceResult {
    return this.#resultOf(this.#client.produce(this.#topic, unassignedPartition, value, key))
  }

  /** The same for a record with headers, which cost more. */
  produceWithHeaders(value: Buffer, key: Buffer | undefined, headers: Readonly<Record<string, string>>): ProduceResult {
    const list = Object.entries(headers).map(([name, text]) => ({ [name]: text }))
    return this.#resultOf(
      this.#client.produce(this.#topic, unassignedPartition, value, key, undefined, undefined, list),
    )
  }

  #resultOf(code: number): ProduceResult {
    if (code === codes.ERR_NO_ERROR) return 'queued'
    if (code === codes.ERR__QUEUE_FULL) return 'full'
    if (code === codes.ERR__FATAL) this.#fail()
    return { refused: reasonOfCode(code) }
  }

  /**
   * Sends what is queued without lingering and waits at most `timeoutMs` for the brokers. True when nothing is left.
   */
  flush(timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      this.#client.flush(timeoutMs, (error) => resolve(!error))
    })
  }

  /**
   * The failures of what was flushed. Reports arrive at most 100 a turn of the event loop: all are there after a turn
   * that brought none.
   */
  async takeFailures(): Promise<DeliveryFailure[]> {
    for (let known = -1; known < this.#failures.length; await nextTurn()) known = this.#failures.length
    const failures = this.#failures
    this.#failures = []
    return failures
  }

  /**
   * Asks a broker for the state of the topic: a round trip that shows it to be alive.
   *
   * @throws {Error} when no broker answers within `timeoutMs`
   */
  describeTopic(timeoutMs: number): Promise<TopicState> {
    // Naming the topic makes librdkafka know it; each such call leaks a handle in node-rdkafka, so it is named once.
    const options = {
      allTopics: false,
      timeout: timeoutMs,
      ...(this.#topicKnown ? {} : { topic: this.#topic }),
    }
    this.#topicKnown = true
    return new Promise((resolve, reject) => {
      this.#client.getMetadata(options, (error, metadata) => {
        if (error) return reject(new Error(error.message ?? 'no metadata'))
        const partitions = metadata.topics.find(({ name }) => name === this.#topic)?.partitions ?? []
        resolve({
          brokers: metadata.brokers.length,
          partitions: partitions.length,
          partitionsWithoutLeader: partitions.filter(({ leader }) => leader < 0).length,
        })
      })
    })
  }

  #fail(): void {
    if (this.#failed) return
    this.#failed = true
    this.#onFatal()
  }

  /** Gives up what is still queued and closes the connections. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#producer.disconnect(0, () => resolve())
    })
  }
}

/** node-rdkafka's connect() fails when no broker answers its request for metadata in time. This one does not ask. */
class PatientProducer extends Kafka.Producer {
  constructor(properties: Kafka.ProducerGlobalConfig, topicProperties: Kafka.ProducerTopicConfig) {
    super({ ...properties, dr_cb: true, dr_msg_cb: true, 'delivery.report.only.error': true }, topicProperties)
  }

  override getMetadata(_options: unknown, done?: (error: never, metadata: Kafka.Metadata) => void): void {
    done?.(null as never, { orig_broker_id: -1, orig_broker_name: '', brokers: [], topics: [] })
  }
}

function bufferOf(value: unknown): Buffer | null {
  return value instanceof Buffer ? value : null
}

const names = new Map(Object.entries(codes).map(([name, code]) => [code, name]))

function reasonOfCode(code: number): string {
  if (code === codes.ERR_MSG_SIZE_TOO_LARGE) return messageTooLarge
  return names.get(code) ?? `librdkafka error ${code}`
}

const messageTooLarge = 'message size too large'

/**
 * The reasons for which a broker will never take a record, however often it is sent, and Kafka's name for each. Texts:
 * rdkafka.c, rd_kafka_err_descs, as node-rdkafka shows them (lower case, without "Broker: ").
 */
const reasonsForGood: ReadonlyMap<string, string> = new Map([
  [messageTooLarge, 'MESSAGE_TOO_LARGE'],
  ['message batch larger than configured server segment size', 'RECORD_LIST_TOO_LARGE'],
  ['broker failed to validate record', 'INVALID_RECORD'],
  ['invalid timestamp', 'INVALID_TIMESTAMP'],
])

/** Whether a failure is the record's own, so that sending it again is no use. */
export function isForGood(reason: string): boolean {
  return reasonsForGood.has(reason)
}

/** Kafka's name for a reason. */
export function errorCodeOf(reason: string): string {
  return reasonsForGood.get(reason) ?? 'UNKNOWN'
}
