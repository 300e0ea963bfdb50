import type { Config } from '../config/config.js'
import type { HeldBytes } from './held-bytes.js'
import type { Journal } from './journal/journal.js'
import type { Kafka } from './kafka.js'
import { type Deferred, deferred, deferredByJournal } from './outcome.js'
import type { RecordBatch } from './record-batch.js'

/** Agents are taken to be posting for that long after the last batch. */
const liveForMs = 1000

export type AdmissionOptions = {
  config: Pick<Config, 'durability' | 'maxInflightMb'>
  kafka: Kafka
  /** Undefined where there is none. */
  journal: Journal | undefined
  held: HeldBytes
}

/** Says of a batch whether it is taken, and where it goes. */
export class Admission {
  readonly #options: AdmissionOptions
  #lastBatchAt = -Infinity
  #closed = false

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /** Why a batch posted now would be deferred; undefined if it would be taken. */
  get deferral(): Deferred | undefined {
    if (this.#closed) return deferred('kafkaUnavailable', 'The collector has stopped')
    const { journal } = this.#options
    if (journal?.takes === true) return undefined
    const byKafka = this.#kafkaDeferral
    if (byKafka === undefined || journal === undefined) return byKafka
    const { state, message } = journal.status
    return deferredByJournal(state, `${byKafka.detail}; ${message}`)
  }

  /** Whether agents are posting at the moment. */
  get isLive(): boolean {
    return performance.now() - this.#lastBatchAt < liveForMs
  }

  /** Where the batch goes, or why it goes nowhere. */
  admit(batch: RecordBatch): 'kafka' | 'journal' | Deferred {
    const { deferral } = this
    if (deferral !== undefined) return deferral
    this.#lastBatchAt = performance.now()
    const { config, journal } = this.#options
    const byKafka = this.kafkaDeferralOf(batch)
    const toJournal = config.durability === 'journal' || byKafka !== undefined
    if (toJournal && journal?.takes === true) return 'journal'
    return byKafka ?? 'kafka'
  }

  /** Why Kafka does not take this batch, although it may take others. */
  kafkaDeferralOf(batch: RecordBatch): Deferred | undefined {
    const { partitions } = this.#options.kafka
    const byKafka = this.#kafkaDeferral
    if (byKafka !== undefined || !partitions.isAway(batch)) return byKafka
    return deferred('kafkaUnavailable', `${partitions.description}, and this batch belongs there`)
  }

  /** From now on, nothing is taken any more. */
  close(): void {
    this.#closed = true
  }

  get #kafkaDeferral(): Deferred | undefined {
    const { config, kafka, held } = this.#options
    const { up, message } = kafka.health.status
    if (!up) return deferred('kafkaUnavailable', message)
    if (!held.areAtLimit) return undefined
    return deferred('overloaded', `${config.maxInflightMb} MiB wait for acknowledgement`)
  }
}
