import { setTimeout as pause } from 'node:timers/promises'
import { Delivery } from '../../delivery/delivery.js'
import type { DeadRecord } from '../../delivery/journal/dead-space.js'
import type { JournalDirectory } from '../../delivery/journal/directory.js'
import type { Fault } from '../../delivery/journal/log.js'
import type { RecordBatch } from '../../delivery/record-batch.js'
import type { DeliveryOutcome } from '../../delivery/shipment.js'
import { BufferPool } from '../../shared/buffer-pool.js'
import { Problem } from '../../shared/errors.js'
import { LogOutput } from '../../shared/log-output.js'
import { createLogger } from '../../shared/logger.js'
import { Telemetry } from '../../telemetry/telemetry.js'
import type { CommandContext } from '../command.js'

const lookEveryMs = 200
const tellEveryMs = 2000
const waitForKafkaMs = 3000
const stopTimeoutMs = 1000

/**
 * `refused`: Kafka will not take them, so they are dead letters, perhaps once more. `unreadable`: how many logs and files of
 * the journal could not be read, so that what is in them is still there.
 */
export type Replayed = { metrics: number; refused: number; left: number; unreadable: number }

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
  const telemetry = new Telemetry()
  const { figures } = telemetry.ledger
  const logger = await createLogger(config, new LogOutput(), false)
  logger.level = 'silent'
  const delivery = new Delivery(config, telemetry, new BufferPool(), logger)
  await delivery.start(waitForKafkaMs)
  const refusedAgain = withDead ? await retryDead(directory, delivery) : 0
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
  return { metrics: acknowledged, refused: buried + refusedAgain, left: waiting, unreadable: faults.length }
}

/** Whether something is left that could be taken over. */
async function hasOrphans(directory: JournalDirectory, faults: readonly Fault[]): Promise<boolean> {
  const unreadable = new Set(faults.map(({ path }) => path))
  return (await directory.owners()).some(({ alive, path }) => !alive && !unreadable.has(path))
}

/**
 * Dead letters become batches of the journal or, where that has no room, go to Kafka at once; only then are they deleted.
 * Resolves with the number of those that Kafka has refused at once, which are buried again.
 */
async function retryDead({ dead }: JournalDirectory, delivery: Delivery): Promise<number> {
  let refusedAgain = 0
  for (const file of await dead.list()) {
    for await (const records of dead.read(file)) {
      const { refused } = await deliver(batchOf(records), delivery)
      const numbers = new Set(refused.map(({ record }) => record))
      if (numbers.size > 0) await dead.bury(records.filter((_, n) => numbers.has(n)))
      refusedAgain += numbers.size
    }
    await dead.drop(file)
  }
  return refusedAgain
}

async function deliver(batch: RecordBatch, delivery: Delivery): Promise<DeliveryOutcome> {
  try {
    return await delivery.deliver(batch)
  } catch (error) {
    if (!(error instanceof Problem && error.code === 'VANTAGE_JOURNAL_FULL')) throw error
    throw new Error(
      `${error.message}, so the dead letters cannot be tried again before Kafka is there: wait for it, raise VANTAGE_JOURNAL_MAX_MB for this command, or take them out with journal export --dead and journal drop-dead --yes`,
    )
  }
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
