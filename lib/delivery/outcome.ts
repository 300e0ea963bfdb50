import type { JournalState } from './journal/journal.js'
import type { FailedRecord } from './producer.js'

/** A record that the brokers will never take: `record` counts within the batch. */
export type RefusedRecord = Pick<FailedRecord, 'record' | 'reason' | 'errorCode'>

/** Where the metrics of a batch that was taken are: acknowledged by the brokers, on this machine's disk, or in memory only. */
export type Durability = 'kafka' | 'journal' | 'memory'

/** The batch was taken, but for the records known by then to be refused. */
export type Taken = { kind: 'taken'; durability: Durability; refused: readonly RefusedRecord[] }

/**
 * - kafkaUnavailable: Kafka takes no records, or none of the partitions that the batch belongs to
 * - ackTimeout: not acknowledged in time; what librdkafka has queued cannot be called back, so it may still arrive
 * - journalFull, journalUnavailable: neither Kafka nor the journal takes it
 * - overloaded: as many bytes wait for acknowledgement as may
 */
export type DeferralReason = 'kafkaUnavailable' | 'ackTimeout' | 'journalFull' | 'journalUnavailable' | 'overloaded'

/** Nothing was promised: the sender of the batch keeps it and sends it again. */
export type Deferred = { kind: 'deferred'; reason: DeferralReason; detail: string }

/** What became of a batch. */
export type DeliveryOutcome = Taken | Deferred

export function deferred(reason: DeferralReason, detail: string): Deferred {
  return { kind: 'deferred', reason, detail }
}

/** Of a batch that only the journal could take. */
export function deferredByJournal(state: JournalState, detail: string): Deferred {
  return deferred(state === 'full' ? 'journalFull' : 'journalUnavailable', detail)
}
