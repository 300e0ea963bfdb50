import type { DeadFile, DeadRecord, DeadSpace } from '../../delivery/journal/dead-space.js'
import type { JournalDirectory, LogOwner } from '../../delivery/journal/directory.js'
import { readLog } from '../../delivery/journal/reader.js'
import { metricsIn, recordKey, recordValue } from '../../delivery/record-batch.js'
import { messageOf } from '../../shared/errors.js'

/** A journal as `journal status --json` shows it. */
export type JournalState = {
  directory: string
  metrics: number
  batches: number
  bytes: number
  max_bytes: number
  oldest_age_seconds: number | null
  dead: number
  /** `unreadable`: why part of it could not be read, else null. */
  logs: { pid: number; running: boolean; metrics: number; batches: number; unreadable: string | null }[]
}

export type WaitingEntry = {
  owner: LogOwner
  firstSeenMs: number
  metrics: number
  bytes: number
  /** Key of the first record: the batch's service, unless VANTAGE_KAFKA_PARTITION_KEY says otherwise. */
  service: string
  /** The topic it was promised to; '' in a log that an older version wrote. */
  topic: string
  /** Record values, as they will go to Kafka. */
  values: string[]
}

/** Every waiting batch, log by log. Calls `onUnreadable` for a log that cannot be read to its end. */
export async function* entriesOf(
  directory: JournalDirectory,
  onUnreadable: (owner: LogOwner, reason: string) => void,
): AsyncGenerator<WaitingEntry> {
  for (const owner of await directory.owners()) {
    try {
      for await (const { batch, firstSeenMs, topic, bytes } of readLog(owner.path)) {
        yield {
          owner,
          firstSeenMs,
          metrics: metricsIn(batch),
          bytes,
          topic,
          service: recordKey(batch, 0)?.toString() ?? '',
          values: Array.from(batch.ends, (_, n) => recordValue(batch, n).toString()),
        }
      }
    } catch (error) {
      onUnreadable(owner, messageOf(error))
    }
  }
}

export async function* deadRecords(directory: JournalDirectory): AsyncGenerator<DeadRecord> {
  const { dead } = directory
  for (const file of await dead.list()) for await (const records of dead.read(file)) yield* records
}

/** How many dead letters there are in these files. */
export async function countDead(dead: DeadSpace, files: readonly DeadFile[]): Promise<number> {
  let count = 0
  for (const file of files) for await (const records of dead.read(file)) count += records.length
  return count
}

export async function describeJournal(directory: JournalDirectory, maxMb: number): Promise<JournalState> {
  const owners = await directory.owners()
  const logs = new Map<string, JournalState['logs'][number]>()
  for (const { name, pid, alive } of owners)
    logs.set(name, { pid, running: alive, metrics: 0, batches: 0, unreadable: null })
  let oldestMs = Infinity
  const onUnreadable = ({ name }: LogOwner, reason: string) => {
    const log = logs.get(name)
    if (log !== undefined) log.unreadable = reason
  }
  for await (const { owner, firstSeenMs, metrics } of entriesOf(directory, onUnreadable)) {
    const log = logs.get(owner.name)
    if (log === undefined) continue
    log.metrics += metrics
    log.batches++
    oldestMs = Math.min(oldestMs, firstSeenMs)
  }
  await directory.dead.measure()
  const sum = (of: (log: { metrics: number; batches: number }) => number) =>
    [...logs.values()].reduce((total, log) => total + of(log), 0)
  return {
    directory: directory.path,
    metrics: sum(({ metrics }) => metrics),
    batches: sum(({ batches }) => batches),
    bytes: directory.dead.bytes + (await directory.logBytesBeside(new Set())),
    max_bytes: maxMb * 2 ** 20,
    oldest_age_seconds: oldestMs === Infinity ? null : Math.max(0, Date.now() - oldestMs) / 1000,
    dead: await countDead(directory.dead, await directory.dead.list()),
    logs: [...logs.values()],
  }
}
