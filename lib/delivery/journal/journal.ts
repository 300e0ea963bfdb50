import { setTimeout as pause } from 'node:timers/promises'
import { isMissing, messageOf } from '../../shared/errors.js'
import type { Logger } from '../../shared/logger.js'
import { Seldom } from '../../shared/seldom.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import { metricsIn } from '../record-batch.js'
import { Adoption } from './adoption.js'
import { Commits } from './commits.js'
import type { DeadSpace } from './dead-space.js'
import { JournalDirectory } from './directory.js'
import { encodeEntry, type JournalEntry } from './entry.js'
import { doubtAbout } from './file-system.js'
import { type EntryRef, type Fault, Log, type NewEntry, type TakenEntry } from './log.js'

export type JournalOptions = {
  directory: string
  /** All that all processes may have in it, finished bytes of unfinished segments included. */
  maxBytes: number
  /** What batches are promised to, and those that an older version has left. */
  topic: string
}

/**
 * - ok: it takes batches
 * - full: until replay has freed a tenth of it
 * - unavailable: its directory or disk does not work, until some bytes can be written as those of a batch are
 */
export type JournalState = 'ok' | 'full' | 'unavailable'
/** `unreadable`: how many of its logs and files cannot be read, where metrics may wait. */
export type JournalStatus = { state: JournalState; message: string; unreadable: number }

/** A batch that the journal did not take. */
export class JournalRefusal extends Error {
  override name = 'JournalRefusal'
  readonly state: Exclude<JournalState, 'ok'>

  constructor({ state, message }: Omit<JournalStatus, 'unreadable'>) {
    super(message)
    this.state = state === 'full' ? 'full' : 'unavailable'
  }
}

const mebibyte = 2 ** 20
/** A segment is deleted as a whole, so the larger it is, the longer finished bytes lie. */
const largestSegmentBytes = 16 * mebibyte
const segmentsAtLeast = 16
/** Each of this process's own takes a descriptor. */
const segmentsAtMost = 128
/** What may wait for the disk; beyond it, the disk is too slow for what comes in. */
const maxWaitingBytes = 32 * mebibyte
/** A disk with less room is full: as much as many a batch has. */
const trialBytes = 64 * 1024
const lookEveryMs = 2000
const measureEveryMs = 250
const warnEveryMs = 60_000
const roomAgainAt = 0.9
/** How long a batch waits for the disk. A slower one is no better than one that is broken: agents wait meanwhile. */
const patienceMs = 3000
/** A disk that was too slow has to be this fast to be used again. */
const quickMs = 1000
/** How long what is written may take when the process stops. */
const closeWithinMs = 1000
const takesBatches = 'Takes batches'

/**
 * This process's part of the journal: batches go to disk here when Kafka does not take them, many with one sync. What
 * processes have left that ended is adopted. Memory does not grow with it.
 *
 * Any call may fail, or hang. Writing, reading and looking after it have a call under way at most each, so that a disk that
 * hangs holds few of libuv's threads, and nobody waits for one longer than a few seconds.
 */
export class Journal {
  readonly #options: JournalOptions
  readonly #telemetry: Telemetry
  readonly #logger: Logger
  readonly #adoption: Adoption
  readonly #commits: Commits
  readonly #leftoverWarning: Seldom
  #directory: JournalDirectory | undefined
  #opening: Promise<void> | undefined
  #own: Log | undefined
  #finished: EntryRef[] = []
  #lastTurn: Promise<unknown> = Promise.resolve()
  /** When the disk answered last to the one whose turn it is, on the clock of performance.now(). */
  #turnAtMs: number | undefined
  #status: Omit<JournalStatus, 'unreadable'> = { state: 'unavailable', message: 'Not opened yet' }
  /** Whether something other than an append has failed, so that it has to be tried whether those work. */
  #doubtful = false
  #bytesOfOthers = 0
  #measuredAtMs = -Infinity
  #caretaker: NodeJS.Timeout | undefined
  #looking = false

