import type { EntryRef } from './journal/journal.js'
import { type DeferralReason, type DeliveryOutcome, deferred, type RefusedRecord } from './outcome.js'
import type { FailedRecord } from './producer.js'
import { metricsBefore, metricsIn, type RecordBatch } from './record-batch.js'

/** Called with the outcome, once. */
type Conclude = (outcome: DeliveryOutcome) => void

/** librdkafka's copy of a record costs about this much beside the value (rd_kafka_msg_t, key, allocation). */
const overheadBytesPerRecord = 256

/**
 * - asked: its request waits for the outcome
 * - promised: taken before the brokers had it; it lies in memory or in the journal
 * - acknowledged: taken after the brokers had it
 * - deferred: not taken; what librdkafka has queued cannot be called back, so it may still arrive
 */
type State = 'asked' | 'promised' | 'acknowledged' | 'deferred'

/** One batch's records on their way to the brokers. It has one outcome. */
export class Shipment {
  readonly batch: RecordBatch
  readonly firstSeenMs: number
  /** Where it is for another topic than VANTAGE_KAFKA_TOPIC. */
  readonly topic: string | undefined
  /** On the clock of performance.now(). */
  readonly deadlineMs: number
  /** What it holds of the byte budget until nothing of it is on its way any more: our copy, librdkafka's copy and its overhead. */
  readonly heldBytes: number
  readonly refused: RefusedRecord[] = []
  /** Whether nothing of it is on its way any more. */
  finished = false
  /** Whether its bytes count apart from the budget. */
  setAside = false
  readonly #startedAtMs = performance.now()
  readonly #conclude: Conclude | undefined
  #state: State
  #entry: EntryRef | undefined
  #delivered = { records: 0, metrics: 0, bytes: 0 }

  private constructor(
    batch: RecordBatch,
    firstSeenMs: number,
    deadlineMs: number,
    conclude: Conclude | undefined,
    topic?: string,
  ) {
    this.batch = batch
    this.topic = topic
    this.firstSeenMs = firstSeenMs
    this.deadlineMs = deadlineMs
    this.heldBytes = 2 * batch.bytes.length + overheadBytesPerRecord * batch.ends.length
    this.#conclude = conclude
    this.#state = conclude === undefined ? 'promised' : 'asked'
  }

  /** How long ago it was handed to the delivery. */
  get ageMs(): number {
    return performance.now() - this.#startedAtMs
  }

  /** A batch whose request waits, at the longest until the deadline. */
  static asked(batch: RecordBatch, deadlineMs: number, conclude: Conclude): Shipment {
    return new Shipment(batch, Date.now(), deadlineMs, conclude)
  }

  /** A batch that was promised earlier and lies in the journal. */
  static promised(batch: RecordBatch, firstSeenMs: number, entry: EntryRef, topic?: string): Shipment {
    const shipment = new Shipment(batch, firstSeenMs, Infinity, undefined, topic)
    shipment.#entry = entry
    return shipment
  }

  get state(): State {
    return this.#state
  }

  /** Where it lies in the journal, if it does. */
  get entry(): EntryRef | undefined {
    return this.#entry
  }

  /** Whether its bytes came from the buffer pool and have to go back there. */
  get pooled(): boolean {
    return this.#conclude !== undefined
  }

  get records(): number {
    return this.batch.ends.length
  }

  get metrics(): number {
    return metricsIn(this.batch)
  }

  /** What the brokers have acknowledged of it so far. */
  get delivered(): Readonly<{ records: number; metrics: number; bytes: number }> {
    return this.#delivered
  }

  /** Notes what became of its records, or of those numbered: all that did not fail are acknowledged. */
  note(failed: readonly FailedRecord[], records?: readonly number[]): void {
    if (records === undefined && failed.length === 0) {
      this.#deliver(0, this.records)
      return
    }
    const failures = new Set(failed.map(({ record }) => record))
    for (const record of records ?? this.batch.ends.keys()) {
      if (!failures.has(record)) this.#deliver(record, record + 1)
    }
  }

  /** Notes a record that the brokers will never take. */
  refuse(refused: RefusedRecord): void {
    this.refused.push(refused)
  }

  /** The brokers have acknowledged the records from `first` up to, but not including, `end`. */
  #deliver(first: number, end: number): void {
    const { ends } = this.batch
    this.#delivered.records += end - first
    this.#delivered.metrics += metricsBefore(this.batch, end) - metricsBefore(this.batch, first)
    this.#delivered.bytes += (ends[end - 1] ?? 0) - (ends[first - 1] ?? 0)
  }

  /** Notes that it is on disk. */
  journaled(entry: EntryRef): void {
    this.#entry = entry
    this.promise('journal')
  }

  /** It is taken before the brokers have it. */
  promise(durability: 'journal' | 'memory'): void {
    if (this.#state !== 'asked') return
    this.#state = 'promised'
    this.#conclude?.({ kind: 'taken', durability, refused: [] })
  }

  acknowledge(): void {
    if (this.#state !== 'asked') return
    this.#state = 'acknowledged'
    this.#conclude?.({ kind: 'taken', durability: 'kafka', refused: this.refused })
  }

  defer(reason: DeferralReason, detail: string): void {
    if (this.#state !== 'asked') return
    this.#state = 'deferred'
    this.#conclude?.(deferred(reason, detail))
  }
}
