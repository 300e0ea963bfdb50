import { readdir, rmdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { isMissing, messageOf } from '../../shared/errors.js'
import { metricsIn } from '../record-batch.js'
import type { JournalEntry } from './entry.js'
import type { Scan } from './find-entries.js'
import { readPiece } from './piece.js'
import { Segment } from './segment.js'
import { makeDirectory, syncDirectory } from './sync-directory.js'

/** Names one entry, from its being written until it is finished. */
export type EntryRef = {
  readonly part: Part
  readonly start: number
  readonly end: number
  readonly metrics: number
  readonly firstSeenMs: number
}

/**
 * An entry to be written. One that is `held` is not given out by `take`. One that has become `unwanted` while it was written
 * is finished when it is on disk: nothing was promised on it.
 */
export type NewEntry = { bytes: Buffer; metrics: number; firstSeenMs: number; held: boolean; unwanted?: boolean }

export type TakenEntry = { ref: EntryRef; entry: JournalEntry }

/** What has not been finished. */
export type LogTotals = { entries: number; metrics: number; bytes: number }

/** Unreadable bytes of a file. `metrics`: those that were written there since the log was opened, and are lost. */
export type Damage = { file: string; bytes: number; metrics: number }

/** What cannot be read of a journal, in the system's words. What waits there is tried again. */
export type Fault = { path: string; message: string }

export type LogOptions = {
  directory: string
  segmentBytes: number
  /** Where segments go that had unreadable bytes, once all the rest of them is finished. */
  damagedPath: string
  /** Told of bytes that are no entry. The entries around them are kept, and the file, too. */
  onDamage: (damage: Damage) => void
  /** Told when a file of finished entries could be neither marked nor deleted, so that they may be sent twice. */
  onLeftover: (fault: Fault) => void
  /** Told while it is being counted, which may take long, that the disk has answered. */
  onRead?: () => void
}

/** A segment and what is known of its entries. */
export type Part = {
  segment: Segment
  /** Where the next entry to be taken starts. */
  cursor: number
  /** Entries that were taken or are held, by where they start, until they are finished. */
  readonly open: Map<number, EntryRef>
  /** Entries that were held and finished before they were taken, by where they start. */
  readonly skipped: Set<number>
  entries: number
  metrics: number
  /** When its oldest entry that was not taken yet came, or somewhat earlier. */
  firstSeenMs: number
  damagedBytes: number
  /** Whether that was told. */
  damageTold: boolean
  /** How far all is finished, as noted on disk. */
  marked: number
  /** Why it could not be read last; undefined when it could. */
  fault: string | undefined
  /** On the clock of performance.now(). */
  retryAtMs: number
}

const segmentName = /^\d{8}\.log$/
const scanBytes = 4 * 2 ** 20
/** How much may be finished before that is noted: what a crash may send twice. */
const markEveryBytes = 256 * 1024
const retryEveryMs = 2000

/**
 * Entries in the order they came, in segments of a directory: written at one end, taken at the other, and finished in
 * any order. Memory is held for entries that are taken or held, not for those that wait.
 */
export class Log {
  readonly #options: LogOptions
  /** Oldest first. */
  readonly #parts: Part[] = []
  /** Segments that could not be opened or counted, by name, and why. */
  readonly #unopened = new Map<string, string>()
  /** Finished segments that could not be deleted. */
  readonly #leftovers = new Set<Part>()
  #nextNumber = 1
  #topic = ''
  #appending: Part | undefined

  private constructor(options: LogOptions) {
    this.#options = options
  }

  /**
   * Opens the log in a directory, which is made if need be, and counts what is in it. A segment that cannot be read is a
   * fault of the log.
   *
   * @throws {Error} with the system's code when the directory cannot be read
   */
  static async open(options: LogOptions): Promise<Log> {
    const log = new Log(options)
    await makeDirectory(options.directory)
    const names = (await readdir(options.directory)).filter((name) => segmentName.test(name)).sort()
    for (const name of names) await log.#openPart(name)
    return log
  }

  get directory(): string {
    return this.#options.directory
  }

  /** What its entries were promised to, which is one topic, as a process has one; '' where an older version wrote them. */
  get topic(): string {
    return this.#topic
  }

  has(part: Part): boolean {
    return this.#parts.includes(part)
  }

  get totals(): LogTotals {
    let [entries, metrics, bytes] = [0, 0, 0]
    for (const part of this.#parts) {
      entries += part.entries
      metrics += part.metrics
      bytes += part.segment.size
    }
    for (const { segment } of this.#leftovers) bytes += segment.size
    return { entries, metrics, bytes }
  }

  /** Whether nothing waits in it, all of it could be read, and nothing of it has to be deleted any more. */
  get isDone(): boolean {
    return this.#unopened.size + this.#leftovers.size === 0 && this.#parts.every(({ entries }) => entries === 0)
  }

  /** Whether something waits that can be read. */
  get hasMore(): boolean {
    return this.#parts.some(({ entries, fault }) => entries > 0 && fault === undefined)
  }

  get faults(): Fault[] {
    const unopened = Array.from(this.#unopened, ([name, message]) => ({ path: join(this.directory, name), message }))
    const unread = this.#parts.flatMap(({ fault, segment: { path } }) =>
      fault === undefined ? [] : [{ path, message: fault }],
    )
    return [...unopened, ...unread]
  }

  /** When the oldest entry that is not finished came, in Unix ms; undefined if there is none. */
  get oldestMs(): number | undefined {
    const oldest = this.#parts.filter(({ entries }) => entries > 0).map(oldestOf)
    return oldest.length === 0 ? undefined : Math.min(...oldest)
  }

  /**
   * Writes entries, all or none. Resolves when they are on disk. To be called again only then.
   *
   * @throws {Error} with the system's code, such as ENOSPC
   */
  async append(entries: readonly NewEntry[]): Promise<EntryRef[]> {
    const part = this.#lastWritable() ?? (await this.#begin())
    // Not deleted from now on, although all of it may be finished.
    this.#appending = part
    let end = part.segment.size
    const refs = entries.map(({ bytes, metrics, firstSeenMs }) => {
      const start = end
      end += bytes.length
      return { part, start, end, metrics, firstSeenMs }
    })
    // Held before they can be seen, so that nobody takes them in between.
    const held = refs.filter((_, n) => entries[n]?.held)
    for (const ref of held) part.open.set(ref.start, ref)
    try {
      await part.segment.append(entries.map(({ bytes }) => bytes))
    } catch (error) {
      for (const { start } of held) part.open.delete(start)
      throw error
    } finally {
      this.#appending = undefined
    }
    for (const [n, { start, metrics, firstSeenMs }] of refs.entries()) {
      if (entries[n]?.unwanted === true) {
        part.open.delete(start)
        part.skipped.add(start)
        continue
      }
      if (part.entries === 0) part.firstSeenMs = firstSeenMs
      part.entries++
      part.metrics += metrics
    }
    return refs
  }

  /**
   * Does all that `append` does, and takes it back.
   *
   * @throws {Error} as `append` does
   */
  async tryAppending(bytes: number): Promise<void> {
    const part = this.#lastWritable() ?? (await this.#begin())
    this.#appending = part
    try {
      await part.segment.tryAppending(bytes)
    } finally {
      this.#appending = undefined
    }
  }

  /**
   * The oldest entries that are neither taken, held nor finished: about `maxBytes` of them, one at the least. What cannot
   * be read is passed over for a while.
   */
  async take(maxBytes: number): Promise<TakenEntry[]> {
    for (const part of [...this.#parts]) {
      if (part.fault !== undefined && performance.now() < part.retryAtMs) continue
      try {
        const taken = await this.#takeSome(part, maxBytes)
        part.fault = undefined
        if (taken.length > 0) return taken
      } catch (error) {
        part.fault = messageOf(error)
        part.retryAtMs = performance.now() + retryEveryMs
        await part.segment.release()
      }
    }
    return []
  }

  /** Tries again to open what could not be opened, and to delete what could not be deleted. */
  async retry(): Promise<void> {
    for (const name of [...this.#unopened.keys()]) await this.#openPart(name)
    for (const part of [...this.#leftovers]) await this.#discard(part)
  }

  /** Whether all its files are where they were made. */
  async isInPlace(): Promise<boolean> {
    return (await this.#missing()).length === 0
  }

  /**
   * Makes again what somebody has removed, from the files that are still open: what was promised is on disk then. Resolves
   * with how many metrics that are.
   *
   * @throws {Error} with the system's code, such as ENOSPC
   */
  async restore(): Promise<number> {
    const missing = await this.#missing()
    let metrics = 0
    await makeDirectory(this.directory)
    for (const part of missing) {
      part.segment.seal()
      if (part.entries > 0 && (await part.segment.restore())) metrics += part.metrics
    }
    await syncDirectory(this.directory)
    return metrics
  }

  /** The entries are done with. Their space is free once all of their segment is. */
  async finish(refs: readonly EntryRef[]): Promise<void> {
    const parts = new Set<Part>()
    for (const { part, start, metrics } of refs) {
      if (!part.open.delete(start)) continue
      if (start >= part.cursor) part.skipped.add(start)
      part.entries--
      part.metrics -= metrics
      parts.add(part)
    }
    for (const part of parts) if (!(await this.#retire(part))) await this.#mark(part)
  }

  /** Closes its files; an empty log leaves nothing behind. */
  async close(): Promise<void> {
    for (const part of [...this.#parts, ...this.#leftovers]) {
      if (part.entries === 0) await this.#discard(part)
      // What a disk has against the closing is no matter: all of it is synced.
      else await part.segment.close().catch(() => undefined)
    }
    // Not where something is left in it, or somebody has removed it.
    await rmdir(this.directory).catch(() => undefined)
  }

  async #missing(): Promise<Part[]> {
    const names = await readdir(this.directory).catch((error): string[] => {
      if (isMissing(error)) return []
      throw error
    })
    return this.#parts.filter(({ segment }) => !names.includes(basename(segment.path)))
  }

  #lastWritable(): Part | undefined {
    const last = this.#parts.at(-1)
    if (last === undefined || last.segment.sealed) return undefined
    return last.segment.size < this.#options.segmentBytes ? last : undefined
  }

  /** Begins a new segment. */
  async #begin(): Promise<Part> {
    const last = this.#parts.at(-1)
    last?.segment.seal()
    const name = `${String(this.#nextNumber).padStart(8, '0')}.log`
    const segment = await Segment.create(join(this.directory, name))
    this.#nextNumber++
    await syncDirectory(this.directory)
    const part = newPart(segment)
    this.#parts.push(part)
    this.#appending = part
    if (last !== undefined) await this.#retire(last)
    return part
  }

  /** Where somebody has removed it meanwhile, it is no part. */
  async #openPart(name: string): Promise<void> {
    this.#nextNumber = Math.max(this.#nextNumber, Number(basename(name, '.log')) + 1)
    try {
      const segment = await Segment.open(join(this.directory, name))
      const part = newPart(segment)
      await this.#count(part).finally(() => segment.release())
      this.#unopened.delete(name)
      this.#parts.push(part)
      if (part.damagedBytes > 0) this.#tellDamage(part)
      await this.#retire(part)
    } catch (error) {
      if (isMissing(error)) this.#unopened.delete(name)
      else this.#unopened.set(name, messageOf(error))
    }
  }

  /** Reads everything once, and forgets it. */
  async #count(part: Part): Promise<void> {
    part.marked = await part.segment.marked()
    part.cursor = part.marked
    while (part.cursor < part.segment.size) {
      const found = await readPiece(part.segment, part.cursor, scanBytes)
      this.#options.onRead?.()
      for (const entry of found.entries) {
        if (part.entries === 0) part.firstSeenMs = entry.firstSeenMs
        this.#topic ||= entry.topic
        part.entries++
        part.metrics += metricsIn(entry.batch)
      }
      pass(part, found)
    }
    part.cursor = part.marked
  }

  /** None when all of the part is taken, which may be the end of it. */
  async #takeSome(part: Part, maxBytes: number): Promise<TakenEntry[]> {
    while (part.cursor < part.segment.size) {
      const taken = await this.#takeFrom(part, maxBytes)
      if (taken.length > 0) return taken
    }
    await this.#retire(part)
    return []
  }

  async #takeFrom(part: Part, maxBytes: number): Promise<TakenEntry[]> {
    const found = await readPiece(part.segment, part.cursor, maxBytes)
    const base = part.cursor
    // At once with what follows: between them, all of the part would seem to be read and done with.
    pass(part, found)
    return found.entries.flatMap((entry) => {
      const start = base + entry.start
      if (part.open.has(start) || part.skipped.delete(start)) return []
      const { firstSeenMs, batch, topic } = entry
      const ref = { part, start, end: base + entry.end, metrics: metricsIn(batch), firstSeenMs }
      part.open.set(start, ref)
      part.firstSeenMs = firstSeenMs
      return [{ ref, entry: { batch, firstSeenMs, topic } }]
    })
  }

  /** Deletes a segment that is finished. One that had unreadable bytes is kept under another name. */
  async #retire(part: Part): Promise<boolean> {
    const { segment, cursor, open, entries } = part
    const isRead = cursor >= segment.size && open.size === 0
    if (entries > 0 && !isRead) return false
    if (part !== this.#appending) segment.seal()
    if (!segment.sealed) return false
    const index = this.#parts.indexOf(part)
    if (index === -1) return true
    this.#parts.splice(index, 1)
    // What the totals count and was not found is lost.
    if (part.damagedBytes > 0 && (!part.damageTold || part.metrics > 0)) this.#tellDamage(part, part.metrics)
    await this.#discard(part)
    return true
  }

  async #discard(part: Part): Promise<void> {
    const { segment, damagedBytes } = part
    try {
      if (damagedBytes > 0) await segment.setAside(this.#options.damagedPath)
      else await segment.remove()
      this.#leftovers.delete(part)
    } catch (error) {
      if (isMissing(error)) this.#leftovers.delete(part)
      else this.#leave(part, error)
    }
  }

  #leave(part: Part, error: unknown): void {
    const isNew = !this.#leftovers.has(part)
    this.#leftovers.add(part)
    if (isNew) this.#options.onLeftover({ path: part.segment.path, message: messageOf(error) })
  }

  #tellDamage(part: Part, metrics = 0): void {
    part.damageTold = true
    this.#options.onDamage({ file: part.segment.path, bytes: part.damagedBytes, metrics })
  }

  async #mark(part: Part): Promise<void> {
    let position = part.cursor
    for (const start of part.open.keys()) if (start < position) position = start
    if (position - part.marked < markEveryBytes) return
    part.marked = position
    try {
      await part.segment.mark(position)
    } catch (error) {
      this.#options.onLeftover({ path: part.segment.path, message: messageOf(error) })
    }
  }
}

/** Moves the cursor behind what was read. */
function pass(part: Part, { damagedBytes, end }: Scan): void {
  part.damagedBytes += damagedBytes
  part.cursor += end
}

function newPart(segment: Segment): Part {
  return {
    segment,
    cursor: 0,
    open: new Map(),
    skipped: new Set(),
    entries: 0,
    metrics: 0,
    firstSeenMs: 0,
    damagedBytes: 0,
    damageTold: false,
    marked: 0,
    fault: undefined,
    retryAtMs: 0,
  }
}

function oldestOf({ cursor, segment, open, firstSeenMs }: Part): number {
  let oldest = cursor < segment.size ? firstSeenMs : Infinity
  for (const ref of open.values()) if (ref.firstSeenMs < oldest) oldest = ref.firstSeenMs
  return oldest
}