  constructor(options: JournalOptions, telemetry: Telemetry, logger: Logger) {
    this.#options = options
    this.#telemetry = telemetry
    this.#logger = logger
    this.#adoption = new Adoption({
      openLog: (path) => this.#openLog(path),
      inTurn: (action) => this.#inTurn(action),
      ledger: telemetry.ledger,
      logger,
    })
    this.#commits = new Commits({
      write: (entries) => this.#write(entries),
      patienceMs,
      onSlow: () => this.#failed(`its disk has not answered for ${patienceMs} ms`),
    })
    this.#leftoverWarning = new Seldom(warnEveryMs, (files, reason) =>
      logger.warn(
        { files, reason },
        'what is sent cannot be noted or deleted in the journal: after a crash it would be sent again',
      ),
    )
  }

  /** Never fails: a journal that cannot be used says so, and is tried again. */
  async start(): Promise<void> {
    await Promise.race([this.#open(), pause(patienceMs, undefined, { ref: false })])
    if (this.#opening !== undefined) this.#failed(`its disk has not answered for ${patienceMs} ms`)
    void this.#lookAfter()
    this.#caretaker = setInterval(() => void this.#lookAfter(), lookEveryMs)
  }

  /** Whether something waits that can be sent, or is being taken over, so that it belongs to nobody and is not counted yet. */
  get hasMore(): boolean {
    return (this.#directory !== undefined && this.#adoption.running) || this.#logs.some((log) => log.hasMore)
  }

  /** What cannot be read at the moment. */
  get faults(): Fault[] {
    const faults = [...this.#adoption.faults, ...(this.#own?.faults ?? [])]
    const silentMs = this.#turnAtMs === undefined ? 0 : performance.now() - this.#turnAtMs
    if (silentMs < patienceMs) return faults
    return [...faults, { path: this.#options.directory, message: `no answer for ${Math.round(silentMs / 1000)} s` }]
  }

  get status(): JournalStatus {
    const { state, message } = this.#status
    const [first, ...more] = this.faults
    if (first === undefined) return { state, message, unreadable: 0 }
    const others = more.length === 0 ? '' : ` and ${more.length} more`
    const told = `${message}; not all that waits can be read: ${first.path}: ${first.message}${others}`
    return { state, message: told, unreadable: 1 + more.length }
  }

  /** Whether a batch would be taken now, as far as one can tell. */
  get takes(): boolean {
    return this.#status.state === 'ok'
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
    return this.#bytesOfOthers + this.bytes + (this.dead?.bytes ?? 0)
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
   * @throws {JournalRefusal} after a few seconds at the latest
   */
  append({ batch, firstSeenMs }: Omit<JournalEntry, 'topic'>, { held = false } = {}): Promise<EntryRef> {
    const { topic } = this.#options
    if (this.#status.state === 'unavailable') return Promise.reject(new JournalRefusal(this.#status))
    if (this.#commits.waitingBytes + batch.bytes.length > maxWaitingBytes) {
      return Promise.reject(new JournalRefusal({ state: 'unavailable', message: 'The disk is too slow' }))
    }
    return this.#commits.add({
      bytes: encodeEntry({ batch, firstSeenMs, topic }),
      metrics: metricsIn(batch),
      firstSeenMs,
      held,
    })
  }

  /** Topics other than that of the options for which something waits. */
  get otherTopics(): ReadonlySet<string> {
    const topics = this.#adoption.logs.map((log) => (log.hasMore ? log.topic : ''))
    return new Set(topics.filter((topic) => topic !== '' && topic !== this.#options.topic))
  }

  /** The oldest entries for a topic that nobody has taken, about `maxBytes`; what processes left that ended comes first. */
  take(maxBytes: number, topic = this.#options.topic): Promise<TakenEntry[]> {
    return this.#inTurn(async () => {
      for (const log of this.#logs) {
        if ((log.topic || this.#options.topic) !== topic) continue
        const taken = await log.take(maxBytes)
        if (taken.length > 0) return taken
      }
      return []
    })
  }

  /** The entry is acknowledged, or its dead records are buried: its space may be used again. */
  finish(entry: EntryRef): void {
    if (this.#finished.push(entry) > 1) return
    void this.#inTurn(() => this.#finishAll())
  }

  /**
   * Ends when what was being written is written, or the disk is too slow for that: then with false. What is left stays for
   * the next process.
   */
  async stop(): Promise<boolean> {
    clearInterval(this.#caretaker)
    const closed = this.#commits.alone(() =>
      this.#inTurn(async () => {
        for (const log of this.#logs) await log.close()
      }),
    )
    const isClosed = await Promise.race([closed.then(() => true), pause(closeWithinMs, false, { ref: false })])
    return isClosed && !this.#looking
  }

  get #logs(): readonly Log[] {
    const adopted = this.#adoption.logs
    return this.#own === undefined ? adopted : [...adopted, this.#own]
  }

  /** Whoever reads a segment must not have it deleted under his hands, so reading and finishing take turns. */
  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#lastTurn.then(() => {
      this.#turnAtMs = performance.now()
      return action()
    })
    this.#lastTurn = Promise.allSettled([done]).then(() => {
      this.#turnAtMs = undefined
    })
    return done
  }

  async #finishAll(): Promise<void> {
    const entries = this.#finished
    this.#finished = []
    for (const log of this.#logs) {
      const own = entries.filter(({ part }) => log.has(part))
      if (own.length > 0) await log.finish(own)
    }
    await this.#adoption.closeFinished()
  }

  async #write(entries: NewEntry[]): Promise<EntryRef[]> {
    try {
      if (this.#status.state === 'unavailable') throw new JournalRefusal(this.#status)
      await this.#checkRoom(entries.reduce((sum, { bytes }) => sum + bytes.length, 0))
      const startedAt = performance.now()
      const refs = await this.#withOwnLog((log) => log.append(entries))
      if (performance.now() - startedAt < patienceMs) this.#set({ state: 'ok', message: takesBatches })
      return refs
    } catch (error) {
      throw error instanceof JournalRefusal ? error : this.#failed(messageOf(error))
    }
  }

  /** Runs an action with the log that this process writes. Where somebody has removed that, it is made again first. */
  async #withOwnLog<T>(action: (log: Log) => Promise<T>): Promise<T> {
    const directory = this.#directory
    if (directory === undefined) throw new JournalRefusal(this.#status)
    try {
      this.#own ??= await this.#openLog(directory.nextLogPath())
      return await action(this.#own)
    } catch (error) {
      if (!isMissing(error)) throw error
      await this.#restore(directory)
      this.#own ??= await this.#openLog(directory.nextLogPath())
      return action(this.#own)
    }
  }

  async #restore(directory: JournalDirectory): Promise<void> {
    await directory.make()
    let metrics = 0
    await this.#inTurn(async () => {
      for (const log of this.#logs) metrics += await log.restore()
    })
    this.#logger.warn(
      { metrics },
      'a part of the journal had been removed; it is made again, with the metrics that wait',
    )
  }

  async #checkRoom(bytes: number): Promise<void> {
    const { maxBytes } = this.#options
    await this.#measureOthers()
    const used = this.usedBytes
    const limit = this.#status.state === 'full' ? roomAgainAt * maxBytes : maxBytes
    if (used + bytes <= limit) return
    this.#set({ state: 'full', message: `The journal holds ${Math.round(used / mebibyte)} MiB, as much as it may` })
    throw new JournalRefusal(this.#status)
  }

  async #measureOthers(): Promise<void> {
    if (performance.now() - this.#measuredAtMs <= measureEveryMs) return
    this.#measuredAtMs = performance.now()
    const own = new Set(this.#logs.map(({ directory }) => directory))
    this.#bytesOfOthers = (await this.#directory?.logBytesBeside(own)) ?? 0
  }

  #failed(reason: string): JournalRefusal {
    this.#set({ state: 'unavailable', message: `The journal cannot be written: ${reason}` })
    return new JournalRefusal(this.#status)
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
      this.#set({ state: 'ok', message: takesBatches })
      const doubt = await doubtAbout(directory)
      if (doubt !== undefined) {
        this.#logger.warn({ directory }, `the journal lies on ${doubt}; VANTAGE_JOURNAL_DIR should name a local disk`)
      }
    } catch (error) {
      this.#set({ state: 'unavailable', message: messageOf(error) })
    }
  }

  /** Every now and then: opens what could not be opened, adopts what others left, notices room and a disk that works again. */
  async #lookAfter(): Promise<void> {
    // A disk that hangs holds one look, not one more every two seconds.
    if (this.#looking) return
    this.#looking = true
    try {
      if (this.#directory === undefined) await this.#open()
      if (this.#directory !== undefined) await this.#lookAt(this.#directory)
    } catch (error) {
      this.#failed(messageOf(error))
    }
    this.#looking = false
  }

  async #lookAt(directory: JournalDirectory): Promise<void> {
    await this.#adoption.look(directory)
    await this.#inTurn(async () => this.#own?.retry())
    await this.#commits.alone(() => this.#tryWriting())
    await this.#measureOthers()
    try {
      await directory.dead.measure()
    } catch (error) {
      // Batches are taken all the same. It is measured, and told, once a minute.
      this.#logger.warn({ reason: messageOf(error) }, 'the dead letters on disk cannot be measured')
    }
  }

  /** Does what a batch needs, where that has failed, or may fail. */
  async #tryWriting(): Promise<void> {
    const { state } = this.#status
    const startedAt = performance.now()
    try {
      if (state === 'full') await this.#checkRoom(0)
      else if (state === 'unavailable' || this.#doubtful || (await this.#isRemoved())) {
        this.#doubtful = false
        await this.#withOwnLog((log) => log.tryAppending(trialBytes))
      }
      const isQuick = performance.now() - startedAt < quickMs
      if (state !== 'ok' && isQuick) this.#set({ state: 'ok', message: takesBatches })
    } catch (error) {
      if (!(error instanceof JournalRefusal)) this.#failed(messageOf(error))
    }
  }

  /** Whether somebody has removed files in which something waits. */
  async #isRemoved(): Promise<boolean> {
    const own = this.#own
    return own?.hasMore === true && !(await own.isInPlace())
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
        this.#doubtful = true
        this.#leftoverWarning.add(1, `${path}: ${message}`)
      },
      onRead: () => {
        if (this.#turnAtMs !== undefined) this.#turnAtMs = performance.now()
      },
    })
  }

  #set(status: Omit<JournalStatus, 'unreadable'>): void {
    const changed = status.state !== this.#status.state
    const first = this.#status.message === 'Not opened yet'
    this.#status = status
    if (!changed && !first) return
    if (status.state === 'ok') {
      if (!first) this.#logger.info('the journal takes batches again')
    } else this.#logger.error({ journal: status.message }, 'the journal takes no batches')
  }
}
