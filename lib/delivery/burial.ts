import { setTimeout as pause } from 'node:timers/promises'
import type { Config } from '../config/config.js'
import type { Logger } from '../shared/logger.js'
import type { Ledger } from '../telemetry/ledger.js'
import type { DeadRecord } from './journal/dead-space.js'
import type { EntryRef, Journal } from './journal/journal.js'
import { recordKey, recordValue } from './record-batch.js'
import type { Shipment } from './shipment.js'

const buryAgainMs = 5000

export type BurialOptions = {
  config: Pick<Config, 'kafkaTopic'>
  /** Undefined where there is none. */
  journal: Journal | undefined
  ledger: Ledger
  logger: Logger
}

/** Keeps the records that the brokers refuse after their promise was given: they go to the dead space on disk. */
export class Burial {
  readonly #options: BurialOptions
  #stopped = false

  constructor(options: BurialOptions) {
    this.#options = options
  }

  /** The metrics of a promised shipment are with the brokers now, but for those that are dead. */
  keepPromise(shipment: Shipment): void {
    const { entry, delivered, metrics, refused } = shipment
    // Copied now: after this call, the bytes of the batch are used for another one.
    if (refused.length > 0) void this.#bury(this.#deadRecords(shipment), metrics - delivered.metrics, entry)
    else if (entry !== undefined) this.#options.journal?.finish(entry)
  }

  /** What is not buried by then stays in the journal. */
  stop(): void {
    this.#stopped = true
  }

  /** A journaled batch leaves the journal only when its dead records are on disk elsewhere. */
  async #bury(records: readonly DeadRecord[], metrics: number, entry: EntryRef | undefined): Promise<void> {
    const { journal, ledger } = this.#options
    while (!(await this.#isBuried(records, metrics))) {
      if (entry === undefined) return ledger.lost(metrics, 'inMemory')
      await pause(buryAgainMs, undefined, { ref: false })
      if (this.#stopped) return
    }
    ledger.buried(metrics, entry === undefined ? 'inMemory' : 'waiting')
    if (entry !== undefined) journal?.finish(entry)
  }

  async #isBuried(records: readonly DeadRecord[], metrics: number): Promise<boolean> {
    const { journal, logger } = this.#options
    const reason = records[0]?.reason
    try {
      if (journal === undefined) throw new Error('There is no journal to keep them in')
      if (journal.dead === undefined) throw new Error(journal.status.message)
      await journal.dead.bury(records)
      logger.warn({ metrics, reason }, 'Kafka refuses metrics for good; they are kept as dead letters')
      return true
    } catch (error) {
      logger.error({ err: error, metrics, reason }, 'metrics that Kafka refuses for good cannot be kept')
      return false
    }
  }

  #deadRecords({ batch, refused, firstSeenMs, topic = this.#options.config.kafkaTopic }: Shipment): DeadRecord[] {
    return refused.map(({ record, reason, errorCode }) => ({
      reason,
      errorCode,
      firstSeenMs,
      topic,
      key: recordKey(batch, record)?.toString() ?? null,
      value: recordValue(batch, record).toString(),
    }))
  }
}
