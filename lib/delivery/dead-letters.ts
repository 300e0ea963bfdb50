import type { Config } from '../shared/config.js'
import type { Logger } from '../shared/logger.js'
import type { DeadLetter, DeadLetterTopic } from './dead-letter-topic.js'
import type { DeadFile, DeadRecord, DeadSpace } from './journal/dead-space.js'
import type { Journal } from './journal/journal.js'
import { recordKey, recordValue } from './record-batch.js'
import type { Shipment } from './shipment.js'

const lookEveryMs = 1000

/**
 * Records that were promised to their agents and that the brokers refuse for good: they go to the dead space on disk
 * and, where there is one, from there to the dead-letter topic. What that refuses, too, stays on disk.
 */
export class DeadLetters {
  readonly #config: Config
  readonly #journal: Journal
  readonly #topic: DeadLetterTopic | undefined
  readonly #logger: Logger
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> | undefined

  constructor(config: Config, journal: Journal, topic: DeadLetterTopic | undefined, logger: Logger) {
    this.#config = config
    this.#journal = journal
    this.#topic = topic
    this.#logger = logger
  }

  start(): void {
    const topic = this.#topic
    if (topic === undefined) return
    this.#timer = setInterval(() => {
      this.#sending ??= this.#sendAll(topic).finally(() => {
        this.#sending = undefined
      })
    }, lookEveryMs)
  }

  /** Resolves when nothing is on its way any more; to be called when the topic is being closed. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#sending
  }

  /**
   * Resolves when the refused records of the shipment are in the dead space. Their bytes are copied at once.
   *
   * @throws {Error} with the system's code when the disk does not take them
   */
  async bury(shipment: Shipment): Promise<void> {
    const records = this.#deadRecords(shipment)
    const { dead } = this.#journal
    if (dead === undefined) throw new Error(this.#journal.status.message)
    await dead.bury(records)
  }

  #deadRecords({ batch, refused, firstSeenMs }: Shipment): DeadRecord[] {
    return refused.map(({ record, reason, errorCode }) => ({
      reason,
      errorCode,
      firstSeenMs,
      topic: this.#config.kafkaTopic,
      key: recordKey(batch, record)?.toString() ?? null,
      value: recordValue(batch, record).toString(),
    }))
  }

  async #sendAll(topic: DeadLetterTopic): Promise<void> {
    try {
      const { dead } = this.#journal
      if (dead === undefined) return
      for (const file of await dead.claim()) await this.#send(file, dead, topic)
    } catch (error) {
      this.#logger.error({ err: error }, 'dead letters could not be sent; trying again')
    }
  }

  /** At least once: a file is dropped when all of it is in the topic, or kept elsewhere because it cannot be. */
  async #send(file: DeadFile, dead: DeadSpace, topic: DeadLetterTopic): Promise<void> {
    const failed = await topic.send(file.records.map(letterOf))
    if (failed === undefined) return
    const refused = file.records.filter((_, n) => failed.has(n))
    if (refused.length > 0) await dead.bury(refused, { refused: true })
    await dead.drop(file)
    const records = file.records.length - refused.length
    this.#logger.info({ topic: topic.name, records, refused: refused.length }, 'dead letters sent')
  }
}

function letterOf(record: DeadRecord): DeadLetter {
  return { ...record, key: record.key === null ? undefined : Buffer.from(record.key), value: Buffer.from(record.value) }
}
