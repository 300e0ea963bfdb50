import { type DeliveryFailure, isForGood, type Producer } from './producer.js'
import { recordKey, recordValue } from './record-batch.js'
import type { Shipment } from './shipment.js'

/** Records of a shipment that did not reach the brokers. `forGood`: they would refuse them again. */
export type FailedRecord = { record: number; reason: string; forGood: boolean }

/** What became of one shipment's records in a lane: all that did not fail are acknowledged. */
export type LaneResult = { shipment: Shipment; failed: readonly FailedRecord[] }

type Load = { shipment: Shipment; records: readonly number[] | undefined; failed: FailedRecord[] }

const flushSliceMs = 1
const slowFlushSliceMs = 100
/** After this long without an acknowledgement there is no hurry: longer slices spare the CPU. */
const slowAfterMs = 100
/** How long a producer that failed for good may take to hand back what it held. */
const fatalDrainMs = 1000

/**
 * Group commit into Kafka: gathers shipments in a producer's queue, then flushes them together. A lane fills or
 * flushes, never both: a flush that ends has everything, so there is no bookkeeping a record.
 */
export class Lane {
  readonly #producer: Producer
  #loads: Load[] = []
  /** The first record that librdkafka's queue had no room for: load and position in it. */
  #next = { load: 0, position: 0 }
  #closed = false

  constructor(producer: Producer) {
    this.#producer = producer
  }

  get empty(): boolean {
    return this.#loads.length === 0
  }

  /** Whether the lane's producer has failed for good, so that it has to be replaced. */
  get broken(): boolean {
    return this.#producer.failed
  }

  /** Takes all records of a shipment, or only those numbered. */
  add(shipment: Shipment, records?: readonly number[]): void {
    this.#loads.push({ shipment, records, failed: [] })
    this.#queue()
  }

  /**
   * Sends what was added and waits, without limit, until each record is acknowledged or has failed. Empties the lane.
   * Of a lane that is closed meanwhile nothing is known, so it has no results.
   */
  async flush(): Promise<LaneResult[]> {
    const startedAt = performance.now()
    let brokenAt: number | undefined
    for (;;) {
      if (this.#closed) return []
      const now = performance.now()
      const complete = this.#next.load === this.#loads.length
      const drained = await this.#producer.flush(now - startedAt > slowAfterMs ? slowFlushSliceMs : flushSliceMs)
      if (drained && complete) break
      this.#queue()
      if (this.broken) brokenAt ??= now
      if (brokenAt !== undefined && now - brokenAt > fatalDrainMs) {
        this.#failAll('the producer failed for good')
        break
      }
    }
    this.#attribute(await this.#producer.takeFailures())
    const loads = this.#loads
    this.#loads = []
    this.#next = { load: 0, position: 0 }
    for (const load of loads) noteDelivered(load)
    return loads
  }

  /** Gives up what has not been acknowledged. */
  close(): Promise<void> {
    this.#closed = true
    return this.#producer.close()
  }

  /** Hands records to librdkafka until all are there or its queue is full. */
  #queue(): void {
    for (; this.#next.load < this.#loads.length; this.#next.load++, this.#next.position = 0) {
      const load = this.#loads[this.#next.load]
      if (load === undefined || !this.#queueLoad(load)) return
    }
  }

  #queueLoad({ shipment: { batch }, records, failed }: Load): boolean {
    const count = records?.length ?? batch.ends.length
    for (; this.#next.position < count; this.#next.position++) {
      const record = records?.[this.#next.position] ?? this.#next.position
      const result = this.#producer.produce(recordValue(batch, record), recordKey(batch, record))
      if (result === 'full') return false
      if (result !== 'queued') failed.push({ record, reason: result.refused, forGood: isForGood(result.refused) })
    }
    return true
  }

  /**
   * Finds out whose records the failures were, by content: a report has no reference to ours, which would cost on every
   * record. Records with the same key and value are interchangeable, so it does not matter which of them is taken for
   * the failed one.
   */
  #attribute(failures: DeliveryFailure[]): void {
    if (failures.length === 0) return
    const reasons = new Map<string, string[]>()
    for (const { key, value, reason } of failures) {
      const identity = identify(key ?? undefined, value)
      reasons.set(identity, [...(reasons.get(identity) ?? []), reason])
    }
    for (const { shipment, records, failed } of this.#loads) {
      const known = new Set(failed.map(({ record }) => record))
      for (const record of records ?? shipment.batch.ends.keys()) {
        if (known.has(record)) continue
        const reason = reasons
          .get(identify(recordKey(shipment.batch, record), recordValue(shipment.batch, record)))
          ?.pop()
        if (reason !== undefined) failed.push({ record, reason, forGood: isForGood(reason) })
      }
    }
  }

  #failAll(reason: string): void {
    for (const load of this.#loads) {
      const records = [...(load.records ?? load.shipment.batch.ends.keys())]
      load.failed = records.map((record) => ({ record, reason, forGood: false }))
    }
  }
}

function noteDelivered({ shipment, records, failed }: Load): void {
  const { batch } = shipment
  if (records === undefined && failed.length === 0) {
    shipment.deliver(0, shipment.records)
    return
  }
  const failedRecords = new Set(failed.map(({ record }) => record))
  for (const record of records ?? batch.ends.keys()) {
    if (!failedRecords.has(record)) shipment.deliver(record, record + 1)
  }
}

function identify(key: Buffer | undefined, value: Buffer): string {
  return `${key === undefined ? '' : `${key.length}:${key.toString('latin1')}`}|${value.toString('latin1')}`
}
