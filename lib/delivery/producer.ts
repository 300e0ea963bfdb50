import { setTimeout as pause } from 'node:timers/promises'
import { codeOf, messageOf } from '../shared/errors.js'
import { type ConnectionError, readConnectionError } from './connection-error.js'
import { type Answer, binding, type Handle, type NativeFailure, type Told, type TopicState } from './native/binding.js'
import type { ProducerProperties } from './producer-properties.js'
import { Progress } from './progress.js'
import type { RecordBatch } from './record-batch.js'

/**
 * A record that did not reach the brokers, and why, in words and as Kafka names the error. `forGood`: the brokers would
 * refuse it again, however often it is sent.
 */
export type FailedRecord = { record: number; reason: string; errorCode: string; forGood: boolean }

/**
 * Parsing them takes the event loop 0.04 ms with one broker and six partitions, 2.4 ms with a thousand (0.7 MB); librdkafka
 * writes them on its own thread.
 */
const statisticsIntervalMs = 5000
const lookEveryMs = 10
/** librdkafka counts by the wall clock: where that is set back, closing takes as long as it was set back. */
const closeTimeoutMs = 3000

export type ProducerEvents = {
  /** A connection has failed; librdkafka tries again by itself. */
  onConnectionError: (error: ConnectionError) => void
  /** The producer has failed for good; it takes nothing any more. */
  onFatal: (message: string) => void
  /** It is given librdkafka's statistics, a JSON text, every few seconds. */
  onStatistics?: (json: string) => void
}

type Sent = {
  batch: RecordBatch
  records: readonly number[] | undefined
  sentAtMs: number
  resolve: (failed: FailedRecord[]) => void
}

type Question = { resolve: (state: TopicState) => void; reject: (error: Error) => void }

/** Which records of a batch, all by default; and the partition for all of them, by default those of their keys. */
export type SendOptions = { records?: readonly number[]; partition?: number | undefined }

/** As librdkafka names it (rdkafka.h, RD_KAFKA_PARTITION_UA). */
const anyPartition = -1

/** One librdkafka producer. It connects by itself, whenever there is a broker, and queues until then. */
export class Producer {
  readonly #handle: Handle
  readonly #events: ProducerEvents
  readonly #properties: ProducerProperties['global']
  readonly #sent = new Map<number, Sent>()
  readonly #questions = new Map<number, Question>()
  readonly #progress = new Progress()
  #lastId = 0
  #failed = false
  #identified: boolean
  #closing: Promise<void> | undefined
  #onClosed: () => void = () => undefined

  /**
   * @param properties librdkafka's properties; see producer-properties.ts
   * @throws {Error} for a property that librdkafka does not know or a value that it does not take
   */
  constructor(properties: ProducerProperties, topic: string, events: ProducerEvents) {
    const statistics = { 'statistics.interval.ms': statisticsIntervalMs }
    this.#events = events
    this.#properties = properties.global
    this.#identified = properties.global['enable.idempotence'] !== true
    const all = { ...properties.global, ...properties.topic, ...statistics }
    this.#handle = binding.start(all, properties.saslToken, topic, (...told) => this.#onTold(...told))
  }

  /** Whether it has failed for good. */
  get failed(): boolean {
    return this.#failed
  }

  /** Whether the brokers have given it the id that it needs to send; without idempotence, it needs none. */
  get identified(): boolean {
    return this.#identified
  }

  /** How long ago the oldest batch was sent that is not settled; undefined if all are. */
  get oldestAgeMs(): number | undefined {
    const [oldest] = this.#sent.values()
    return oldest && performance.now() - oldest.sentAtMs
  }

  /** For how long it has held something that it does not send, as far as its statistics tell; 0 where it holds nothing. */
  get stuckForMs(): number {
    return Math.min(this.oldestAgeMs ?? 0, this.#progress.stillMs)
  }

  /**
   * Sends copies of the records, or of those numbered, and waits without limit: resolves with those that failed, when
   * every other one is acknowledged. Of a producer that is being closed, all have.
   */
  send(batch: RecordBatch, { records, partition = anyPartition }: SendOptions = {}): Promise<FailedRecord[]> {
    const { bytes, ends, keys } = batch
    return this.#settled(batch, records, (id) => {
      binding.send(this.#handle, id, bytes, ends, keys, records && Uint32Array.from(records), partition)
    })
  }

