import { setTimeout as pause } from 'node:timers/promises'
import type { Delivery } from '../../delivery/delivery.js'
import type { DeadFile, DeadRecord, DeadSpace } from '../../delivery/journal/dead-space.js'
import type { JournalDirectory } from '../../delivery/journal/directory.js'
import type { Fault } from '../../delivery/journal/fault.js'
import type { Taken } from '../../delivery/outcome.js'
import type { RecordBatch } from '../../delivery/record-batch.js'
import type { CommandContext } from '../command.js'
import { createSilentDelivery } from '../silent-delivery.js'

const lookEveryMs = 200
const tellEveryMs = 2000
const waitForKafkaMs = 3000
const stopTimeoutMs = 1000

/**
 * `refused`: Kafka will not take them, so they are dead letters, perhaps once more. `unreadable`: how many logs and files of
 * the journal could not be read, so that what is in them is still there. `elsewhere`: dead letters for other topics than
 * VANTAGE_KAFKA_TOPIC, which are left alone.
 */
export type Replayed = { metrics: number; refused: number; left: number; unreadable: number; elsewhere: number }

/**
 * Sends what lies in the journal and belongs to no running process; a running collector sends its own. Ends when all is
 * sent, or by a signal: then the rest stays in the journal.
 */
export async function replayJournal(
  directory: JournalDirectory,
  withDead: boolean,
  { readConfig, note, signal }: CommandContext,
): Promise<Replayed> {
  const config = { ...readConfig(), durability: 'journal' as const }
  const { delivery, telemetry } = await createSilentDelivery(config)
  const { figures } = telemetry.ledger
  await delivery.start(waitForKafkaMs)
  const retried = withDead ? await retryDead(directory, delivery, config.kafkaTopic) : nothingRetried
  if (retried.elsewhere.size > 0) {
    note(
      `dead letters for ${[...retried.elsewhere.keys()].join(', ')} are left; VANTAGE_KAFKA_TOPIC says which are tried`,
    )
  }
  let toldAt = -Infinity
  const isLeft = async () => delivery.hasMore || (await hasOrphans(directory, delivery.faults))
  while (!signal.aborted && (await isLeft())) {
    if (performance.now() - toldAt > tellEveryMs) {
      toldAt = performance.now()
      const trouble = delivery.kafka.up ? '' : `; Kafka: ${delivery.kafka.message}; Ctrl-C leaves the rest for later`
      note(`${figures.replayed} metrics sent, ${figures.waiting} to go${trouble}`)
    }
    await pause(lookEveryMs)
  }
  const { faults } = delivery
  for (const { path, message } of faults) note(`${path} cannot be read: ${message}`)
  await delivery.stop(stopTimeoutMs)
  const { acknowledged, buried, waiting } = figures
  const elsewhere = [...retried.elsewhere.values()].reduce((sum, records) => sum + records, 0)
  const refused = buried + retried.refused
  return { metrics: acknowledged, refused, left: waiting, unreadable: faults.length, elsewhere }
}

/** Whether something is left that could be taken over. */
async function hasOrphans(directory: JournalDirectory, faults: readonly Fault[]): Promise<boolean> {
  const unreadable = new Set(faults.map(({ path }) => path))
  return (await directory.owners()).some(({ alive, path }) => !alive && !unreadable.has(path))
}

/** `refused`: by Kafka at once, and buried again. `elsewhere`: left alone, by their topic. */
type Retried = { refused: number; elsewhere: ReadonlyMap<string, number> }

const nothingRetried: Retried = { refused: 0, elsewhere: new Map() }

/**
 * Dead letters become batches of the journal or, where that has no room, go to Kafka at once; only then are they deleted.
 * Those for other topics are left.
 */
async function retryDead({ dead }: JournalDirectory, delivery: Delivery, topic: string): Promise<Retried> {
  let refused = 0
  const elsewhere = new Map<string, number>()
  for (const file of await dead.list()) {
    const isOurs = await hasRecordsFor(topic, file, dead)
    for await (const records of dead.read(file)) {
      const others = records.filter((record) => record.topic !== topic)
      for (const other of others) elsewhere.set(other.topic, (elsewhere.get(other.topic) ?? 0) + 1)
      if (!isOurs) continue
      const own = records.filter((record) => record.topic === topic)
      if (own.length > 0) refused += await retry(own, dead, delivery)
      if (others.length > 0) await dead.bury(others)
    }
    if (isOurs) await dead.drop(file)
  }
  return { refused, elsewhere }
}

async function hasRecordsFor(topic: string, file: DeadFile, dead: DeadSpace): Promise<boolean> {
  for await (const records of dead.read(file)) if (records.some((record) => record.topic === topic)) return true
  return false
}

/** Resolves with how many Kafka has refused at once. */
async function retry(records: readonly DeadRecord[], dead: DeadSpace, delivery: Delivery): Promise<number> {
  const { refused } = await deliver(batchOf(records), delivery)
  const numbers = new Set(refused.map(({ record }) => record))
  if (numbers.size > 0) await dead.bury(records.filter((_, n) => numbers.has(n)))
  return numbers.size
}

/** @throws {Error} when the batch is deferred */
async function deliver(batch: RecordBatch, delivery: Delivery): Promise<Taken> {
  const outcome = await delivery.deliver(batch)
  if (outcome.kind === 'taken') return outcome
  if (outcome.reason !== 'journalFull') throw new Error(outcome.detail)
  throw new Error(
    `${outcome.detail}, so the dead letters cannot be tried again before Kafka is there: wait for it, raise VANTAGE_JOURNAL_MAX_MB for this command, or take them out with journal export --dead and journal drop-dead --yes`,
  )
}

function batchOf(records: readonly DeadRecord[]): RecordBatch {
  const values = records.map(({ value }) => Buffer.from(value))
  let end = 0
  const ends = Uint32Array.from(values, ({ length }) => {
    end += length
    return end
  })
  const keys = records.some(({ key }) => key !== null) ? records.map(({ key }) => Buffer.from(key ?? '')) : []
  return { bytes: Buffer.concat(values), ends, keys }
}
