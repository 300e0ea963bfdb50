import type { Config } from '../config/config.js'
import { messageOf } from '../shared/errors.js'
import type { Ledger } from '../telemetry/ledger.js'
import type { HeldBytes } from './held-bytes.js'
import { type EntryRef, type Journal, NotJournaled } from './journal/journal.js'
import { type DeliveryOutcome, deferredByJournal } from './outcome.js'
import type { Partitions } from './partitions.js'
import { metricsIn, type RecordBatch } from './record-batch.js'
import type { Shipment } from './shipment.js'

export type SpillingOptions = {
  config: Pick<Config, 'ackTimeoutMs'>
  /** Undefined where there is none. */
  journal: Journal | undefined
  /** Those of the shipping. */
  pending: Set<Shipment>
  partitions: Partitions
  held: HeldBytes
  ledger: Ledger
}

/**
 * Takes batches to the journal: those that do not go to Kafka first, and shipments that Kafka has not acknowledged in time.
 * What the journal does not take, either, is deferred.
 */
export class Spilling {
  readonly #options: SpillingOptions
  readonly #underWay = new Set<Promise<void>>()

  constructor(options: SpillingOptions) {
    this.#options = options
  }

  /** Resolves when the batch is on disk, or the journal has not taken it. Its bytes are not needed any more then. */
  async journal(batch: RecordBatch): Promise<DeliveryOutcome> {
    try {
      await this.#append(batch, Date.now(), false)
      this.#options.ledger.journaled(metricsIn(batch), 'inFlight')
      return { kind: 'taken', durability: 'journal', refused: [] }
    } catch (error) {
      return deferredByJournal(error instanceof NotJournaled ? error.state : 'unavailable', messageOf(error))
    }
  }

  /** Takes a shipment that is on its way to Kafka to the journal, too. Replay does not take it from there before it is finished. */
  spill(shipment: Shipment): void {
    this.#options.pending.delete(shipment)
    const spill = this.#spill(shipment)
    this.#underWay.add(spill)
    void spill.finally(() => this.#underWay.delete(spill))
  }

  /** Spills all that is pending. */
  async spillAll(): Promise<void> {
    // A copy, since what can go nowhere comes back into it at once.
    for (const shipment of [...this.#options.pending]) this.spill(shipment)
    await Promise.all(this.#underWay)
  }

  async #spill(shipment: Shipment): Promise<void> {
    const wasInMemory = shipment.state === 'promised'
    try {
      const entry = await this.#append(shipment.batch, shipment.firstSeenMs, true)
      if (shipment.finished) this.#options.journal?.finish(entry)
      else {
        this.#options.ledger.journaled(shipment.metrics, wasInMemory ? 'inMemory' : 'inFlight')
        shipment.journaled(entry)
      }
      this.#setAside(shipment)
    } catch (error) {
      const late = `Kafka did not acknowledge the batch within ${this.#options.config.ackTimeoutMs} ms`
      shipment.defer('ackTimeout', `${late}; ${messageOf(error)}`)
      this.#setAside(shipment)
      if (wasInMemory && !shipment.finished) this.#options.pending.add(shipment)
    }
  }

  /** @throws {NotJournaled} */
  async #append(batch: RecordBatch, firstSeenMs: number, held: boolean): Promise<EntryRef> {
    const { journal } = this.#options
    if (journal === undefined) throw new NotJournaled({ state: 'unavailable', message: 'there is no journal' })
    return journal.append({ batch, firstSeenMs }, { held })
  }

  #setAside(shipment: Shipment): void {
    const { partitions, held } = this.#options
    if (!shipment.finished && partitions.isAway(shipment.batch)) held.setAside(shipment)
  }
}
