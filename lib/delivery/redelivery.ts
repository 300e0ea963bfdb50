import { setTimeout as pause } from 'node:timers/promises'
import type { FailedRecord } from './producer.js'
import type { Sender } from './sender.js'
import type { Shipment } from './shipment.js'

const pauseBetweenTriesMs = 50

/**
 * Sends again what failed, until it is acknowledged, refused for good, or too late for its request.
 *
 * A broker refuses a whole record batch for one bad record, so good records fail in bad company. Halving the refused
 * ones until each half gets through or is a single record finds the bad ones.
 */
export class Redelivery {
  readonly #sender: Sender
  #last: Promise<unknown> = Promise.resolve()
  #closed = false

  /** @param sender one that nobody else sends through, so that nothing keeps the records company */
  constructor(sender: Sender) {
    this.#sender = sender
  }

  /**
   * Resolves when each record is acknowledged or refused for good, or the shipment has been given up meanwhile; with
   * false, when redelivery was closed before that. One shipment at a time, in the order of the calls.
   */
  redeliver(shipment: Shipment, failed: readonly FailedRecord[]): Promise<boolean> {
    const done = this.#last.then(() => this.#send(shipment, numbersOf(failed))).then(() => !this.#closed)
    this.#last = Promise.allSettled([done])
    return done
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#sender.close()
  }

  async #send(shipment: Shipment, records: readonly number[]): Promise<void> {
    if (records.length === 0 || this.#closed || shipment.state === 'given up') return
    const failed = await this.#sender.send(shipment.batch, records)
    shipment.settle(failed, records)
    const refused = failed.filter(({ forGood }) => forGood)
    const [only] = refused
    if (only !== undefined && records.length === 1) return shipment.refuse(only)
    const middle = Math.ceil(refused.length / 2)
    await this.#send(shipment, numbersOf(refused.slice(0, middle)))
    await this.#send(shipment, numbersOf(refused.slice(middle)))

    const delayed = failed.filter(({ forGood }) => !forGood)
    // When some got through, others only found librdkafka's queue full.
    if (delayed.length === records.length) await pause(pauseBetweenTriesMs)
    await this.#send(shipment, numbersOf(delayed))
  }
}

function numbersOf(records: readonly FailedRecord[]): number[] {
  return records.map(({ record }) => record)
}
