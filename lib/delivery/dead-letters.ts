import type { Config } from '../shared/config.js'
import type { Logger } from '../shared/logger.js'
import type { DeadFile, DeadRecord, DeadSpace } from './journal/dead-space.js'
import type { Journal } from './journal/journal.js'
import { errorCodeOf, Producer } from './producer.js'
import { producerProperties } from './producer-properties.js'
import { recordKey, recordValue } from './record-batch.js'
import type { Shipment } from './shipment.js'

const lookEveryMs = 1000
const flushSliceMs = 100

/**
 * Records that were promised to their agents and that the brokers refuse for good: they go to the dead space on disk
 * and, where there is one, from there to the dead-letter topic. What that refuses, too, stays on disk.
 */
export class DeadLetters {
  readonly #config: Config
  readonly #journal: Journal
  readonly #logger: Logger
  #producer: Producer | undefined
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> | undefined
  #stopping = false

  constructor(config: Config, journal: Journal, logger: Logger) {
    this.#config = config
    this.#journal = journal
    this.#logger = logger
  }

  start(): void {
    if (this.#config.kafkaDeadLetterTopic === '') return
    this.#timer = setInterval(() => {
      this.#sending ??= this.#sendAll().finally(() => {
        this.#sending = undefined
      })
    }, lookEveryMs)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    clearInterval(this.#timer)
    await this.#sending
    await this.#producer?.close()
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
    return refused.map(({ record, reason }) => ({
      reason,
      errorCode: errorCodeOf(reason),
      firstSeenMs,
      topic: this.#config.kafkaTopic,
      key: recordKey(batch, record)?.toString() ?? null,
      value: recordValue(batch, record).toString(),
    }))
  }

  async #sendAll(): Promise<void> {
    try {
      const { dead } = this.#journal
      for (const file of (await dead?.claim()) ?? []) {
        if (dead === undefined || this.#stopping) return
        await this.#send(file, dead)
      }
    } catch (error) {
      this.#logger.error({ err: error }, 'dead letters could not be sent; trying again')
    }
  }

  /** At least once: a file is dropped when all of it is in the topic, or kept elsewhere because it cannot be. */
  async #send(file: DeadFile, dead: DeadSpace): Promise<void> {
    const producer = await this.#start()
    const refused: DeadRecord[] = []
    for (const record of file.records) {
      const key = record.key === null ? undefined : Buffer.from(record.key)
      const result = producer.produceWithHeaders(Buffer.from(record.value), key, headersOf(record))
      if (result === 'full') return this.#discard()
      if (result !== 'queued') refused.push(record)
    }
    while (!(await producer.flush(flushSliceMs))) if (this.#stopping) return
    const failed = new Set((await producer.takeFailures()).map(({ value }) => value.toString()))
    refused.push(...file.records.filter(({ value }) => failed.has(value)))
    if (refused.length > 0) await dead.bury(refused, { refused: true })
    await dead.drop(file)
    const topic = this.#config.kafkaDeadLetterTopic
    this.#logger.info(
      { topic, records: file.records.length - refused.length, refused: refused.length },
      'dead letters sent',
    )
  }

  async #start(): Promise<Producer> {
    if (this.#producer?.failed === true) await this.#discard()
    this.#producer ??= await Producer.start(producerProperties(this.#config), this.#config.kafkaDeadLetterTopic, {
      onConnectionError: () => undefined,
      onFatal: () => this.#logger.error('the Kafka producer of dead letters failed for good and is replaced'),
    })
    return this.#producer
  }

  /** What it has queued is sent again by the next one. */
  async #discard(): Promise<void> {
    await this.#producer?.close()
    this.#producer = undefined
  }
}

function headersOf({ reason, errorCode, firstSeenMs, topic }: DeadRecord): Record<string, string> {
  return {
    'vantage-reason': reason,
    'vantage-error-code': errorCode,
    'vantage-first-seen': new Date(firstSeenMs).toISOString(),
    'vantage-source': topic,
  }
}
