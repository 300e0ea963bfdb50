import { messageOf } from '../../shared/errors.js'
import type { Logger } from '../../shared/logger.js'
import type { Ledger } from '../../telemetry/ledger.js'
import type { JournalDirectory } from './directory.js'
import type { DiskTurns } from './disk-turns.js'
import type { Fault } from './fault.js'
import type { Log } from './log.js'

export type AdoptionOptions = {
  openLog: (directory: string) => Promise<Log>
  turns: DiskTurns
  ledger: Ledger
  logger: Logger
}

/** Takes over what ended processes have left in the journal. It reports what it cannot read, and tries again. */
export class Adoption {
  readonly #options: AdoptionOptions
  #logs: Log[] = []
  /** Logs of ended processes that could not be taken over. */
  #leftAlone: Fault[] = []
  /** Why a log of this process could not be opened, by its path. */
  readonly #unopened = new Map<string, string>()
  #told = new Set<string>()
  #running = true

  constructor(options: AdoptionOptions) {
    this.#options = options
  }

  /** Logs that were taken over and are not empty yet. */
  get logs(): readonly Log[] {
    return this.#logs
  }

  /** Whether something may be between two processes, and so not be counted yet. */
  get running(): boolean {
    return this.#running
  }

  get faults(): Fault[] {
    const unopened = Array.from(this.#unopened, ([path, message]) => ({ path, message }))
    return [...this.#leftAlone, ...unopened, ...this.#logs.flatMap(({ faults }) => faults)]
  }

  /** Takes over all there is. Several processes share the work, since each takes one log at a time. */
  async look(directory: JournalDirectory): Promise<void> {
    this.#running = true
    try {
      this.#leftAlone = await this.#adoptAll(directory)
    } catch (error) {
      this.#leftAlone = [{ path: directory.logsPath, message: messageOf(error) }]
    }
    await this.#options.turns.run(() => this.#retry())
    this.#running = false
    this.#tell()
  }

  /** Closes logs in which nothing waits any more. */
  async closeFinished(): Promise<void> {
    const finished = this.#logs.filter((log) => log.isDone)
    this.#logs = this.#logs.filter((log) => !finished.includes(log))
    for (const log of finished) await log.close()
  }

  async #adoptAll(directory: JournalDirectory): Promise<Fault[]> {
    const leftAlone: Fault[] = []
    const orphans = (await directory.owners()).filter(({ alive }) => !alive)
    for (const { path } of orphans) {
      await this.#options.turns.run(async () => {
        try {
          const adopted = await directory.adopt(path)
          if (adopted !== undefined) await this.#open(adopted)
        } catch (error) {
          leftAlone.push({ path, message: messageOf(error) })
        }
      })
    }
    return leftAlone
  }

  async #open(path: string): Promise<void> {
    const { openLog, ledger, logger } = this.#options
    try {
      const log = await openLog(path)
      const { entries, metrics, bytes } = log.totals
      const { topic } = log
      this.#unopened.delete(path)
      ledger.adopted(metrics)
      this.#logs.push(log)
      if (entries > 0)
        logger.info(
          { batches: entries, metrics, bytes, ...(topic !== '' && { topic }) },
          'found batches in the journal that wait for Kafka',
        )
    } catch (error) {
      this.#unopened.set(path, messageOf(error))
    }
  }

  async #retry(): Promise<void> {
    for (const path of [...this.#unopened.keys()]) await this.#open(path)
    for (const log of this.#logs) {
      const before = log.totals.metrics
      await log.retry()
      this.#options.ledger.adopted(log.totals.metrics - before)
    }
    await this.closeFinished()
  }

  #tell(): void {
    const { logger } = this.#options
    const { faults } = this
    const [first, ...more] = faults.filter(({ path }) => !this.#told.has(path))
    if (first !== undefined) {
      logger.error(
        { file: first.path, reason: first.message, more: more.length },
        'a part of the journal cannot be read; what is in it waits, and is tried again',
      )
    }
    if (this.#told.size > 0 && faults.length === 0) logger.info('all of the journal can be read again')
    this.#told = new Set(faults.map(({ path }) => path))
  }
}
