import { setTimeout as pause } from 'node:timers/promises'
import type { FailedRecord, Lane } from './lane.js'
import type { Shipment } from './shipment.js'

const pauseBetweenTriesMs = 50

/**
 * Sends again what a lane could not deliver, until it is acknowledged, refused for good, or too late for its request.
 *
 * A broker refuses a whole record batch for one bad record, so good records fail in bad company. Halving the refused
 * ones until each half gets through or is a single record finds the bad ones.
 */
export class Redelivery {
  readonly #openLane: () => Promise<Lane>
  #lane: Promise<Lane> | undefined
  #last: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(openLane: () => Promise<Lane>) {
    this.#openLane = openLane
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
    await (await this.#lane)?.close()
  }

  async #send(shipment: Shipment, records: readonly number[]): Promise<void> {
    if (records.length === 0 || this.#closed || shipment.state === 'given up') return
    const failed = await this.#flush(shipment, records)
    const refused = failed.filter(({ forGood }) => forGood)
    const [only] = refused
    if (only !== undefined && records.length === 1) return shipment.refuse(only)
    const middle = Math.ceil(refused.length / 2)
    await this.#send(shipment, numbersOf(refused.slice(0, middle)))
    await this.#send(shipment, numbersOf(refused.slice(middle)))

    const delayed = failed.filter(({ forGood }) => !forGood)
    if (delayed.length === 0) return
    await pause(pauseBetweenTriesMs)
    await this.#send(shipment, numbersOf(delayed))
  }

  async #flush(shipment: Shipment, records: readonly number[]): Promise<FailedRecord[]> {
    const lane = await this.#openOrReplace()
    lane.add(shipment, records)
    const results = await lane.flush()
    return results.flatMap(({ failed }) => failed)
  }

  async #openOrReplace(): Promise<Lane> {
    const lane = await this.#lane
    if (lane !== undefined && !lane.broken) return lane
    this.#lane = this.#openLane()
    await lane?.close()
    return this.#lane
  }
}

function numbersOf(records: readonly FailedRecord[]): number[] {
  return records.map(({ record }) => record)
}
