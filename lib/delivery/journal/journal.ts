import { setTimeout as pause } from 'node:timers/promises'
import { messageOf } from '../../shared/errors.js'
import type { Logger } from '../../shared/logger.js'
import { Seldom } from '../../shared/seldom.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import { metricsIn } from '../record-batch.js'
import { Adoption } from './adoption.js'
import { Condition, type JournalState } from './condition.js'
import type { DeadSpace } from './dead-space.js'
import { JournalDirectory } from './directory.js'
import { DiskTurns } from './disk-turns.js'
import { encodeEntry, type JournalEntry } from './entry.js'
import { EntryRef } from './entry-ref.js'
import type { Fault } from './fault.js'
import { doubtAbout } from './file-system.js'
import { Log } from './log.js'
import type { EntryPlace } from './part.js'
import { patienceMs, Writing } from './writing.js'

export { type JournalState, NotJournaled } from './condition.js'
export type { EntryRef } from './entry-ref.js'
export type { Fault } from './fault.js'

export type TakenEntry = { ref: EntryRef; entry: JournalEntry }

export type JournalOptions = {
  directory: string
  /** The most that all processes together may have in it, finished bytes of unfinished segments included. */
  maxBytes: number
  /** The topic that batches are promised to, and batches that an older version has left. */
  topic: string
}

/** `unreadable`: how many of its logs and files cannot be read, where metrics may wait. */
export type JournalStatus = { state: JournalState; message: string; unreadable: number }

const mebibyte = 2 ** 20
/** A segment is deleted as a whole, so the larger it is, the longer finished bytes lie. */
const largestSegmentBytes = 16 * mebibyte
const segmentsAtLeast = 16
/** Each of this process's own takes a descriptor. */
const segmentsAtMost = 128
const lookEveryMs = 2000
const warnEveryMs = 60_000
/** How long what is written may take when the process stops. */
const closeWithinMs = 1000

/**
 * This process's part of the journal: batches go to disk here when Kafka does not take them, many with one sync. It adopts
 * what ended processes have left. Memory does not grow with it.
 *
 * Any call to the disk may fail, or hang. Writing, reading and looking after the journal each have one call under way at
 * most. So a disk that hangs holds few of libuv's threads, and no caller waits for it longer than a few seconds.
 */
export class Journal {
  readonly #options: JournalOptions
  readonly #telemetry: Telemetry
  readonly #logger: Logger
  readonly #condition: Condition
  readonly #adoption: Adoption
  readonly #writing: Writing
  readonly #leftoverWarning: Seldom
  readonly #turns = new DiskTurns()
  #directory: JournalDirectory | undefined
  #opening: Promise<void> | undefined
  #finished: EntryPlace[] = []
  #caretaker: NodeJS.Timeout | undefined
  #looking = false

