import { messageOf } from '../../shared/errors.js'
import type { Logger } from '../../shared/logger.js'
import type { Telemetry } from '../../telemetry/telemetry.js'
import { metricsIn } from '../record-batch.js'
import type { DeadSpace } from './dead-space.js'
import { JournalDirectory } from './directory.js'
import { encodeEntry, type JournalEntry } from './entry.js'
import { type EntryRef, Log, type NewEntry, type TakenEntry } from './log.js'

export type JournalOptions = {
  directory: string
  /** All that all processes may have in it, finished bytes of unfinished segments included. */
  maxBytes: number
}

/**
 * - ok: it takes batches
 * - full: until replay has freed a tenth of it
 * - unavailable: its directory or disk does not work, until a few bytes can be written there again
 */
export type JournalState = 'ok' | 'full' | 'unavailable'
export type JournalStatus = { state: JournalState; message: string }

/** A batch that the journal did not take. */
export class JournalRefusal extends Error {
  override name = 'JournalRefusal'
  readonly state: Exclude<JournalState, 'ok'>

  constructor({ state, message }: JournalStatus) {
    super(message)
    this.state = state === 'full' ? 'full' : 'unavailable'
  }
}

type Waiting = { entry: NewEntry; resolve: (ref: EntryRef) => void; reject: (error: Error) => void }

const mebibyte = 2 ** 20
/** A segment is deleted as a whole, so the larger it is, the longer finished bytes lie. */
const largestSegmentBytes = 16 * mebibyte
const segmentsAtLeast = 16
/** What may wait for the disk; beyond it, the disk is too slow for what comes in. */
const maxWaitingBytes = 32 * mebibyte
/** What one sync makes durable at most, so that the first of a crowd is not answered with the last. */
const maxCommitBytes = 4 * mebibyte
const adoptEveryMs = 2000
const measureEveryMs = 250
const roomAgainAt = 0.9
const takesBatches = 'Takes batches'

/**
 * This process's part of the journal: batches go to disk here when Kafka does not take them, many with one sync. What
 * processes have left that ended is adopted. Memory does not grow with it.
 */
export class Journal {
  readonly #options: JournalOptions
  readonly #telemetry: Telemetry
  readonly #logger: Logger
  #directory: JournalDirectory | undefined
  #own: Log | undefined
  #adopted: Log[] = []
  #adopting = false
  #waiting: Waiting[] = []
  #waitingBytes = 0
  #committing: Promise<void> | undefined
  #finished: EntryRef[] = []
  #lastTurn: Promise<unknown> = Promise.resolve()
  #status: JournalStatus = { state: 'unavailable', message: 'Not opened yet' }
  #bytesOfOthers = 0
  #measuredAtMs = -Infinity
  #adopter: NodeJS.Timeout | undefined

  constructor(options: JournalOptions, telemetry: Telemetry, logger: Logger) {
    this.#options = options
    this.#telemetry = telemetry
    this.#logger = logger
  }

  /** Never fails: a journal that cannot be used says so, and is tried again. */
  async start(): Promise<void> {
    await this.#open()
    void this.#lookAfter()
    this.#adopter = setInterval(() => void this.#lookAfter(), adoptEveryMs)
  }

  /** Whether what another process left is being taken over, so that it belongs to nobody and is not counted yet. */
  get adopting(): boolean {
    return this.#adopting
  }

  get status(): JournalStatus {
    return this.#status
  }

  /** Whether a batch would be taken now, as far as one can tell. */
  get takes(): boolean {
    return this.#status.state === 'ok'
  }

