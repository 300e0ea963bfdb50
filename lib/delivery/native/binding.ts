// First, so that the addon shares the librdkafka that this brings and loads.
import 'node-rdkafka'
import { loadAddon } from '../../shared/addon.js'

/** A record that is not acknowledged. `code` is librdkafka's name of the error, such as "MSG_SIZE_TOO_LARGE". */
export type NativeFailure = { record: number; code: string; reason: string }

/**
 * `leaderless`: the partitions that have no leader. `error`: what the brokers have against the topic, by librdkafka's name, such as
 * "TOPIC_AUTHORIZATION_FAILED".
 */
export type TopicState = { partitions: number; leaderless: number[]; error?: string }

/** `failure`: why the brokers said nothing, by librdkafka's name. `leaderless`: each followed by a comma. */
export type Answer = { question: number; failure?: string; partitions: number; leaderless?: string; error?: string }

/**
 * What the addon tells. 'settled': ids, each with what failed of it, undefined for nothing. 'failure': what librdkafka
 * logs of a connection that failed. 'identified': the brokers have given an idempotent producer the id that it needs to
 * send.
 */
export type Told =
  | [event: 'settled', batches: (number | NativeFailure[] | undefined)[]]
  | [event: 'failure' | 'fatal' | 'statistics', text: string]
  | [event: 'answer', answer: Answer]
  | [event: 'identified' | 'closed', nothing: undefined]

declare const handle: unique symbol
/** A producer in the addon. */
export type Handle = { [handle]: true }

/** The addon that binding.gyp compiles from addon.c, telling.c and producer.c. */
export type Binding = {
  /**
   * @param saslToken for OAUTHBEARER; '' for none
   * @throws {Error} for a property that librdkafka does not know or a value that it does not take; with the code
   * ERR_SHORTAGE when the system lacks threads or memory
   */
  start(properties: object, saslToken: string, topic: string, tell: (...told: Told) => void): Handle
  /**
   * Queues copies of the records, or of those numbered. `ends`: where each record ends in `bytes`. `keys`: a key each,
   * or one for all, or none. `partition`: -1 for those of the keys. It is always told what became of them, never before this returns.
   *
   * @throws {Error} when there is no memory, or what is given is no batch: nothing is queued then, and nothing told
   */
  send(
    handle: Handle,
    id: number,
    bytes: Buffer,
    ends: Uint32Array,
    keys: readonly Buffer[],
    records: Uint32Array | undefined,
    partition: number,
  ): void
  /** The partition of a key by librdkafka's name of a partitioner; -1 where that goes by chance. */
  partitionOf(partitioner: string, key: Buffer, partitions: number): number
  /** The same for one record with headers, names and texts in turn. */
  sendWithHeaders(handle: Handle, id: number, value: Buffer, key: Buffer | undefined, headers: readonly string[]): void
  /**
   * 'answer' is told in the end: perhaps long after the time-out, which librdkafka counts by the wall clock.
   *
   * @throws {Error} when there is no thread to be had
   */
  describeTopic(handle: Handle, question: number, timeoutMs: number): void
  /** 'closed' is the last event. No question may be open, and the handle must not be used again. */
  close(handle: Handle): void
  /** Ends the process at once, by _exit. */
  leave(status: number): never
}

export const binding = loadAddon('vantage_producer') as Binding
