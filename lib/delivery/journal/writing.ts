import { isMissing, messageOf } from '../../shared/errors.js'
import type { Logger } from '../../shared/logger.js'
import { Commits } from './commits.js'
import { type Condition, NotJournaled } from './condition.js'
import type { JournalDirectory } from './directory.js'
import type { DiskTurns } from './disk-turns.js'
import type { Log } from './log.js'
import type { EntryPlace, NewEntry } from './part.js'

export type WritingOptions = {
  /** The most that all processes together may have in the journal, finished bytes of unfinished segments included. */
  maxBytes: number
  condition: Condition
  /** Undefined while it cannot be opened. */
  directory: () => JournalDirectory | undefined
  openLog: (path: string) => Promise<Log>
  /** All logs of this process, adopted ones included. */
  logs: () => readonly Log[]
  turns: DiskTurns
  logger: Logger
}

const mebibyte = 2 ** 20
/** The most that may wait for the disk; beyond it, the disk is too slow for what comes in. */
const maxWaitingBytes = 32 * mebibyte
/** A disk with less room than this counts as full: it is the size of a common batch. */
const trialBytes = 64 * 1024
const measureEveryMs = 250
const roomAgainAt = 0.9
/** How long a batch waits for the disk. A slower disk is no better than a broken one: agents wait meanwhile. */
export const patienceMs = 3000
/** A disk that was too slow has to be this fast to be used again. */
const quickMs = 1000

/** Writes entries to a log of this process, many with one sync, as long as there is room and the disk works. */
export class Writing {
  readonly #options: WritingOptions
  readonly #commits: Commits
  #log: Log | undefined
  /** Whether something other than an append has failed, so that it has to be tried whether those work. */
  #doubtful = false
  #bytesOfOthers = 0
  #measuredAtMs = -Infinity

  constructor(options: WritingOptions) {
    this.#options = options
    this.#commits = new Commits({
      write: (entries) => this.#write(entries),
      patienceMs,
      onSlow: () => options.condition.failed(`its disk has not answered for ${patienceMs} ms`),
    })
  }

  /** The log that is written; undefined until there is something to write. */
  get log(): Log | undefined {
    return this.#log
  }

  /** What counts against the limit: that of all processes, as of their last look, and dead letters. */
  get usedBytes(): number {
    const { logs, directory } = this.#options
    const ownBytes = logs().reduce((sum, { totals }) => sum + totals.bytes, 0)
    return this.#bytesOfOthers + ownBytes + (directory()?.dead.bytes ?? 0)
  }

  /** Adds up what the logs of other processes take, unless that was done a moment ago. */
  async measureOthers(): Promise<void> {
    if (performance.now() - this.#measuredAtMs <= measureEveryMs) return
    this.#measuredAtMs = performance.now()
    const { logs, directory } = this.#options
    const own = new Set(logs().map((log) => log.directory))
    this.#bytesOfOthers = (await directory()?.logBytesBeside(own)) ?? 0
  }

  /** @throws {NotJournaled} when an entry of that many bytes need not be made */
  assertTakes(bytes: number): void {
    const { condition } = this.#options
    if (condition.state === 'unavailable') throw new NotJournaled(condition)
    if (this.#commits.waitingBytes + bytes <= maxWaitingBytes) return
    throw new NotJournaled({ state: 'unavailable', message: 'The disk is too slow' })
  }

  /**
   * Resolves when the entry is on disk.
   *
   * @throws {NotJournaled} after a few seconds at the latest
   */
  add(entry: NewEntry): Promise<EntryPlace> {
    return this.#commits.add(entry)
  }

  /** Something of the journal could not be noted or deleted, so that the next trial has to show whether it can be written. */
  doubt(): void {
    this.#doubtful = true
  }

  /** Tries each operation that a batch needs and that has failed or may fail, and sets the condition by the result. */
  try(): Promise<void> {
    return this.#commits.alone(() => this.#try())
  }

  /** Runs an action while nothing is being written. */
  alone(action: () => Promise<void>): Promise<void> {
    return this.#commits.alone(action)
  }

  async #write(entries: NewEntry[]): Promise<EntryPlace[]> {
    const { condition } = this.#options
    try {
      if (condition.state === 'unavailable') throw new NotJournaled(condition)
      await this.#checkRoom(entries.reduce((sum, { bytes }) => sum + bytes.length, 0))
      const startedAt = performance.now()
      const places = await this.#withLog((log) => log.append(entries))
      if (performance.now() - startedAt < patienceMs) condition.takesBatches()
      return places
    } catch (error) {
      throw error instanceof NotJournaled ? error : condition.failed(messageOf(error))
    }
  }

  async #try(): Promise<void> {
    const { condition } = this.#options
    const { state } = condition
    const startedAt = performance.now()
    try {
      if (state === 'full') await this.#checkRoom(0)
      else if (state === 'unavailable' || this.#doubtful || (await this.#isRemoved())) {
        this.#doubtful = false
        await this.#withLog((log) => log.tryAppending(trialBytes))
      }
      const isQuick = performance.now() - startedAt < quickMs
      if (state !== 'ok' && isQuick) condition.takesBatches()
    } catch (error) {
      if (!(error instanceof NotJournaled)) condition.failed(messageOf(error))
    }
  }

  /** Runs an action with the log that is written, which is made again first where it was removed. */
  async #withLog<T>(action: (log: Log) => Promise<T>): Promise<T> {
    const { condition, openLog } = this.#options
    const directory = this.#options.directory()
    if (directory === undefined) throw new NotJournaled(condition)
    try {
      this.#log ??= await openLog(directory.nextLogPath())
      return await action(this.#log)
    } catch (error) {
      if (!isMissing(error)) throw error
      await this.#restore(directory)
      this.#log ??= await openLog(directory.nextLogPath())
      return action(this.#log)
    }
  }

  async #restore(directory: JournalDirectory): Promise<void> {
    const { turns, logs, logger } = this.#options
    await directory.make()
    let metrics = 0
    await turns.run(async () => {
      for (const log of logs()) metrics += await log.restore()
    })
    logger.warn({ metrics }, 'a part of the journal had been removed; it is made again, with the metrics that wait')
  }

  /** Whether files were removed in which something waits. */
  async #isRemoved(): Promise<boolean> {
    const log = this.#log
    return log?.hasMore === true && !(await log.isInPlace())
  }

  /** @throws {NotJournaled} when the journal has no room for `bytes` more */
  async #checkRoom(bytes: number): Promise<void> {
    const { maxBytes, condition } = this.#options
    await this.measureOthers()
    const used = this.usedBytes
    const limit = condition.state === 'full' ? roomAgainAt * maxBytes : maxBytes
    if (used + bytes <= limit) return
    throw condition.full(`The journal holds ${Math.round(used / mebibyte)} MiB, as much as it may`)
  }
}