  constructor(options: JournalOptions, telemetry: Telemetry, logger: Logger) {
    this.#options = options
    this.#telemetry = telemetry
    this.#logger = logger
    this.#condition = new Condition(logger)
    const openLog = (path: string) => this.#openLog(path)
    this.#adoption = new Adoption({ openLog, turns: this.#turns, ledger: telemetry.ledger, logger })
    this.#writing = new Writing({
      maxBytes: options.maxBytes,
      condition: this.#condition,
      directory: () => this.#directory,
      openLog,
      logs: () => this.#logs,
      turns: this.#turns,
      logger,
    })
    this.#leftoverWarning = new Seldom(warnEveryMs, (files, reason) =>
      logger.warn(
        { files, reason },
        'what is sent cannot be noted or deleted in the journal: after a crash it would be sent again',
      ),
    )
  }

  /** Never fails: the status of a journal that cannot be used says so, and it is tried again. */
  async start(): Promise<void> {
    await Promise.race([this.#open(), pause(patienceMs, undefined, { ref: false })])
    if (this.#opening !== undefined) this.#condition.failed(`its disk has not answered for ${patienceMs} ms`)
    void this.#lookAfter()
    this.#caretaker = setInterval(() => void this.#lookAfter(), lookEveryMs)
  }

  /** Whether something waits that can be sent, or is being adopted and so not counted yet. */
  get hasMore(): boolean {
    return (this.#directory !== undefined && this.#adoption.running) || this.#logs.some((log) => log.hasMore)
  }

  /** What cannot be read at the moment. */
  get faults(): Fault[] {
    const faults = [...this.#adoption.faults, ...(this.#writing.log?.faults ?? [])]
    const { silentMs } = this.#turns
    if (silentMs < patienceMs) return faults
    return [...faults, { path: this.#options.directory, message: `no answer for ${Math.round(silentMs / 1000)} s` }]
  }

  get status(): JournalStatus {
    const { state, message } = this.#condition
    const [first, ...more] = this.faults
    if (first === undefined) return { state, message, unreadable: 0 }
    const others = more.length === 0 ? '' : ` and ${more.length} more`
    const told = `${message}; not all that waits can be read: ${first.path}: ${first.message}${others}`
    return { state, message: told, unreadable: 1 + more.length }
  }

  /** Whether a batch would be taken now, as far as one can tell. */
  get takes(): boolean {
    return this.#condition.state === 'ok'
  }

  get bytes(): number {
    return this.#logs.reduce((sum, log) => sum + log.totals.bytes, 0)
  }

  /** The limit. */
  get maxBytes(): number {
    return this.#options.maxBytes
  }

  /** What counts against the limit: that of all processes, as of their last look, and dead letters. */
  get usedBytes(): number {
    return this.#writing.usedBytes
  }

  get entries(): number {
    return this.#logs.reduce((sum, log) => sum + log.totals.entries, 0)
  }

  /** When the oldest batch came that is still there, in Unix ms. */
  get oldestMs(): number | undefined {
    const oldest = this.#logs.flatMap((log) => log.oldestMs ?? [])
    return oldest.length === 0 ? undefined : Math.min(...oldest)
  }

  /** Where dead records lie; undefined while the journal cannot be opened. */
  get dead(): DeadSpace | undefined {
    return this.#directory?.dead
  }

  /**
   * Resolves when the batch is on disk. The bytes are copied at once. A `held` entry is not given out by `take`.
   *
   * @throws {NotJournaled} after a few seconds at the latest
   */
  async append({ batch, firstSeenMs }: Omit<JournalEntry, 'topic'>, { held = false } = {}): Promise<EntryRef> {
    this.#writing.assertTakes(batch.bytes.length)
    const { topic } = this.#options
    const bytes = encodeEntry({ batch, firstSeenMs, topic })
    return new EntryRef(await this.#writing.add({ bytes, metrics: metricsIn(batch), firstSeenMs, held }))
  }

  /** Topics other than that of the options for which something waits. */
  get otherTopics(): ReadonlySet<string> {
    const topics = this.#adoption.logs.map((log) => (log.hasMore ? log.topic : ''))
    return new Set(topics.filter((topic) => topic !== '' && topic !== this.#options.topic))
  }

  /** The oldest entries for a topic that are not taken yet, about `maxBytes`; adopted ones come first. */
  take(maxBytes: number, topic = this.#options.topic): Promise<TakenEntry[]> {
    return this.#turns.run(async () => {
      for (const log of this.#logs) {
        if ((log.topic || this.#options.topic) !== topic) continue
        const taken = await log.take(maxBytes)
        if (taken.length > 0) return taken.map(({ place, entry }) => ({ ref: new EntryRef(place), entry }))
      }
      return []
    })
  }

  /** The entry is acknowledged, or its dead records are buried: its space may be used again. */
  finish(entry: EntryRef): void {
    if (this.#finished.push(EntryRef.placeOf(entry)) > 1) return
    void this.#turns.run(() => this.#finishAll())
  }

  /**
   * Resolves with true when what was being written is written, with false when the disk is too slow for that. What is left
   * stays for the next process.
   */
  async stop(): Promise<boolean> {
    clearInterval(this.#caretaker)
    const closed = this.#writing.alone(() =>
      this.#turns.run(async () => {
        for (const log of this.#logs) await log.close()
      }),
    )
    const isClosed = await Promise.race([closed.then(() => true), pause(closeWithinMs, false, { ref: false })])
    return isClosed && !this.#looking
  }

  get #logs(): readonly Log[] {
    const adopted = this.#adoption.logs
    const own = this.#writing.log
    return own === undefined ? adopted : [...adopted, own]
  }

  async #finishAll(): Promise<void> {
    const finished = this.#finished
    this.#finished = []
    for (const log of this.#logs) {
      const own = finished.filter(({ part }) => log.has(part))
      if (own.length > 0) await log.finish(own)
    }
    await this.#adoption.closeFinished()
  }

  #open(): Promise<void> {
    this.#opening ??= this.#openDirectory().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #openDirectory(): Promise<void> {
    try {
      const { directory } = this.#options
      this.#directory = await JournalDirectory.open(directory)
      this.#condition.takesBatches()
      const doubt = await doubtAbout(directory)
      if (doubt !== undefined) {
        this.#logger.warn({ directory }, `the journal lies on ${doubt}; VANTAGE_JOURNAL_DIR should name a local disk`)
      }
    } catch (error) {
      this.#condition.unavailable(messageOf(error))
    }
  }

  /** Every two seconds: opens what could not be opened, adopts, and notices room or a disk that works again. */
  async #lookAfter(): Promise<void> {
    // A disk that hangs holds one look, not one more every two seconds.
    if (this.#looking) return
    this.#looking = true
    try {
      if (this.#directory === undefined) await this.#open()
      if (this.#directory !== undefined) await this.#lookAt(this.#directory)
    } catch (error) {
      this.#condition.failed(messageOf(error))
    }
    this.#looking = false
  }

  async #lookAt(directory: JournalDirectory): Promise<void> {
    await this.#adoption.look(directory)
    await this.#turns.run(async () => this.#writing.log?.retry())
    await this.#writing.try()
    await this.#writing.measureOthers()
    try {
      await directory.dead.measure()
    } catch (error) {
      // Batches are taken all the same. It is measured, and logged, once a minute.
      this.#logger.warn({ reason: messageOf(error) }, 'the dead letters on disk cannot be measured')
    }
  }

  #openLog(directory: string): Promise<Log> {
    const { maxBytes } = this.#options
    const fine = Math.min(largestSegmentBytes, Math.ceil(maxBytes / segmentsAtLeast))
    const damagedPath = this.#directory?.damagedPath ?? directory
    return Log.open({
      directory,
      segmentBytes: Math.max(fine, Math.ceil(maxBytes / segmentsAtMost)),
      damagedPath,
      onDamage: ({ file, bytes, metrics }) => {
        this.#telemetry.ledger.lost(metrics, 'waiting')
        this.#logger.error(
          { file, unreadableBytes: bytes, lostMetrics: metrics, keptIn: damagedPath },
          'a file of the journal is damaged: its readable batches are sent, the file is kept; ' +
            'if it is of no use to you, delete it there',
        )
      },
      onLeftover: ({ path, message }) => {
        this.#writing.doubt()
        this.#leftoverWarning.add(1, `${path}: ${message}`)
      },
      onRead: () => this.#turns.answered(),
    })
  }
}
