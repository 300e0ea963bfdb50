import { setTimeout as pause } from 'node:timers/promises'
import { InTurn } from '../shared/in-turn.js'
import type { FailedRecord } from './producer.js'
import { type RecordBatch, recordKey } from './record-batch.js'
import type { Sender } from './sender.js'
import type { Shipment } from './shipment.js'

const firstPauseMs = 50
const longestPauseMs = 1000

/**
 * Sends again what failed, until it is acknowledged, refused, or too late for its request.
 *
 * A broker refuses a whole record batch for one bad record, so good records fail in bad company. To find the bad ones, what
 * was refused is sent alone, and halved until each half gets through or is a single record.
 */
export class Redelivery {
  readonly #live: Sender
  readonly #alone: Sender
  /** Of the shipments that use `alone`. */
  readonly #turns = new InTurn()
  #closed = false

  /** @param alone a sender of its own, so that nothing keeps the records company; it is closed with this */
  constructor(live: Sender, alone: Sender) {
    this.#live = live
    this.#alone = alone
  }

  /**
   * Resolves when each record is acknowledged or refused, or the shipment has been deferred meanwhile; with
   * false, when redelivery was closed before that.
   */
  async redeliver(shipment: Shipment, failed: readonly FailedRecord[]): Promise<boolean> {
    let left = await this.#judgeRefused(shipment, failed)
    for (let pauseMs = firstPauseMs; left.length > 0 && !this.#isOver(shipment); ) {
      const again = await this.#live.send(shipment.batch, { records: left })
      shipment.note(again, left)
      // When some got through, others only found librdkafka's queue full.
      const progress = again.length < left.length
      left = await this.#judgeRefused(shipment, again)
      if (left.length === 0) break
      await pause(progress ? 0 : pauseMs)
      pauseMs = Math.min(2 * pauseMs, longestPauseMs)
    }
    return !this.#closed
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#alone.close()
  }

  #isOver(shipment: Shipment): boolean {
    return this.#closed || shipment.state === 'deferred'
  }

  /** Finds out which of those that seem refused are so, one shipment at a time; returns the numbers of the others. */
  async #judgeRefused(shipment: Shipment, failed: readonly FailedRecord[]): Promise<number[]> {
    const isForGood = (failure: FailedRecord) => refusesRecord(shipment.batch, failure)
    const refused = numbersOf(failed.filter(isForGood))
    if (refused.length > 0) {
      await this.#turns.run(() => this.#sendAlone(shipment, refused))
    }
    return numbersOf(failed.filter((failure) => !isForGood(failure)))
  }

  async #sendAlone(shipment: Shipment, records: readonly number[]): Promise<void> {
    if (records.length === 0 || this.#isOver(shipment)) return
    const failed = await this.#alone.send(shipment.batch, { records })
    shipment.note(failed, records)
    const isForGood = (failure: FailedRecord) => refusesRecord(shipment.batch, failure)
    const refused = failed.filter(isForGood)
    const [only] = refused
    if (only !== undefined && records.length === 1) return shipment.refuse(only)
    const middle = Math.ceil(refused.length / 2)
    await this.#sendAlone(shipment, numbersOf(refused.slice(0, middle)))
    await this.#sendAlone(shipment, numbersOf(refused.slice(middle)))

    const delayed = numbersOf(failed.filter((failure) => !isForGood(failure)))
    if (delayed.length === records.length) await pause(firstPauseMs)
    await this.#sendAlone(shipment, delayed)
  }
}

/** Why a record failed, and what there is to do where that is known. */
export function reasonOf(batch: RecordBatch, failure: FailedRecord): string {
  if (!needsKey(batch, failure)) return failure.reason
  return `${failure.reason}: a topic with cleanup.policy=compact takes none without a key; see VANTAGE_KAFKA_PARTITION_KEY`
}

/** Whether the brokers will never take the record. Where they refuse each one alike, the topic is at fault, or the settings. */
function refusesRecord(batch: RecordBatch, failure: FailedRecord): boolean {
  return failure.forGood && !needsKey(batch, failure)
}

function needsKey(batch: RecordBatch, { record, errorCode }: FailedRecord): boolean {
  return errorCode === 'INVALID_RECORD' && recordKey(batch, record) === undefined
}

function numbersOf(records: readonly FailedRecord[]): number[] {
  return records.map(({ record }) => record)
}
