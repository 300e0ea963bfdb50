import { messageOf } from '../shared/errors.js'
import { allFailed, type FailedRecord, type Producer, type SendOptions } from './producer.js'
import type { RecordBatch } from './record-batch.js'

/** How long a producer that has failed for good may take to hand back what it held. */
const handBackMs = 1000
/** What made a producer fail for good may not have passed yet. */
const replaceEveryMs = 1000

/** Sends through a producer, which it opens when it is first needed and replaces when it no longer works. */
export class Sender {
  readonly #open: () => Producer
  readonly #closing = new Set<Promise<void>>()
  #producer: Producer | undefined
  #openedAtMs = -Infinity
  #closed = false

  constructor(open: () => Producer) {
    this.#open = open
  }

  /**
   * Opens the producer before there is anything to send, so that mistakes in its properties show.
   *
   * @throws {Error} with what librdkafka has against them
   */
  open(): void {
    this.#producer ??= this.#openOne()
  }

  /**
   * The producer that takes records at the moment.
   *
   * @throws {Error} when none can be opened, or this was closed
   */
  get producer(): Producer {
    if (this.#closed) throw new Error('the sender was closed')
    // Until then, what is sent through it fails at once.
    const isDue = performance.now() - this.#openedAtMs > replaceEveryMs
    if (this.#producer?.failed === true && isDue) this.#discard(this.#producer, handBackMs)
    this.#producer ??= this.#openOne()
    return this.#producer
  }

  #openOne(): Producer {
    this.#openedAtMs = performance.now()
    return this.#open()
  }

  /** Whether all that was sent is settled. */
  get idle(): boolean {
    return this.#producer?.oldestAgeMs === undefined
  }

  /** Resolves with the records that failed, when every other one is acknowledged. */
  async send(batch: RecordBatch, options: SendOptions = {}): Promise<FailedRecord[]> {
    try {
      return await this.producer.send(batch, options)
    } catch (error) {
      return allFailed(batch, options.records, messageOf(error))
    }
  }

  /**
   * Closes a producer that has held something for longer than that without sending it; all that it held has failed. Returns
   * whether there was one.
   */
  replaceStuck(longerThanMs: number): boolean {
    const producer = this.#producer
    if (producer === undefined || producer.stuckForMs <= longerThanMs) return false
    this.#discard(producer, 0)
    return true
  }

  /** What is not acknowledged has failed. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#closing, this.#producer?.close()])
  }

  #discard(producer: Producer, patienceMs: number): void {
    this.#producer = undefined
    const closing = producer.close(patienceMs)
    this.#closing.add(closing)
    void closing.finally(() => this.#closing.delete(closing))
  }
}