  /** Sends one record with headers. Resolves as `send` does. */
  sendWithHeaders(
    value: Buffer,
    key: Buffer | undefined,
    headers: Readonly<Record<string, string>>,
  ): Promise<FailedRecord[]> {
    const batch = { bytes: value, ends: Uint32Array.of(value.length), keys: [] }
    return this.#settled(batch, undefined, (id) => {
      binding.sendWithHeaders(this.#handle, id, value, key, Object.entries(headers).flat())
    })
  }

  /**
   * Asks a broker for the state of the topic: a round trip that shows it to be alive.
   *
   * @throws {Error} when no broker answers within `timeoutMs`
   */
  async describeTopic(timeoutMs: number): Promise<TopicState> {
    if (this.#closing !== undefined) throw new Error(wasClosed)
    const id = this.#nextId()
    return new Promise((resolve, reject) => {
      binding.describeTopic(this.#handle, id, timeoutMs)
      this.#questions.set(id, { resolve, reject })
    })
  }

  /** Closes the connections. What is not settled after `patienceMs` is given up, and counts as failed. */
  close(patienceMs = 0): Promise<void> {
    this.#closing ??= this.#close(patienceMs)
    return this.#closing
  }

  async #close(patienceMs: number): Promise<void> {
    const deadline = performance.now() + patienceMs
    while (this.#sent.size > 0 && performance.now() < deadline) await pause(lookEveryMs)
    await Promise.race([this.#disconnect(), pause(closeTimeoutMs, undefined, { ref: false })])
    for (const { batch, records, resolve } of this.#sent.values()) resolve(allFailed(batch, records, wasClosed))
    this.#sent.clear()
  }

  async #disconnect(): Promise<void> {
    while (this.#questions.size > 0) await pause(lookEveryMs)
    await new Promise<void>((resolve) => {
      this.#onClosed = resolve
      binding.close(this.#handle)
    })
  }

  /** Has the addon queue records under an id, and resolves with those that failed when it tells of that id. */
  #settled(batch: RecordBatch, records: Sent['records'], queue: (id: number) => void): Promise<FailedRecord[]> {
    return new Promise((resolve) => {
      if (this.#closing !== undefined) return resolve(allFailed(batch, records, wasClosed))
      const id = this.#nextId()
      this.#sent.set(id, { batch, records, sentAtMs: performance.now(), resolve })
      try {
        queue(id)
      } catch (error) {
        this.#sent.delete(id)
        resolve(allFailed(batch, records, messageOf(error)))
      }
    })
  }

  #nextId(): number {
    this.#lastId = (this.#lastId + 1) >>> 0
    return this.#lastId
  }

  #onTold(...[event, told]: Told): void {
    switch (event) {
      case 'settled':
        this.#onSettled(told)
        break
      case 'failure':
        this.#events.onConnectionError(readConnectionError(told, this.#properties))
        break
      case 'fatal':
        this.#failed = true
        this.#events.onFatal(told)
        break
      case 'statistics':
        this.#progress.update(told)
        this.#events.onStatistics?.(told)
        break
      case 'identified':
        this.#identified = true
        break
      case 'answer':
        this.#onAnswer(told)
        break
      case 'closed':
        this.#onClosed()
    }
  }

  #onAnswer({ question, failure, leaderless = '', ...topic }: Answer): void {
    const asked = this.#questions.get(question)
    this.#questions.delete(question)
    if (failure === undefined) asked?.resolve({ ...topic, leaderless: leaderless.split(',').slice(0, -1).map(Number) })
    else asked?.reject(new Error(failure))
  }

  #onSettled(told: readonly (number | NativeFailure[] | undefined)[]): void {
    for (let n = 0; n < told.length; n += 2) {
      const id = Number(told[n])
      const failures = told[n + 1]
      const sent = this.#sent.get(id)
      this.#sent.delete(id)
      sent?.resolve(Array.isArray(failures) ? failures.map(failedRecord) : [])
    }
  }
}

/** Why no producer can be started. `shortage`: the system lacks threads or memory, and nothing is wrong with the properties. */
export type Objection = { message: string; shortage: boolean }

/** What librdkafka has against the properties, in its words; undefined when it takes them all. Connects to nothing. */
export function objectionTo({ global, ...others }: ProducerProperties): Objection | undefined {
  const { 'bootstrap.servers': _brokers, ...alone } = global
  const deaf = { onConnectionError: () => undefined, onFatal: () => undefined }
  try {
    void new Producer({ global: alone, ...others }, 'none', deaf).close()
    return undefined
  } catch (error) {
    return { message: messageOf(error), shortage: codeOf(error) === 'ERR_SHORTAGE' }
  }
}

const wasClosed = 'the producer was closed'

/** What `send` resolves with when nothing was sent, for a reason that is not the records' own. */
export function allFailed(batch: RecordBatch, records: readonly number[] | undefined, reason: string): FailedRecord[] {
  return [...(records ?? batch.ends.keys())].map((record) => ({ record, reason, errorCode: 'UNKNOWN', forGood: false }))
}

/**
 * The errors for which a broker will never take a record: librdkafka's name for each and Kafka's. INVALID_TIMESTAMP is none
 * of them: records bear the time of their sending, which is wrong only as long as this machine's clock is.
 */
const errorsForGood: ReadonlyMap<string, string> = new Map([
  ['MSG_SIZE_TOO_LARGE', 'MESSAGE_TOO_LARGE'],
  ['RECORD_LIST_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'],
  ['INVALID_RECORD', 'INVALID_RECORD'],
])

function failedRecord({ record, code, reason }: NativeFailure): FailedRecord {
  const words = reason.replace(/^(Broker|Local): /, '').toLowerCase()
  return { record, reason: words, errorCode: errorsForGood.get(code) ?? code, forGood: errorsForGood.has(code) }
}
