import { setTimeout as pause } from 'node:timers/promises'
import { messageOf } from '../shared/errors.js'
import type { Logger } from '../shared/logger.js'
import { Seldom } from '../shared/seldom.js'
import type { DeadLetter, DeadLetterTopic } from './dead-letter-topic.js'
import type { DeadFile, DeadRecord, DeadSpace } from './journal/dead-space.js'
import type { Journal } from './journal/journal.js'

const lookEveryMs = 1000
const warnEveryMs = 60_000
const stopWithinMs = 3000

/** Takes dead letters from the disk to the dead-letter topic. What that refuses, too, stays on disk. */
export class DeadLetters {
  readonly #journal: Journal
  readonly #topic: DeadLetterTopic
  readonly #logger: Logger
  readonly #warning: Seldom
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> | undefined

  constructor(journal: Journal, topic: DeadLetterTopic, logger: Logger) {
    this.#journal = journal
    this.#topic = topic
    this.#logger = logger
    this.#warning = new Seldom(warnEveryMs, (failures, reason) =>
      logger.error({ failures, reason }, 'dead letters could not be sent; trying again'),
    )
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#sending ??= this.#sendAll().finally(() => {
        this.#sending = undefined
      })
    }, lookEveryMs)
  }

  /** Resolves when nothing is on its way any more, or the disk hangs. Close the topic first, which ends what is on its way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.race([this.#sending, pause(stopWithinMs, undefined, { ref: false })])
  }

  /** A file that cannot be read or sent is no reason to keep the others. */
  async #sendAll(): Promise<void> {
    const { dead } = this.#journal
    if (dead === undefined) return
    try {
      for await (const file of dead.claim()) {
        await this.#send(file, dead).catch((error) => this.#warning.add(1, messageOf(error)))
      }
    } catch (error) {
      this.#warning.add(1, messageOf(error))
    }
  }

  /** At least once: a file is dropped when all of it is in the topic, or is kept elsewhere since the topic refuses it. */
  async #send(file: DeadFile, dead: DeadSpace): Promise<void> {
    let records = 0
    let refused = 0
    for await (const some of dead.read(file)) {
      const failed = await this.#topic.send(some.map(deadLetterOf))
      if (failed === undefined) return
      const kept = some.filter((_, n) => failed.has(n))
      if (kept.length > 0) await dead.bury(kept, { refused: true })
      records += some.length - kept.length
      refused += kept.length
    }
    await dead.drop(file)
    this.#logger.info({ topic: this.#topic.name, records, refused }, 'dead letters sent')
  }
}

function deadLetterOf(record: DeadRecord): DeadLetter {
  return { ...record, key: record.key === null ? undefined : Buffer.from(record.key), value: Buffer.from(record.value) }
}
