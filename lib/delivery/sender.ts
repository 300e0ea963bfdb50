import type { FailedRecord, Producer } from './producer.js'
import type { RecordBatch } from './record-batch.js'

/** How long a producer that has failed for good may take to hand back what it held. */
const handBackMs = 1000

/** Sends through a producer, which it opens when it is first needed and replaces when it has failed for good. */
export class Sender {
  readonly #open: () => Producer
  readonly #closing = new Set<Promise<void>>()
  #producer: Producer | undefined

  constructor(open: () => Producer) {
    this.#open = open
  }

  /** The producer that takes records at the moment. */
  get producer(): Producer {
    if (this.#producer?.failed === true) this.#discard(this.#producer)
    this.#producer ??= this.#open()
    return this.#producer
  }

  /** Resolves with the records that failed, when every other one is acknowledged. */
  send(batch: RecordBatch, records?: readonly number[]): Promise<FailedRecord[]> {
    return this.producer.send(batch, records)
  }

  /** Gives up what is not acknowledged. */
  async close(): Promise<void> {
    await Promise.all([...this.#closing, this.#producer?.close()])
  }

  #discard(failed: Producer): void {
    this.#producer = undefined
    const closing = failed.close(handBackMs)
    this.#closing.add(closing)
    void closing.finally(() => this.#closing.delete(closing))
  }
}