  get bytes(): number {
    return this.#logs.reduce((sum, log) => sum + log.totals.bytes, 0)
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
   * @throws {JournalRefusal}
   */
  append(entry: JournalEntry, { held = false } = {}): Promise<EntryRef> {
    const { batch, firstSeenMs } = entry
    if (this.#waitingBytes + batch.bytes.length > maxWaitingBytes) {
      return Promise.reject(new JournalRefusal({ state: 'unavailable', message: 'The disk is too slow' }))
    }
    const bytes = encodeEntry(entry)
    this.#waitingBytes += bytes.length
    return new Promise<EntryRef>((resolve, reject) => {
      this.#waiting.push({ entry: { bytes, metrics: metricsIn(batch), firstSeenMs, held }, resolve, reject })
      this.#committing ??= this.#commit()
    }).finally(() => {
      this.#waitingBytes -= bytes.length
    })
  }

  /** The oldest entries that nobody has taken, about `maxBytes`; what processes left that ended comes first. */
  take(maxBytes: number): Promise<TakenEntry[]> {
    return this.#inTurn(async () => {
      for (const log of this.#logs) {
        const taken = await log.take(maxBytes)
        if (taken.length > 0) return taken
      }
      return []
    })
  }

  /** The entry is acknowledged, or its dead records are buried: its space may be used again. */
  finish(entry: EntryRef): void {
    if (this.#finished.push(entry) > 1) return
    this.#inTurn(() => this.#finishAll()).catch((error) => this.#failed(error))
  }

  /** Ends when what was being written is written. What is left stays for the next process. */
  async stop(): Promise<void> {
    clearInterval(this.#adopter)
    await this.#committing
    await this.#inTurn(() => Promise.all(this.#logs.map((log) => log.close())))
  }

  get #logs(): Log[] {
    return this.#own === undefined ? this.#adopted : [...this.#adopted, this.#own]
  }

  /** Whoever reads a segment must not have it deleted under his hands, so reading and finishing take turns. */
  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#lastTurn.then(action)
    this.#lastTurn = Promise.allSettled([done])
    return done
  }

  async #finishAll(): Promise<void> {
    const entries = this.#finished
    this.#finished = []
    // What cannot be noted of one log is no reason to hold what is finished of another.
    const logs = this.#logs.map((log) => log.finish(entries.filter(({ part }) => log.has(part))))
    for (const outcome of await Promise.allSettled(logs))
      if (outcome.status === 'rejected') this.#failed(outcome.reason)
    await this.#closeFinished()
  }

  async #commit(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#nextGroup()
      try {
        const refs = await this.#write(group.map(({ entry }) => entry))
        for (const [n, { resolve }] of group.entries()) {
          const ref = refs[n]
          if (ref !== undefined) resolve(ref)
        }
      } catch (error) {
        const refusal = error instanceof JournalRefusal ? error : this.#failed(error)
        for (const { reject } of group) reject(refusal)
      }
    }
    // At once, so that whoever comes next begins anew.
    this.#committing = undefined
  }

  #nextGroup(): Waiting[] {
    let bytes = 0
    let count = 0
    for (const { entry } of this.#waiting) {
      bytes += entry.bytes.length
      count++
      if (bytes >= maxCommitBytes) break
    }
    return this.#waiting.splice(0, count)
  }

  async #write(entries: NewEntry[]): Promise<EntryRef[]> {
    const directory = this.#directory
    if (directory === undefined || this.#status.state === 'unavailable') throw new JournalRefusal(this.#status)
    await this.#checkRoom(entries.reduce((sum, { bytes }) => sum + bytes.length, 0))
    this.#own ??= await this.#openLog(directory.nextLogPath())
    const refs = await this.#own.append(entries)
    this.#set({ state: 'ok', message: takesBatches })
    return refs
  }

  async #checkRoom(bytes: number): Promise<void> {
    const { maxBytes } = this.#options
    if (performance.now() - this.#measuredAtMs > measureEveryMs) {
      this.#measuredAtMs = performance.now()
      const own = new Set(this.#logs.map(({ directory }) => directory))
      this.#bytesOfOthers = (await this.#directory?.logBytesBeside(own)) ?? 0
    }
    const used = this.#bytesOfOthers + this.bytes + (this.dead?.bytes ?? 0)
    const limit = this.#status.state === 'full' ? roomAgainAt * maxBytes : maxBytes
    if (used + bytes <= limit) return
    this.#set({ state: 'full', message: `The journal holds ${Math.round(used / mebibyte)} MiB, as much as it may` })
    throw new JournalRefusal(this.#status)
  }

  #failed(error: unknown): JournalRefusal {
    this.#set({ state: 'unavailable', message: `The journal cannot be written: ${messageOf(error)}` })
    return new JournalRefusal(this.#status)
  }

  async #open(): Promise<void> {
    try {
      this.#directory = await JournalDirectory.open(this.#options.directory)
      this.#set({ state: 'ok', message: takesBatches })
    } catch (error) {
      this.#set({ state: 'unavailable', message: messageOf(error) })
    }
  }

  /** Every now and then: opens what could not be opened, adopts what others left, notices room and a disk that works again. */
  async #lookAfter(): Promise<void> {
    if (this.#directory === undefined) await this.#open()
    if (this.#directory === undefined) return
    await this.#directory.dead.measure()
    await this.#adoptFurther()
    if (this.#status.state === 'ok') return
    try {
      if (this.#status.state === 'full') await this.#checkRoom(0)
      else await this.#directory.tryWriting()
      this.#set({ state: 'ok', message: takesBatches })
    } catch (error) {
      if (!(error instanceof JournalRefusal)) this.#failed(error)
    }
  }

  async #adoptFurther(): Promise<void> {
    if (this.#adopted.length > 0) return
    try {
      await this.#inTurn(() => this.#adopt())
    } catch (error) {
      this.#logger.error({ err: error }, 'the journal of a process that has ended cannot be taken over; trying again')
    }
  }

  /** One log at a time, so that several processes share the work. */
  async #adopt(): Promise<void> {
    this.#adopting = true
    try {
      const path = await this.#directory?.adopt()
      if (path !== undefined) await this.#take(path)
    } finally {
      this.#adopting = false
    }
  }

  async #take(path: string): Promise<void> {
    const log = await this.#openLog(path)
    const { entries, metrics, bytes } = log.totals
    if (entries === 0) return log.close()
    this.#telemetry.ledger.adopted(metrics)
    this.#adopted.push(log)
    this.#logger.info({ batches: entries, metrics, bytes }, 'found batches in the journal that wait for Kafka')
  }

  async #closeFinished(): Promise<void> {
    const finished = this.#adopted.filter((log) => log.totals.entries === 0)
    if (finished.length === 0) return
    this.#adopted = this.#adopted.filter((log) => !finished.includes(log))
    for (const log of finished) await log.close()
    await this.#adopt()
  }

  #openLog(directory: string): Promise<Log> {
    const segmentBytes = Math.min(largestSegmentBytes, Math.ceil(this.#options.maxBytes / segmentsAtLeast))
    const damagedPath = this.#directory?.damagedPath ?? directory
    return Log.open({
      directory,
      segmentBytes,
      damagedPath,
      onDamage: ({ file, bytes, metrics }) => {
        this.#telemetry.ledger.lost(metrics, 'waiting')
        this.#logger.error(
          { file, unreadableBytes: bytes, lostMetrics: metrics, keptIn: damagedPath },
          'a file of the journal is damaged: its readable batches are sent, the file is kept; ' +
            'if it is of no use to you, delete it there',
        )
      },
    })
  }

  #set(status: JournalStatus): void {
    const changed = status.state !== this.#status.state
    const first = this.#status.message === 'Not opened yet'
    this.#status = status
    if (!changed && !first) return
    if (status.state === 'ok') {
      if (!first) this.#logger.info('the journal takes batches again')
    } else this.#logger.error({ journal: status.message }, 'the journal takes no batches')
  }
}
