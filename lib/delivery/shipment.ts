import { Problem, type ProblemCode } from '../shared/errors.js'
import { metricsBefore, type RecordBatch } from './record-batch.js'

/** A record that the brokers will never take: `record` counts within the batch. */
export type RefusedRecord = { record: number; reason: string }

/** How a batch ended that was taken: acknowledged, except for the records named. */
export type DeliveryOutcome = { durability: 'kafka'; refused: RefusedRecord[] }

/** Where the outcome goes: the two ends of the promise that the request waits for. */
type Answer = { resolve: (outcome: DeliveryOutcome) => void; reject: (problem: Problem) => void }

/** For every 503: a broker that is back is found within a second. */
export const retryAfter = { 'Retry-After': '1' }

/** librdkafka's copy of a record costs about this much beside the value (rd_kafka_msg_t, key, allocation). */
const overheadBytesPerRecord = 256

/**
 * One request's records on their way to the brokers. Its answer is settled once: acknowledged, or given up with a
 * problem. A shipment that was given up may still be on its way: what librdkafka has queued cannot be called back.
 */
export class Shipment {
  readonly batch: RecordBatch
  /** On the clock of performance.now(). */
  readonly deadlineMs: number
  /** What it holds of the byte budget until its lane is done with it: our copy, librdkafka's copy and its overhead. */
  readonly heldBytes: number
  readonly #startedAtMs = performance.now()
  readonly #answer: Answer
  readonly #refused: RefusedRecord[] = []
  #settled = false
  #delivered = { records: 0, metrics: 0, bytes: 0 }

  constructor(batch: RecordBatch, deadlineMs: number, answer: Answer) {
    this.batch = batch
    this.deadlineMs = deadlineMs
    this.heldBytes = 2 * batch.bytes.length + overheadBytesPerRecord * batch.ends.length
    this.#answer = answer
  }

  /** How long ago it was handed to the delivery. */
  get ageMs(): number {
    return performance.now() - this.#startedAtMs
  }

  /** Whether its request has been answered. */
  get settled(): boolean {
    return this.#settled
  }

  get records(): number {
    return this.batch.ends.length
  }

  /** What the brokers have acknowledged of it so far. */
  get delivered(): Readonly<{ records: number; metrics: number; bytes: number }> {
    return this.#delivered
  }

  /** Notes that the brokers have acknowledged the records from `first` up to, but not including, `end`. */
  deliver(first: number, end: number): void {
    const { ends } = this.batch
    this.#delivered.records += end - first
    this.#delivered.metrics += metricsBefore(this.batch, end) - metricsBefore(this.batch, first)
    this.#delivered.bytes += (ends[end - 1] ?? 0) - (ends[first - 1] ?? 0)
  }

  /** Notes a record that the brokers will never take; the answer will name it. */
  refuse(refused: RefusedRecord): void {
    this.#refused.push(refused)
  }

  acknowledge(): void {
    if (this.#settled) return
    this.#settled = true
    this.#answer.resolve({ durability: 'kafka', refused: this.#refused })
  }

  giveUp(code: ProblemCode, detail: string): void {
    if (this.#settled) return
    this.#settled = true
    this.#answer.reject(new Problem(code, detail, { headers: retryAfter }))
  }
}
