import { setTimeout as pause } from 'node:timers/promises'
import type { Config } from '../config/config.js'
import type { BufferPool } from '../shared/buffer-pool.js'
import type { Logger } from '../shared/logger.js'
import { Seldom } from '../shared/seldom.js'
import type { HeldPlace } from '../telemetry/ledger.js'
import type { Telemetry } from '../telemetry/telemetry.js'
import type { Burial } from './burial.js'
import type { HeldBytes } from './held-bytes.js'
import type { Kafka } from './kafka.js'
import type { DeliveryOutcome } from './outcome.js'
import type { FailedRecord } from './producer.js'
import type { RecordBatch } from './record-batch.js'
import { type Redelivery, reasonOf } from './redelivery.js'
import { Shipment } from './shipment.js'

const lookEveryMs = 50
const warnEveryMs = 1000

export type ShippingOptions = {
  config: Pick<Config, 'durability' | 'ackTimeoutMs'>
  kafka: Kafka
  redelivery: Redelivery
  burial: Burial
  held: HeldBytes
  /** Where the bytes of a batch go when it is finished. */
  pool: BufferPool
  telemetry: Telemetry
  logger: Logger
}

/** Takes batches to the brokers, and notes in the figures what became of each. */
export class Shipping {
  /** Shipments that are neither acknowledged, nor in the journal, nor deferred; oldest first. */
  readonly pending = new Set<Shipment>()
  readonly #options: ShippingOptions
  readonly #redeliveryWarning: Seldom
  /** From then on, what fails does so because producers are closed. */
  #closing = false

  constructor(options: ShippingOptions) {
    this.#options = options
    this.#redeliveryWarning = new Seldom(warnEveryMs, (records, reason) =>
      options.logger.warn({ records, reason }, 'Kafka did not take records; sending them again'),
    )
  }

  /** Sends the batch. Resolves when its outcome is known. */
  ship(batch: RecordBatch): Promise<DeliveryOutcome> {
    const { durability, ackTimeoutMs } = this.#options.config
    return new Promise((resolve) => {
      const shipment = Shipment.asked(batch, performance.now() + ackTimeoutMs, resolve)
      this.pending.add(shipment)
      this.#options.held.hold(shipment)
      void this.#send(shipment)
      if (durability === 'memory') this.#promiseFromMemory(shipment)
    })
  }

  /** The brokers have answered for all of the shipment. Resolves when nothing of it is on its way any more. */
  async settle(shipment: Shipment, failed: readonly FailedRecord[]): Promise<void> {
    // What failed because the process ends is in the journal, or has been answered.
    if (failed.length > 0 && this.#closing) return
    shipment.note(failed)
    if (failed.length === 0 || shipment.state === 'deferred') this.finish(shipment)
    else await this.#redeliver(shipment, failed)
  }

  /** Nothing of the shipment is on its way any more: accounts for its metrics and bytes, and concludes it. */
  finish(shipment: Shipment): void {
    const { kafka, held, pool } = this.#options
    this.#count(shipment)
    held.release(shipment)
    if (shipment.state === 'promised') this.#options.burial.keepPromise(shipment)
    this.pending.delete(shipment)
    shipment.finished = true
    if (shipment.pooled) pool.give(shipment.batch.bytes)
    shipment.acknowledge()
    kafka.partitions.finished(shipment)
    if (kafka.sender.idle) kafka.health.released(shipment.delivered.records > 0)
  }

  /** Waits for what is pending while the brokers take records, at the longest until the deadline. */
  async drain(deadlineMs: number): Promise<void> {
    const { health } = this.#options.kafka
    while (this.pending.size > 0 && health.status.up && performance.now() < deadlineMs) await pause(lookEveryMs)
  }

  async close(): Promise<void> {
    this.#closing = true
    await Promise.all([this.#options.kafka.sender.close(), this.#options.redelivery.close()])
  }

  #promiseFromMemory(shipment: Shipment): void {
    this.#options.telemetry.ledger.promisedInMemory(shipment.metrics)
    shipment.promise('memory')
  }

  async #send(shipment: Shipment): Promise<void> {
    const { sender, partitions, health } = this.#options.kafka
    const failed = await sender.send(shipment.batch, { partition: partitions.choose(shipment.batch) })
    void this.settle(shipment, failed)
    if (shipment.delivered.records > 0) health.acknowledged(shipment.ageMs)
  }

  async #redeliver(shipment: Shipment, failed: readonly FailedRecord[]): Promise<void> {
    const { kafka, redelivery } = this.#options
    const [first] = failed
    const reason = first === undefined ? 'unknown' : reasonOf(shipment.batch, first)
    this.#redeliveryWarning.add(failed.length, reason)
    kafka.health.recordsFailed(reason)
    if (await redelivery.redeliver(shipment, failed)) this.finish(shipment)
  }

  #count(shipment: Shipment): void {
    const { telemetry } = this.#options
    const { counts, ledger } = telemetry
    const { records, metrics, bytes } = shipment.delivered
    counts.recordsAcknowledged += records
    counts.acknowledgedBytes += bytes
    counts.recordsFailed += shipment.records - records
    if (records > 0 && shipment.pooled) telemetry.observe('acknowledgeDurationSeconds', shipment.ageMs / 1000)
    if (shipment.state === 'deferred') ledger.late(metrics)
    else ledger.acknowledged(metrics, placeOf(shipment))
  }
}

/** Where the metrics of a shipment are held that was not deferred. */
function placeOf({ state, entry }: Shipment): HeldPlace {
  if (state === 'asked') return 'inFlight'
  return entry === undefined ? 'inMemory' : 'waiting'
}
